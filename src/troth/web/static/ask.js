// Escape means "not now": the same as pressing that button, never a refusal and never a yes.
const notNow = document.querySelector("[data-escape]");
if (notNow) {
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") notNow.click();
  });
}
