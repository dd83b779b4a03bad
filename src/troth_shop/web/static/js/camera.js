// One camera, opened by a click, closed by whoever comes first: a result, the person, the clock,
// or leaving the page. There is never a second stream.

const LONGEST_MS = 60_000;

export class Camera {
  #stream = null;
  #timer = 0;

  /** @param {HTMLVideoElement} video  @param {(why: string) => void} onClosed */
  constructor(video, onClosed) {
    this.video = video;
    this.onClosed = onClosed;
    addEventListener("pagehide", () => this.close("left"));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.close("hidden");
    });
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** Open the camera; throws what getUserMedia throws (NotAllowedError, NotFoundError …). */
  async open(settings) {
    if (this.#stream) return;
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: settings, audio: false });
    this.#timer = setTimeout(() => this.close("clock"), LONGEST_MS);
    this.video.srcObject = this.#stream;
    this.video.hidden = false;
    await this.video.play();
  }

  close(why) {
    if (!this.#stream) return;
    clearTimeout(this.#timer);
    for (const track of this.#stream.getTracks()) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
    this.video.hidden = true;
    this.onClosed(why);
  }
}

export function wordsFor(error, place) {
  const none = error?.name === "NotFoundError" || error?.name === "OverconstrainedError";
  return none ? place.dataset.none : place.dataset.refused;
}
