"""The policy as people read it: current and archived, clause by clause, with what keeps it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from troth.core.errors import UnknownName
from troth.core.policy import ControlStatus, Policy
from troth.core.prose import to_html
from troth.web.privacy import AnyRequest, Privacy


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handlers of this page."""
    troth, host = privacy.troth, privacy.host

    def page(request: AnyRequest, policy: Policy, document: str, *, old: bool) -> Response[Any]:
        language = host.language(request)
        clauses = [c for c in policy.clauses.values() if c.document == document]
        if not clauses:
            raise UnknownName(f"the policy has no document {document!r}")
        context = {
            "policy": policy,
            "document": document,
            "old": old,
            "clauses": [
                {
                    "id": c.id,
                    "level": c.level,
                    "title": c.title[language],
                    "html": to_html(c.text[language]),
                    "status": c.status.value,
                    "controls": [policy.controls[name] for name in c.controls],
                }
                for c in clauses
            ],
            "counts": {s.value: sum(c.status is s for c in clauses) for s in ControlStatus},
            "binding": language == policy.binding_language,
        }
        return host.render(request, "privacy/document.html", context, 200)

    @get("/privacy/policy", sync_to_thread=True)
    def current(request: AnyRequest) -> Response[Any]:
        return page(request, troth.in_force().policy, "policy", old=False)

    @get("/privacy/documents/{document:str}", sync_to_thread=True)
    def other(request: AnyRequest, document: FromPath[str]) -> Response[Any]:
        return page(request, troth.in_force().policy, document, old=False)

    @get("/privacy/policy/versions", sync_to_thread=True)
    def archive(request: AnyRequest) -> Response[Any]:
        context = {"versions": troth.versions()}
        return host.render(request, "privacy/versions.html", context, 200)

    @get("/privacy/policy/versions/{version:str}", sync_to_thread=True)
    def archived(request: AnyRequest, version: FromPath[str]) -> Response[Any]:
        policy = troth.version(version)
        return page(request, policy, "policy", old=policy.digest != troth.policy.digest)

    return [current, other, archive, archived]
