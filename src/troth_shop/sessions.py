"""Sessions live on the server and end there (S-61); the browser holds only a random token.

A row knows the digest of the token, two times by the hour, and the name that the person gave it.
No address, no browser, no device is written down.

Whose a token is, is found by its digest, before any lens, with the times that say whether it still
holds. That shows nobody's data and leaves no look: a record of every page that somebody opened
would tell more of them than the shop itself does.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from troth import Troth
from troth_shop import fields, queries
from troth_shop.errors import NotFound, NotPermitted
from troth_shop.gate import finds_one, now, stand, use

HOUR = 3600 * 1_000_000
LIFE = 30 * 24 * HOUR
IDLE = 7 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class Session:
    """One session; times in microseconds, cut to the hour.

    ``name`` is read for the list of a person's sessions only, and empty elsewhere.
    """

    person: str
    session_id: str
    created_at: int
    last_seen_at: int
    name: str = ""

    @property
    def expires_at(self) -> int:
        """Return when it ends by itself if it is not used again."""
        return min(self.created_at + LIFE, self.last_seen_at + IDLE)


def token_digest(token: str) -> str:
    """Return the SHA-256 (hex) of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def start_session(t: Troth, person: str, name: str = "") -> tuple[str, str]:
    """Add a session; return its id and its token.

    Raises:
        NotPermitted: the account may not be used now.
    """
    with use(t, person, "secure_account", writes=True) as c:
        return add_session(t, c, person, name)


def add_session(t: Troth, c: Connection, person: str, name: str = "") -> tuple[str, str]:
    """Add a session in the caller's block; return its id and its token."""
    session_id, token = secrets.token_hex(16), secrets.token_urlsafe(32)
    hour = _hour(now(t))
    queries.add_session(
        c,
        session_id=session_id,
        pii_principal_id=person,
        token_digest=token_digest(token),
        name=name,
        created_at=hour,
        last_seen_at=hour,
    )
    return session_id, token


def find_session(t: Troth, token: str) -> Session | None:
    """Return the session of a token, or None if it is unknown, ended or too old.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    if not token or len(token) > 100:
        return None
    found = finds_one(t, "shop_session", "token_digest", token_digest(token))
    at = now(t)
    if found is None or found.told["ended_at"] is not None:
        return None
    session = Session(
        found.person,
        found.told["session_id"],
        found.told["created_at"],
        found.told["last_seen_at"],
    )
    if session.expires_at <= at or not stand(t, session.person, "secure_account"):
        return None
    if _hour(at) > session.last_seen_at:
        with (
            contextlib.suppress(NotPermitted),
            use(t, session.person, "secure_account", writes=True) as c,
        ):
            queries.set_session(c, session.person, session.session_id, last_seen_at=_hour(at))
    return session


def sessions(t: Troth, person: str) -> tuple[Session, ...]:
    """Return the sessions of a person that still stand, newest first."""
    with use(t, person, "secure_account") as c:
        rows = queries.open_sessions(c, person)
    at = now(t)
    found = (
        Session(person, row.session_id, row.created_at, row.last_seen_at, row.name) for row in rows
    )
    return tuple(session for session in found if session.expires_at > at)


def name_session(t: Troth, person: str, session_id: str, name: str) -> None:
    """Give a session a name of the person's own choice, at most 40 characters.

    Raises:
        NotFound: it is no open session of this person.
        BadInput: the name is empty or too long.
    """
    plain = fields.text({"name": name}, "name", most=40)
    with use(t, person, "secure_account", writes=True) as c:
        _find(c, person, session_id)
        queries.set_session(c, person, session_id, name=plain)


def end_session(t: Troth, person: str, session_id: str) -> None:
    """End one session of a person.

    Raises:
        NotFound: it is no open session of this person.
    """
    with use(t, person, "secure_account", writes=True) as c:
        _find(c, person, session_id)
        queries.set_session(c, person, session_id, ended_at=now(t))


def end_sessions(t: Troth, person: str, but: str = "") -> int:
    """End every session of a person but one; return how many."""
    with use(t, person, "secure_account", writes=True) as c:
        return end_all(t, c, person, but=but)


def end_all(t: Troth, c: Connection, person: str, *, but: str) -> int:
    """End every session of a person but one in the caller's block; return how many."""
    ends = [row for row in queries.open_sessions(c, person) if row.session_id != but]
    for row in ends:
        queries.set_session(c, person, row.session_id, ended_at=now(t))
    return len(ends)


def log_out(t: Troth, token: str) -> None:
    """End the session of a token; one that is unknown or ended is no error.

    It is no withdrawal: every answer of the person stays as it is (S-61). While `secure_account`
    does not stand, nothing can be written of the person and the token opens nothing either; whoever
    opens the account again ends all older sessions by it (`accounts.log_in`).
    """
    found = finds_one(t, "shop_session", "token_digest", token_digest(token))
    if found is None or found.told["ended_at"] is not None:
        return
    with (
        contextlib.suppress(NotPermitted),
        use(t, found.person, "secure_account", writes=True) as c,
    ):
        queries.set_session(c, found.person, found.told["session_id"], ended_at=now(t))


def _find(c: Connection, person: str, session_id: str) -> None:
    if all(row.session_id != session_id for row in queries.open_sessions(c, person)):
        raise NotFound


def _hour(at: int) -> int:
    return at - at % HOUR
