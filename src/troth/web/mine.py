"""What a person takes away: the history of answers, each with its receipt, and the public log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from troth.core.policy import PurposeId
from troth.web.privacy import AnyRequest, Privacy

HISTORY_PATH = "/my/privacy/history"


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""
    troth, host = privacy.troth, privacy.host

    @get(HISTORY_PATH, sync_to_thread=True)
    def history(request: AnyRequest) -> Response[Any]:
        who = host.audience(request)
        if not who.person:
            return Redirect(host.url(request, host.login_path) + f"?next={HISTORY_PATH}")
        policy, language = troth.policy, host.language(request)
        events = [
            {
                "event": event,
                "at": datetime.fromtimestamp(event.event_time / 1_000_000, UTC),
                "title": policy.purposes[PurposeId(event.purpose_id)].title[language]
                if event.purpose_id in policy.purposes
                else event.purpose_id,
            }
            for event in reversed(troth.history(who.person))
        ]
        return host.render(request, "privacy/history.html", {"events": events}, 200)

    @get("/my/privacy/receipts/{event_id:uuid}", sync_to_thread=True)
    def receipt(request: AnyRequest, event_id: FromPath[UUID]) -> Response[str]:
        person, language = host.audience(request).person, host.language(request)
        return Response(
            troth.receipt(person, str(event_id), language=language),
            media_type="application/ld+json",
            headers={"Content-Disposition": f'attachment; filename="receipt-{event_id}.json"'},
        )

    @get("/privacy/log/{path:path}", sync_to_thread=True)
    def log(path: FromPath[str]) -> Response[bytes]:
        return Response(troth.log_file(path), media_type="application/octet-stream")

    return [history, receipt, log]
