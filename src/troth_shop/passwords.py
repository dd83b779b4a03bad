"""Digests of passwords and codes, and the door that counts failed tries."""

from __future__ import annotations

import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from troth import Troth
from troth_shop import queries
from troth_shop.errors import Throttled
from troth_shop.gate import now

_ARGON2 = PasswordHash((Argon2Hasher(),))
_SECOND = 1_000_000

WINDOW_SECONDS = 15 * 60
PER_NAME = 10
"""Failed tries with one name at one door within the window."""
FOR_ALL = 1000
"""Failed tries at one door within the window, whatever the name."""


def digest(secret: str) -> str:
    """Return the argon2id digest of a password or code, with a salt of its own."""
    return _ARGON2.hash(secret)


def matches(secret: str, digest_or_empty: str) -> bool:
    """Tell whether ``secret`` has this digest; an empty one takes as long and never matches."""
    try:
        same = _ARGON2.verify(secret, digest_or_empty or _of_nobody())
    except UnknownHashError:
        return False
    return same and bool(digest_or_empty)


@cache
def _of_nobody() -> str:
    return digest(secrets.token_hex(16))


def knock(t: Troth, door: str, name: str) -> str:
    """Count one try at a door before it is judged; return its id for `let_in`.

    A name that nobody bears is counted like any other, so counting tells nothing.

    Args:
        t: the engine.
        door: ``customer`` or ``staff``.
        name: what was typed: the blind index of a phone, or the name of a member of staff.

    Raises:
        Throttled: too many failed tries.
    """
    at = now(t)
    attempt_id = secrets.token_hex(16)
    since = at - WINDOW_SECONDS * _SECOND
    with t.transaction() as c:
        queries.add_attempt(c, attempt_id=attempt_id, door=door, name=name, tried_at=at)
    with t.transaction() as c:
        over = (
            queries.count_attempts(c, door, name, since) > PER_NAME
            or queries.count_attempts(c, door, "", since) > FOR_ALL
        )
        if over:
            queries.drop_attempt(c, attempt_id)
    if over:
        raise Throttled(WINDOW_SECONDS)
    return attempt_id


def let_in(t: Troth, attempt_id: str) -> None:
    """Take back the count of a try that succeeded."""
    with t.transaction() as c:
        queries.drop_attempt(c, attempt_id)
