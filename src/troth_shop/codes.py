"""One-time codes: six digits, five minutes, five tries, once (S-13).

Limits hold under concurrency because each of them is written before it is counted: of any number
of callers at once, only as many as the limit allows find themselves within it. A code is never
logged and is stored as an argon2 digest, which cannot be searched within the life of the code.

The phone itself is stored nowhere: there may be no account yet whose key could seal it. The page
carries it, and its blind index says whether it is the one that the code was sent to.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from troth import Troth
from troth_shop import passwords, queries
from troth_shop.errors import Throttled, WrongCode
from troth_shop.gate import now
from troth_shop.messages import Messages

SECOND = 1_000_000
LIFE_SECONDS = 5 * 60
MOST_TRIES = 5
KEPT_SECONDS = 24 * 3600
"""How long a used or expired code stays, so that limits can be counted (policy: login_code)."""


class CodeUse(StrEnum):
    """What a code proves the phone for."""

    REGISTER = "register"
    RESET = "reset_password"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` in any ``seconds``."""

    most: int
    seconds: int


PER_PHONE = (Limit(3, 10 * 60), Limit(10, 24 * 3600))
FOR_ALL = (Limit(300, 10 * 60),)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that was asked for; the page that takes the code carries ``challenge_id``.

    Says nothing about whether the phone has an account. ``expires_at`` in microseconds.
    """

    challenge_id: str
    phone: str
    expires_at: int


def send_code(
    t: Troth, messages: Messages, *, phone: str, use: CodeUse, text: str, genuine: bool
) -> Challenge:
    """Send a code to a phone.

    Args:
        t: the engine.
        messages: the port to the phone.
        phone: eleven digits.
        use: what the code proves the phone for.
        text: the message; ``{code}`` stands for the code. Empty sends nothing.
        genuine: whether the code can be right at all; if not, all else is as if it were.

    Raises:
        Throttled: too many codes for this phone, or for all together; nothing was sent.
        MessageNotSent: the port did not take the message.
    """
    sweep_codes(t)
    at = now(t)
    index = _index(t, phone)
    digits = f"{secrets.randbelow(1_000_000):06d}"
    digest = passwords.digest(digits)
    challenge_id = secrets.token_hex(16)
    with t.transaction() as c:
        queries.add_code(
            c,
            code_id=challenge_id,
            phone_index=index,
            use=use.value,
            digest=digest if genuine else "",
            created_at=at,
        )
    with t.transaction() as c:
        over = _over(c, index, at)
        if over is not None:
            queries.drop_code(c, challenge_id)
    if over is not None:
        raise Throttled(over.seconds)
    if text:
        messages.send(to=phone, text=text.format(code=digits))
    return Challenge(challenge_id, phone, at + LIFE_SECONDS * SECOND)


def _over(c: Connection, phone_index: str, at: int) -> Limit | None:
    for of, limits in ((phone_index, PER_PHONE), ("", FOR_ALL)):
        for limit in limits:
            if queries.count_codes(c, of, at - limit.seconds * SECOND) > limit.most:
                return limit
    return None


def check_code(t: Troth, challenge_id: str, phone: str, digits: str, use: CodeUse) -> None:
    """Let pass only if a code proves this phone; the try is counted before the code is compared.

    The code is not used up yet: `use_code` does that in the transaction it pays for.

    Raises:
        WrongCode: wrong, expired, used, spent, made for something else or for another phone, or
            unknown.
    """
    with t.transaction() as c:
        row = queries.lock_code(c, challenge_id)
        alive = (
            row is not None
            and row.use == use.value
            and row.used_at is None
            and row.tries < MOST_TRIES
            and 0 <= now(t) - row.created_at < LIFE_SECONDS * SECOND
        )
        if row is not None and alive:
            queries.set_code(c, challenge_id, tries=row.tries + 1)
    if row is None or not alive or not passwords.matches(digits, row.digest):
        raise WrongCode
    if row.phone_index != _index(t, phone):
        raise WrongCode


def _index(t: Troth, phone: str) -> str:
    return t.index("shop_customer.phone", phone)


def use_code(t: Troth, c: Connection, challenge_id: str) -> None:
    """Use up a code that `check_code` accepted, in the caller's transaction.

    Raises:
        WrongCode: it was used meanwhile.
    """
    row = queries.lock_code(c, challenge_id)
    if row is None or row.used_at is not None:
        raise WrongCode
    queries.set_code(c, challenge_id, used_at=now(t))


def sweep_codes(t: Troth) -> int:
    """Delete codes and failed tries that are older than a day; return how many."""
    before = now(t) - KEPT_SECONDS * SECOND
    with t.transaction() as c:
        return queries.drop_codes_before(c, before) + queries.drop_attempts_before(c, before)
