"""Who looked at my data: every use of it by others, newest first, each open to question (S-57).

A person reads roles, never names of staff; another person's look is not there, whatever address
is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from troth.core.errors import InputError
from troth.core.looks import LookFilter, ReportReason, ShownLook
from troth.web.forms import local_path, read_form
from troth.web.origin import same_origin
from troth.web.period import Period, read_period, since
from troth.web.privacy import AnyRequest, CaseLink, Privacy

LOOKS_PATH = "/my/privacy/looks"
LOOKS_ON_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One look on the page; ``case`` leads to the order or case that it was taken for."""

    look: ShownLook
    at: datetime
    case: CaseLink | None


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handlers of this page."""
    troth, host = privacy.troth, privacy.host

    def log_in(request: AnyRequest) -> Redirect:
        login = host.url(request, host.login_path)
        return Redirect(f"{login}?next={LOOKS_PATH}", status_code=303)

    @get(LOOKS_PATH, sync_to_thread=True)
    def looks(request: AnyRequest) -> Response[Any]:
        person = _account(privacy, request)
        if not person:
            return log_in(request)
        asked = {n: request.query_params.get(n, "") for n in ("purpose", "role", "period")}
        after, language = request.query_params.get("after", ""), host.language(request)
        found = troth.who_looked(
            person,
            language=language,
            wanted=_filter(asked, troth.now()),
            after=after,
            size=LOOKS_ON_A_PAGE,
        )
        entries = [_entry(privacy, request, look) for look in found.looks]
        here = _address(asked, after)
        reported = request.query_params.get("reported", "")
        context = {
            "entries": entries,
            "choices": troth.look_choices(person, language=language),
            "asked": asked,
            "filtered": any(asked.values()),
            "periods": [period.value for period in Period],
            "reasons": [reason.value for reason in ReportReason],
            "here": LOOKS_PATH,
            "this_page": here,
            "newest": _address(asked, "") if after else "",
            "older": _address(asked, found.next) if found.next else "",
            # Only what is recorded is confirmed, whatever the address says.
            "just_reported": next(
                (e for e in entries if e.look.look_id == reported and e.look.reported), None
            ),
            "policy": troth.policy,
        }
        return host.render(request, "privacy/looks.html", context, 200)

    @post(LOOKS_PATH + "/{look_id:uuid}/report", status_code=303, guards=[same_origin])
    async def report(request: AnyRequest, look_id: FromPath[UUID]) -> Redirect:
        person = _account(privacy, request)
        if not person:
            raise NotAuthorizedException("log in first")
        form = await read_form(request, "reason", "next")
        reason = _reason(form["reason"])
        await sync_to_thread(troth.report_look, person, str(look_id), reason)
        back = local_path(form["next"], LOOKS_PATH)
        mark = f"{'&' if '?' in back else '?'}reported={look_id}"
        return Redirect(host.url(request, back) + mark, status_code=303)

    @get(LOOKS_PATH + "/{look_id:uuid}/report", sync_to_thread=False)
    def report_part(request: AnyRequest, look_id: FromPath[UUID]) -> Redirect:
        """Lead back to the list, whose forms have these addresses."""
        if not _account(privacy, request):
            return log_in(request)
        return Redirect(host.url(request, LOOKS_PATH), status_code=303)

    return [looks, report, report_part]


def _account(privacy: Privacy, request: AnyRequest) -> str:
    # Nobody looks at a visitor, and a visitor's id is only what a browser says.
    who = privacy.host.audience(request)
    return "" if who.visitor else who.person


def _filter(asked: dict[str, str], now: int) -> LookFilter:
    return LookFilter(
        purposes=(asked["purpose"],) if asked["purpose"] else (),
        roles=(asked["role"],) if asked["role"] else (),
        since=since(read_period(asked["period"]), now),
    )


def _reason(typed: str) -> ReportReason:
    try:
        return ReportReason(typed)
    except ValueError:
        raise InputError(f"a reason is one of {', '.join(ReportReason)}") from None


def _entry(privacy: Privacy, request: AnyRequest, look: ShownLook) -> Entry:
    at = datetime.fromtimestamp(look.looked_at / 1_000_000, UTC)
    case = None
    if look.case_id:
        case = privacy.host.case_link(request, look.purpose_id, look.case_id)
    return Entry(look, at, case)


def _address(asked: dict[str, str], after: str) -> str:
    query = urlencode({n: v for n, v in (*asked.items(), ("after", after)) if v})
    return LOOKS_PATH + (f"?{query}" if query else "")
