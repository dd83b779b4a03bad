"""Style sheets, scripts and pictures: read once, served under an address that names their content.

The address is ``/static/<digest of everything>/<path>``, so a browser may keep a file for good,
and modules that import each other by relative paths stay within one version.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    media_type: str


class StaticFiles:
    """Every static file of the shop, in memory; nothing but these names can be asked for."""

    def __init__(self, folder: Path = STATIC) -> None:
        self.files: dict[str, StaticFile] = {}
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name in ("README.md", "SHA256SUMS"):
                continue
            name = path.relative_to(folder).as_posix()
            content = path.read_bytes()
            self.files[name] = StaticFile(content, _type_of(path))
            digest.update(name.encode())
            digest.update(hashlib.sha256(content).digest())
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return the address of a file, e.g. of ``css/shop.css``.

        Raises:
            KeyError: there is no such file; a template names it wrongly.
        """
        if name not in self.files:
            raise KeyError(f"no static file {name!r}")
        return f"/static/{self.version}/{name}"


def _type_of(path: Path) -> str:
    known = _TYPES.get(path.suffix)
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


@get("/static/{version:str}/{name:path}", sync_to_thread=False)
def static_file(
    version: FromPath[str], name: FromPath[str], static_files: NamedDependency[StaticFiles]
) -> Response[bytes]:
    """Send a static file; only the current version may be kept by the browser."""
    found = static_files.files.get(name.lstrip("/"))
    if found is None:
        raise NotFoundException
    kept = _FOR_GOOD if version == static_files.version else "no-cache"
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": kept})
