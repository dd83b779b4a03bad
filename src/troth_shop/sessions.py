"""Sessions live on the server and end there (S-61); the browser holds only a random token.

A row knows the digest of the token, two times by the hour, and the name that the person gave it.
No address, no browser, no device is written down.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from troth import Troth
from troth_shop import fields, queries
from troth_shop.errors import NotFound
from troth_shop.gate import now, permit

HOUR = 3600 * 1_000_000
LIFE = 30 * 24 * HOUR
IDLE = 7 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class Session:
    """One session; times in microseconds, cut to the hour."""

    person: str
    session_id: str
    name: str
    created_at: int
    last_seen_at: int

    @property
    def expires_at(self) -> int:
        """Return when it ends by itself if it is not used again."""
        return min(self.created_at + LIFE, self.last_seen_at + IDLE)


def token_digest(token: str) -> str:
    """Return the SHA-256 (hex) of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_session(t: Troth, c: Connection, person: str) -> tuple[str, str]:
    """Add a session in the caller's transaction; return its id and its token."""
    session_id, token = secrets.token_hex(16), secrets.token_urlsafe(32)
    hour = _hour(now(t))
    queries.add_session(
        c,
        session_id=session_id,
        pii_principal_id=person,
        token_digest=token_digest(token),
        name="",
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
    with t.reading() as c:
        row = queries.session_of_token(c, token_digest(token))
    at = now(t)
    if row is None or row.ended_at is not None or _session(row).expires_at <= at:
        return None
    if not t.decide(row.pii_principal_id, "secure_account"):
        return None
    if _hour(at) > row.last_seen_at:
        with t.transaction() as c:
            queries.set_session(c, row.pii_principal_id, row.session_id, last_seen_at=_hour(at))
    return _session(row)


def sessions(t: Troth, person: str) -> tuple[Session, ...]:
    """Return the sessions of a person that still stand, newest first."""
    permit(t, person, "secure_account")
    with t.reading() as c:
        rows = queries.open_sessions(c, person)
    at = now(t)
    return tuple(s for s in map(_session, rows) if s.expires_at > at)


def name_session(t: Troth, person: str, session_id: str, name: str) -> None:
    """Give a session a name of the person's own choice, at most 40 characters.

    Raises:
        NotFound: it is no open session of this person.
        BadInput: the name is empty or too long.
    """
    permit(t, person, "secure_account")
    plain = fields.text({"name": name}, "name", most=40)
    with t.transaction() as c:
        _find(c, person, session_id)
        queries.set_session(c, person, session_id, name=plain)


def end_session(t: Troth, person: str, session_id: str) -> None:
    """End one session of a person.

    Raises:
        NotFound: it is no open session of this person.
    """
    permit(t, person, "secure_account")
    with t.transaction() as c:
        _find(c, person, session_id)
        queries.set_session(c, person, session_id, ended_at=now(t))


def end_sessions(t: Troth, person: str, but: str = "") -> int:
    """End every session of a person but one; return how many."""
    permit(t, person, "secure_account")
    with t.transaction() as c:
        ends = [r for r in queries.open_sessions(c, person) if r.session_id != but]
        for row in ends:
            queries.set_session(c, person, row.session_id, ended_at=now(t))
    return len(ends)


def log_out(t: Troth, token: str) -> None:
    """End the session of a token; one that is unknown or ended is no error.

    It is no withdrawal: every answer of the person stays as it is (S-61). So that leaving is
    always possible, it asks no purpose: it only takes away.
    """
    with t.transaction() as c:
        row = queries.session_of_token(c, token_digest(token))
        if row is not None and row.ended_at is None:
            queries.set_session(c, row.pii_principal_id, row.session_id, ended_at=now(t))


def _find(c: Connection, person: str, session_id: str) -> None:
    if all(row.session_id != session_id for row in queries.open_sessions(c, person)):
        raise NotFound


def _session(row: Row[Any]) -> Session:
    return Session(row.pii_principal_id, row.session_id, row.name, row.created_at, row.last_seen_at)


def _hour(at: int) -> int:
    return at - at % HOUR
