"""The door for Litestar applications.

    privacy = Privacy(troth, Host(audience=…, language=…, url=…, render=…))
    app = Litestar([*handlers, *route_handlers(privacy)], before_send=[headers(privacy)],
                   dependencies=dependencies(privacy),
                   exception_handlers=privacy.exception_handlers)

``TEMPLATES`` and ``LOCALE`` are the folders of our templates and translations; the host adds them
to its own. The templates extend the host's ``base.html``.

A handler declares its purpose as a dependency and opens it where it works:

    @get("/orders", dependencies={"orders": purpose("place_order")}, sync_to_thread=True)
    def my_orders(orders: NamedDependency[Declared]) -> list[str]:
        with orders.session() as session:
            return list(session.scalars(select(Order.what)))

The handler opens it, not the dependency: a lens on SQLite belongs to one thread, and Litestar may
run a dependency in another one than the handler. A block is closed before the answer is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request, Response
from litestar.di import NamedDependency, Provide
from litestar.types import Message, Scope
from sqlalchemy import Connection

from troth.core.access import Reason
from troth.core.errors import UseRefused
from troth.core.policy import PurposeId
from troth.integrations.dbapi import LensConnection, lens_connection
from troth.integrations.sqlalchemy import LensSession, lens_session
from troth.integrations.uses import HowUsed
from troth.web.origin import same_origin
from troth.web.pages import LOCALE, TEMPLATES, route_handlers
from troth.web.privacy import Audience, CaseLink, Host, Offer, Privacy, here_of
from troth.web.problems import ConsentRequired, ForeignForm, problem

__all__ = [
    "LOCALE",
    "TEMPLATES",
    "Audience",
    "CaseLink",
    "ConsentRequired",
    "Declared",
    "ForeignForm",
    "Host",
    "Offer",
    "Privacy",
    "dependencies",
    "headers",
    "here_of",
    "problem",
    "purpose",
    "route_handlers",
    "same_origin",
]

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")


def dependencies(privacy: Privacy) -> dict[str, Provide]:
    """Return what the application must provide for `purpose` to work: ``privacy``."""
    return {"privacy": Provide(lambda: privacy, sync_to_thread=False)}


def headers(privacy: Privacy) -> Callable[[Message, Scope], Awaitable[None]]:
    """Return the hook that sets the headers of `Privacy` on every answer, errors too.

    A page that offered a device function opens its browser feature so, and every other keeps it
    shut. What the application set itself stays.
    """

    async def set_headers(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        sent = {name.lower() for name, _ in message["headers"]}
        # The hook after a request would leave out what handlers of exceptions answer.
        ours = await privacy.after_request(Response(None), Request(scope))
        more = [(name.lower().encode(), value.encode()) for name, value in ours.headers.items()]
        message["headers"] = [*message["headers"], *(one for one in more if one[0] not in sent)]

    return set_headers


def purpose(
    *purposes: str,
    person: Callable[[AnyRequest], str] | None = None,
    how: Callable[[AnyRequest], HowUsed] | None = None,
    writes: bool = False,
) -> Provide:
    """Declare the purpose of a handler: a dependency that gives a `Declared`.

    Args:
        purposes: one; or several that the data map declares together.
        person: whose rows; by default those of the person who asks.
        how: what else `Troth.use` is told, for staff: ``people``, ``actor``, ``case``,
            ``break_glass``. With it nobody is named unless it does so.
        writes: whether rows will be changed.
    """

    def declared(request: AnyRequest, privacy: NamedDependency[Privacy]) -> Declared:
        told: HowUsed = {"writes": writes}
        if how is not None:
            told.update(how(request))
        if person is not None:
            told["person"] = person(request)
        elif how is None:
            told["person"] = privacy.host.audience(request).person
        return Declared(privacy, request, purposes, told)

    return Provide(declared, sync_to_thread=False)


@dataclass(frozen=True, slots=True)
class Declared:
    """The purpose of a handler, for this request; open it in the handler, for a short block.

    Whichever way it is opened, a refusal is recorded and answered by the handlers of `Privacy`:
    with ``consent_uri`` if an answer of the person could open it (`ConsentRequired`), else with its
    reason (`UseRefused`), both 403.
    """

    privacy: Privacy
    request: AnyRequest
    purposes: tuple[str, ...]
    how: HowUsed

    def connection(self) -> AbstractContextManager[Connection]:
        """Open it and lend a connection of SQLAlchemy."""
        return self._answering(self.privacy.troth.use(*self.purposes, **self.how))

    def session(self) -> AbstractContextManager[LensSession]:
        """Open it and lend a session; see `troth.integrations.sqlalchemy.lens_session`."""
        return self._answering(lens_session(self.privacy.troth, *self.purposes, **self.how))

    def plain(self) -> AbstractContextManager[LensConnection]:
        """Open it and lend a DB-API connection; see `troth.integrations.dbapi.lens_connection`."""
        return self._answering(lens_connection(self.privacy.troth, *self.purposes, **self.how))

    @contextmanager
    def _answering(self, block: AbstractContextManager[T]) -> Iterator[T]:
        own = self.how.get("actor") is None
        if own and not self.how.get("person"):  # nobody is logged in, so nobody was asked
            raise self._told(UseRefused(self.purposes[0], Reason.NEVER_ASKED))
        with ExitStack() as stack:
            try:
                lent = stack.enter_context(block)
            except UseRefused as refused:
                raise self._told(refused) if own else refused from None
            yield lent

    def _told(self, refused: UseRefused) -> UseRefused | ConsentRequired:
        """Return what the person is told: with the way to the question, if there is one."""
        t = self.privacy.troth
        known = t.policy.purposes.get(PurposeId(refused.purpose))
        decision = t.decide(self.how.get("person", ""), refused.purpose)
        # What is opened by an act is not asked, and another refusal is mended by no answer.
        if known is None or not known.optional or decision.reason != refused.reason:
            return refused
        return ConsentRequired(
            refused.purpose, decision, self.privacy.ask_url(self.request, refused.purpose)
        )
