// Scans a shelf label. The picture is decoded here, by WebAssembly from our own address; no frame
// is drawn, sent or kept. A hit leads to a page of this shop and to no other place.

import { BarcodeDetector, prepareZXingModule } from "../vendor/barcode-detector/ponyfill.js";
import { Camera, wordsFor } from "./camera.js";
import { countUse } from "./uses.js";

const LOOK_EVERY_MS = 120;
const place = document.getElementById("scanner");
const status = place.querySelector("[data-status]");
const openButton = place.querySelector("[data-open-camera]");
const closeButton = place.querySelector("[data-close]");

prepareZXingModule({
  overrides: { locateFile: (file) => new URL(`../vendor/zxing-wasm/${file}`, import.meta.url).href },
});

const say = (words) => {
  status.textContent = words;
};
const camera = new Camera(place.querySelector("video"), (why) => {
  openButton.hidden = false;
  closeButton.hidden = true;
  if (why !== "found") say(place.dataset.stopped);
});

/** The 13 digits or the name of an article in what a code says; null for anything else. */
function pageOf(text) {
  const digits = /^\d{13}$/.exec(text.trim());
  if (digits) return digits[0];
  return /[?&]code=(\d{13})(?:&|$)/.exec(text)?.[1] ?? null;
}

async function look(detector) {
  while (camera.isOpen) {
    let found = [];
    try {
      found = await detector.detect(camera.video);
    } catch {
      // a frame that is not there yet; the next one is
    }
    if (!camera.isOpen) return;
    for (const { rawValue } of found) {
      const code = pageOf(rawValue);
      if (code) {
        camera.close("found");
        say(place.dataset.found);
        location.assign(`${place.dataset.code}?code=${encodeURIComponent(code)}`);
        return;
      }
      say(place.dataset.strange);
    }
    await new Promise((next) => setTimeout(next, LOOK_EVERY_MS));
  }
}

async function start() {
  openButton.hidden = true;
  if (!(await countUse(place.dataset.uses))) {
    openButton.hidden = false;
    say(place.dataset.off);
    return;
  }
  try {
    await camera.open({ facingMode: "environment" });
  } catch (error) {
    openButton.hidden = false;
    camera.close("refused");
    say(wordsFor(error, place));
    return;
  }
  closeButton.hidden = false;
  say(place.dataset.open);
  await look(new BarcodeDetector({ formats: ["qr_code", "ean_13"] }));
}

openButton.addEventListener("click", start);
closeButton.addEventListener("click", () => camera.close("person"));
openButton.hidden = !navigator.mediaDevices;
if (!navigator.mediaDevices) say(place.dataset.none);
