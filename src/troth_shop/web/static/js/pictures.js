// Takes the light pictures on a slow or costly network. What the browser says of the network stays
// in this function; nothing of it is sent or kept. Loaded only where that is allowed.

import { countUse } from "./uses.js";

const script = document.querySelector("script[data-uses-pictures]");
const network = navigator.connection;

async function lighten() {
  if (!network || !(await countUse(script.dataset.usesPictures))) return;
  const slow = network.saveData || /(^|-)2g$/.test(network.effectiveType) || network.effectiveType === "3g";
  if (!slow) return;
  for (const picture of document.querySelectorAll("img[data-light]")) {
    picture.src = picture.dataset.light;
  }
}

lighten();
