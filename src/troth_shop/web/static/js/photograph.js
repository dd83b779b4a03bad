// Photographs a voucher: one picture per click, shown first, sent only by the person's own "Send".

import { Camera, wordsFor } from "./camera.js";
import { countUse } from "./uses.js";

const form = document.getElementById("photograph");
const find = (mark) => form.querySelector(`[data-${mark}]`);
const [openButton, takeButton, closeButton, sendButton] = ["open-camera", "take", "close", "send"].map(find);
const still = find("still");
const input = form.querySelector("input[type=file]");
const say = (words) => {
  find("status").textContent = words;
};

const camera = new Camera(form.querySelector("video"), () => {
  openButton.hidden = false;
  takeButton.hidden = closeButton.hidden = true;
});

async function open() {
  if (!(await countUse(form.dataset.uses))) {
    say(form.dataset.refused);
    return;
  }
  try {
    await camera.open({ facingMode: "environment", width: { ideal: 1920 } });
  } catch (error) {
    camera.close("refused");
    say(wordsFor(error, form));
    return;
  }
  openButton.hidden = still.hidden = sendButton.hidden = true;
  takeButton.hidden = closeButton.hidden = false;
  say(form.dataset.open);
}

async function take() {
  const canvas = document.createElement("canvas");
  canvas.width = camera.video.videoWidth;
  canvas.height = camera.video.videoHeight;
  canvas.getContext("2d").drawImage(camera.video, 0, 0);
  camera.close("taken");
  const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
  const chosen = new DataTransfer();
  chosen.items.add(new File([picture], "voucher.jpg", { type: "image/jpeg" }));
  input.files = chosen.files;
  if (still.src) URL.revokeObjectURL(still.src);
  still.src = URL.createObjectURL(picture);
  still.hidden = sendButton.hidden = false;
  say(form.dataset.taken);
  sendButton.focus();
}

openButton.addEventListener("click", open);
takeButton.addEventListener("click", take);
closeButton.addEventListener("click", () => camera.close("person"));
openButton.hidden = !navigator.mediaDevices;
if (!navigator.mediaDevices) say(form.dataset.none);
