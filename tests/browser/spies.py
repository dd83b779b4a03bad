"""What a page does with the device, counted inside the browser; and what a profile keeps.

The spies wrap the browser's own functions before any script of the page runs, and pass every call
on. They keep their counts in the page, so they end with the document; a function `reportSeen` that
a test exposes hears of them when a camera stops. `Traffic` outlives the document.
"""

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page, Request, Response

SPIES = """
(() => {
  const seen = { camera: [], stops: [], looks: [], reads: 0, asked: [], peers: 0, dials: 0 };
  Object.defineProperty(window, "seen", { value: seen });
  const wrap = (owner, name, before) => {
    const real = owner?.[name];
    if (!real) return;
    owner[name] = function (...given) {
      before(this, given);
      return real.apply(this, given);
    };
  };
  wrap(window.MediaDevices?.prototype, "getUserMedia", () => seen.camera.push(performance.now()));
  wrap(window.MediaDevices?.prototype, "getDisplayMedia", () => seen.asked.push("display"));
  wrap(MediaStreamTrack.prototype, "stop", () => {
    seen.stops.push(performance.now());
    window.reportSeen?.(JSON.stringify(seen)); // at once: the document may be left right after
  });
  for (const kind of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D])
    wrap(kind.prototype, "getImageData", () => seen.looks.push(performance.now()));
  wrap(window.Clipboard?.prototype, "readText", () => (seen.reads += 1));
  wrap(window.Clipboard?.prototype, "read", () => (seen.reads += 1));
  wrap(Geolocation.prototype, "getCurrentPosition", () => seen.asked.push("geolocation"));
  wrap(Geolocation.prototype, "watchPosition", () => seen.asked.push("geolocation"));
  if (window.Notification) {
    const real = Notification.requestPermission;
    Notification.requestPermission = (...given) => {
      seen.asked.push("notifications");
      return real.apply(Notification, given);
    };
  }
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = function (...given) {
    seen.peers += 1;
    return new Peer(...given);
  };
})();
"""

STORED = """async () => ({
  local: { ...localStorage },
  session: { ...sessionStorage },
  databases: (await indexedDB.databases()).map((d) => d.name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  cookies: document.cookie,
})"""

NOTHING_STORED = {
    "local": {},
    "session": {},
    "databases": [],
    "caches": [],
    "workers": 0,
    "cookies": "",
}


def stored(page: Page) -> dict[str, object]:
    """Return all that the page's origin keeps in this profile and scripts can see."""
    found: dict[str, object] = page.evaluate(STORED)
    return found


@dataclass
class Traffic:
    """Every request of a profile, and every answer."""

    requests: list[Request] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, context: BrowserContext) -> "Traffic":
        """Begin to listen."""
        made = cls()
        # Playwright marks the functions it is given, which methods of a list do not allow.
        context.on("request", made._asked)
        context.on("response", made._answered)
        context.on("page", lambda page: page.on("websocket", lambda s: made.sockets.append(s.url)))
        return made

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def _answered(self, response: Response) -> None:
        self.responses.append(response)

    def sent(self) -> list[bytes]:
        """Return what every request said: address, headers and body."""
        return [
            f"{r.method} {r.url}\n{r.headers}\n".encode() + (r.post_data_buffer or b"")
            for r in self.requests
        ]

    def outside(self, address: str) -> list[str]:
        """Return every address asked that does not begin with ``address`` or live in the page."""
        own = (f"{address}/", "data:", "blob:")
        return [r.url for r in self.requests if not r.url.startswith(own)] + self.sockets
