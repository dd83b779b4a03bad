"""My › Settings › Privacy Settings: every permission and purpose, as it stands at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from troth.core.access import Decision
from troth.core.notice import Notice, notice_for
from troth.core.policy import Permission, Purpose, PurposeId
from troth.web.answering import SETTINGS_PATH
from troth.web.privacy import AnyRequest, Privacy


@dataclass(frozen=True, slots=True)
class PurposeRow:
    """One purpose on the page; ``token`` proves ``notice`` for an answer given here."""

    purpose: Purpose
    decision: Decision
    notice: Notice
    token: str
    uses: int
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class PermissionCard:
    """One permission with its purposes; ``on`` if any of them stands."""

    permission: Permission
    rows: tuple[PurposeRow, ...]

    @property
    def on(self) -> bool:
        """Tell whether any purpose of the permission stands."""
        return any(row.decision.allowed for row in self.rows)


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handler of this page."""
    troth, host = privacy.troth, privacy.host

    @get(SETTINGS_PATH, sync_to_thread=True)
    def settings(request: AnyRequest) -> Response[Any]:
        who = host.audience(request)
        policy, language = troth.policy, host.language(request)
        decisions = troth.decide_all(who.person)
        uses = troth.uses(who.person) if who.person else {}

        def row(purpose: Purpose) -> PurposeRow:
            times, last = uses.get(purpose.id, (0, 0))
            token = ""
            if decisions[purpose.id].allowed and purpose.optional:
                token = troth.show(
                    purpose.id, person=who.person, language=language, surface=SETTINGS_PATH
                ).token
            return PurposeRow(
                purpose=purpose,
                decision=decisions[purpose.id],
                notice=notice_for(policy, purpose.id, language),
                token=token,
                uses=times,
                last_used=datetime.fromtimestamp(last / 1_000_000, UTC) if last else None,
            )

        account = bool(who.person) and not who.visitor
        seen = [p for p in policy.purposes.values() if account or p.visitors]
        rows = {p.id: row(p) for p in seen}
        cards = [
            PermissionCard(q, tuple(rows[p] for p in q.purposes if p in rows))
            for q in policy.permissions.values()
        ]
        for card in cards:
            if card.on:  # only so can the page show truly what the browser says of it
                privacy.open_feature(request, card.permission.id)
        history = troth.history(who.person) if who.person else ()
        context = {
            "cards": cards,
            "on": sum(card.on for card in cards),
            "optional": [r for r in rows.values() if r.purpose.optional and not r.purpose.device],
            "necessary": [r for r in rows.values() if not r.purpose.optional] if account else [],
            "policy": policy,
            "account": account,
            "visitor_id": who.person if who.visitor else "",
            "last_answer": history[-1] if history else None,
            "changed": policy.purposes.get(PurposeId(request.query_params.get("changed", ""))),
            "said": request.query_params.get("said", ""),
            "here": SETTINGS_PATH,
        }
        return host.render(request, "privacy/settings.html", context, 200)

    return [settings]
