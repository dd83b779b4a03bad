"""The headers of every document: what the browser may do, where it may load from, what it keeps.

Every feature that a browser knows is denied to everybody (S-17). A document opens one only when a
page offered a purpose of its permission and the decision for that person allowed it (S-25); what
the header cannot stop is refused by the server and left out of the page.
"""

from __future__ import annotations

from functools import lru_cache

DENIED_FEATURES = [
    "accelerometer",
    "aria-notify",
    "autoplay",
    "browsing-topics",
    "camera",
    "captured-surface-control",
    "ch-device-memory",
    "ch-downlink",
    "ch-dpr",
    "ch-ect",
    "ch-prefers-color-scheme",
    "ch-prefers-reduced-motion",
    "ch-prefers-reduced-transparency",
    "ch-rtt",
    "ch-save-data",
    "ch-ua",
    "ch-ua-arch",
    "ch-ua-bitness",
    "ch-ua-form-factors",
    "ch-ua-full-version",
    "ch-ua-full-version-list",
    "ch-ua-high-entropy-values",
    "ch-ua-mobile",
    "ch-ua-model",
    "ch-ua-platform",
    "ch-ua-platform-version",
    "ch-ua-wow64",
    "ch-viewport-height",
    "ch-viewport-width",
    "ch-width",
    "clipboard-read",
    "clipboard-write",
    "compute-pressure",
    "cross-origin-isolated",
    "deferred-fetch",
    "deferred-fetch-minimal",
    "digital-credentials-create",
    "digital-credentials-get",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "identity-credentials-get",
    "idle-detection",
    "interest-cohort",
    "keyboard-map",
    "language-detector",
    "language-model",
    "local-fonts",
    "local-network",
    "local-network-access",
    "loopback-network",
    "magnetometer",
    "media-playback-while-not-visible",
    "microphone",
    "midi",
    "on-device-speech-recognition",
    "otp-credentials",
    "payment",
    "picture-in-picture",
    "private-state-token-issuance",
    "private-state-token-redemption",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "speaker-selection",
    "storage-access",
    "summarizer",
    "sync-xhr",
    "translator",
    "unload",
    "usb",
    "window-management",
    "xr-spatial-tracking",
]
"""Every feature that Chromium 156 lists; a browser test compares with the one that runs it."""


_NEEDED_BY = {"camera": "media-playback-while-not-visible"}
"""Chromium 156 waits for ever in `video.play()` where this is denied, also on a visible page."""


@lru_cache(maxsize=64)
def permissions_policy(opened: frozenset[str]) -> str:
    """Return the header value that denies every feature but ``opened`` for our own origin."""
    left_alone = {_NEEDED_BY[name] for name in opened if name in _NEEDED_BY}
    names = sorted({*DENIED_FEATURES, *opened} - left_alone)
    return ", ".join(f"{name}={'(self)' if name in opened else '()'}" for name in names)


@lru_cache(maxsize=2)
def content_security_policy(*, wasm: bool) -> str:
    """Return the CSP: our own origin only; ``wasm`` for the page that decodes QR codes."""
    script = "'self' 'wasm-unsafe-eval'" if wasm else "'self'"
    return (
        f"default-src 'none'; script-src {script}; style-src 'self'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


FIXED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: browsers would then send our own forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""The same on every answer."""
