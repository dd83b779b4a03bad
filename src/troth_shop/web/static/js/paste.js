// Puts the clipboard's text into a field: read once per click on "Paste", never at any other
// moment; the text goes into the field and nowhere else.

import { countUse } from "./uses.js";

for (const button of document.querySelectorAll("button[data-paste]")) {
  const field = document.getElementById(button.dataset.paste);
  const status = document.querySelector(`[data-paste-status="${button.dataset.paste}"]`);
  if (!field || !navigator.clipboard?.readText) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (!(await countUse(button.dataset.uses))) {
      location.replace(location.pathname + location.search); // switched off meanwhile: the page without the button is the true one
      return;
    }
    try {
      const text = await navigator.clipboard.readText();
      field.value = text.trim().slice(0, field.maxLength > 0 ? field.maxLength : 200);
      status.textContent = "";
      field.focus();
    } catch {
      status.textContent = button.dataset.refused;
    }
  });
}
