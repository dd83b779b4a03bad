// Shows what the browser itself says of a permission, beside what this shop has recorded.
// Asking for the state asks the person nothing; nothing is sent or stored.
const FEATURES = { camera: "camera", "clipboard-read": "clipboard-read" };

for (const place of document.querySelectorAll("[data-browser-state]")) {
  const name = FEATURES[place.dataset.browserState];
  if (!name || !navigator.permissions) continue;
  navigator.permissions
    .query({ name })
    .then((status) => {
      const show = () => {
        place.textContent = place.dataset[status.state];
      };
      status.addEventListener("change", show);
      show();
    })
    .catch(() => {}); // a browser that does not know the name: the words of the page stay
}
