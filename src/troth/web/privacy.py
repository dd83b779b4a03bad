"""The privacy centre: what host applications mount, and what their pages ask it.

A page that wants a device function calls `Privacy.offer`; a handler that serves a purpose calls
`Privacy.require`. Nothing is open that was not offered and allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.types import ExceptionHandlersMap

from troth.app import Troth
from troth.core.access import Decision, Reason
from troth.core.errors import StoreUnavailable, TrothError
from troth.core.policy import PurposeId
from troth.web import headers
from troth.web.problems import ConsentRequired, problem

AnyRequest = Request[Any, Any, Any]
_DOCUMENT = "troth_document"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks: a person's random id, or empty; ``visitor`` if it belongs to no account."""

    person: str = ""
    visitor: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page needs to know about a purpose at its place of use.

    ``token`` proves what the page shows, for a withdrawal from that very place; it is empty when
    nothing stands.
    """

    allowed: bool
    purpose: PurposeId
    title: str
    if_refused: str
    ask_url: str
    token: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class CaseLink:
    """The page where a person sees the order or case that a look was taken for, and its words."""

    path: str
    words: str


def _no_case(_request: AnyRequest, _purpose: str, _case_id: str) -> CaseLink | None:
    return None


@dataclass(slots=True)
class _Document:
    """What the document that is being made may do; lives as long as its request."""

    features: set[str]
    wasm: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """What the host application tells the privacy centre.

    Args:
        audience: who asks.
        language: language tag of the request.
        url: makes a link out of a path for the language of the request.
        render: makes a page out of a template, its context and a status.
        login_path: where a person logs in.
        secure_cookies: whether cookies are sent over TLS only.
        visitor_category: category whose retention period is the life of a visitor's id.
        case_link: the person's own page of what a look was taken for, by purpose and id of the
            case; None where there is none to show.
    """

    audience: Callable[[AnyRequest], Audience]
    language: Callable[[AnyRequest], str]
    url: Callable[[AnyRequest, str], str]
    render: Callable[[AnyRequest, str, Mapping[str, Any], int], Response[Any]]
    login_path: str = "/login"
    secure_cookies: bool = True
    visitor_category: str = "visitor_id"
    case_link: Callable[[AnyRequest, str, str], CaseLink | None] = _no_case


class Privacy:
    """The privacy centre of one host application."""

    def __init__(self, troth: Troth, host: Host) -> None:
        self.troth = troth
        self.host = host

    # --- what pages and handlers ask ----------------------------------------------------------

    def decide(self, request: AnyRequest, purpose: str) -> Decision:
        """Return the decision for whoever asks; nobody in particular was never asked."""
        return self.troth.decide(self.host.audience(request).person, purpose)

    def offer(self, request: AnyRequest, purpose: str, *, wasm: bool = False) -> Offer:
        """Return whether this page may show a device function, and open its browser feature.

        Args:
            request: the request that this page answers.
            purpose: the purpose that the function serves.
            wasm: whether the page runs WebAssembly for it.
        """
        person = self.host.audience(request).person
        decision = self.troth.decide(person, purpose)
        language = self.host.language(request)
        chosen = self.troth.policy.purposes[PurposeId(purpose)]
        token = ""
        if decision.allowed:
            self.open_feature(request, chosen.device, wasm=wasm)
            token = self.troth.token(
                purpose, person=person, language=language, surface=request.scope["path"]
            )
        return Offer(
            allowed=decision.allowed,
            purpose=chosen.id,
            title=chosen.title[language],
            if_refused=chosen.if_refused[language],
            ask_url=self.ask_url(request, purpose),
            token=token,
            reason=decision.reason,
        )

    def open_feature(self, request: AnyRequest, permission: str, *, wasm: bool = False) -> None:
        """Open the browser feature of a permission on the document that answers this request.

        Only for a person for whom a purpose of the permission stands.
        """
        document = _document(request)
        document.wasm = document.wasm or wasm
        known = self.troth.policy.permissions.get(permission)
        if known is not None and known.browser_feature:
            document.features.add(known.browser_feature)

    def require(self, request: AnyRequest, purpose: str) -> Decision:
        """Return the decision if it says yes.

        Raises:
            StoreUnavailable: the ledger cannot be read; the request may be tried again later.
            ConsentRequired: it says no.
        """
        decision = self.decide(request, purpose)
        if decision.reason is Reason.LEDGER_UNREADABLE:
            raise StoreUnavailable("the database cannot be read now")
        if not decision.allowed:
            raise ConsentRequired(purpose, decision, self.ask_url(request, purpose))
        return decision

    def ask_url(self, request: AnyRequest, purpose: str) -> str:
        """Return the link to the question about a purpose, coming back to this page."""
        here = quote(here_of(request), safe="/")
        return self.host.url(request, f"/privacy/ask/{purpose}") + f"?next={here}"

    # --- what the application mounts ----------------------------------------------------------

    async def after_request(self, response: Response[Any], request: AnyRequest) -> Response[Any]:
        """Set the headers of every answer; pages and everything personal are never stored."""
        document = _document(request)
        for name, value in headers.FIXED.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault(
            "Permissions-Policy", headers.permissions_policy(frozenset(document.features))
        )
        response.headers.setdefault(
            "Content-Security-Policy", headers.content_security_policy(wasm=document.wasm)
        )
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @property
    def exception_handlers(self) -> ExceptionHandlersMap:
        """Return the handlers of `TrothError` and `ConsentRequired`."""
        return {TrothError: self.answer_error, ConsentRequired: self.answer_error}

    def answer_error(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer an error as a problem document, or as a page to who reads HTML."""
        if not isinstance(error, TrothError | ConsentRequired):
            raise error
        found = problem(error)
        status = int(found["status"])
        extra = {"Retry-After": "30"} if status == 503 else {}
        if "text/html" in request.headers.get("accept", ""):
            page = self.host.render(request, "privacy/problem.html", {"problem": found}, status)
            page.headers.update(extra)
            return page
        return Response(
            found, status_code=status, media_type="application/problem+json", headers=extra
        )


def _document(request: AnyRequest) -> _Document:
    # In the scope, not in request.state: that may be shared with the application's state.
    found = request.scope.get(_DOCUMENT)
    if not isinstance(found, _Document):
        found = _Document(set())
        request.scope[_DOCUMENT] = found  # type: ignore[literal-required]
    return found


def here_of(request: AnyRequest) -> str:
    """Return the path and query of this page, without the mark that an answer leaves."""
    path: str = request.scope["path"]
    if not request.scope["query_string"]:
        return path
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("changed", "said")]
    query = "&".join(f"{quote(k)}={quote(v)}" for k, v in kept)
    return path + (f"?{query}" if query else "")
