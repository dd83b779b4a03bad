"""The pages of the privacy centre, put together: each file beside this one holds one story."""

from __future__ import annotations

from pathlib import Path

from litestar.handlers import HTTPRouteHandler
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from troth.web import answering, collected, documents, looks, mine, settings
from troth.web.privacy import Privacy

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
"""Our templates, for the host's loader; they extend the host's ``base.html``."""
LOCALE = _HERE / "locale"
"""Our translations (gettext, English msgids), for the host's catalogue."""


def route_handlers(privacy: Privacy) -> list[ControllerRouterHandler]:
    """Return every handler of the privacy centre, to be mounted at the root of the host."""
    handlers: list[HTTPRouteHandler] = [
        *documents.handlers(privacy),
        *answering.handlers(privacy),
        *settings.handlers(privacy),
        *mine.handlers(privacy),
        *looks.handlers(privacy),
        *collected.handlers(privacy),
    ]
    scripts = create_static_files_router(
        path="/privacy/static", directories=[_HERE / "static"], name="privacy_static"
    )
    return [*handlers, scripts]
