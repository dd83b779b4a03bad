"""People by the thousand with everything that can have happened to a consent.

The stories are told once, as bare events; the oracle reads them, and `write_sqlite` and
`write_postgresql` put the same events into a database as its owner, in bulk. State, record and
outbox are made by the database's own triggers, as for every event.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from benchmarks.oracle import About, Said

HOUR = 3_600_000_000
YEAR = 365 * 24 * HOUR
UNKNOWN_PURPOSES = ("sell_contacts", "scan_products", "")
"""What a policy does not have: something else, a misspelling, nothing."""

# (states one after the other, version the last one was said under, its end, weight). The end is
# in years from now, None for never.
_Story = tuple[tuple[str, ...], int, int | None, int]
_CONSENT: Sequence[_Story] = (
    ((), 2, None, 3),
    (("consent_requested",), 2, None, 1),
    (("consent_unknown",), 2, None, 1),
    (("consent_given",), 2, 1, 8),
    (("consent_given",), 2, None, 2),
    (("consent_given", "renewed_consent_given"), 2, 1, 2),
    (("consent_refused",), 2, None, 3),
    (("consent_request_deferred",), 2, None, 2),
    (("consent_given", "consent_withdrawn"), 2, None, 3),
    (("consent_given", "consent_withdrawn", "consent_given"), 2, 1, 2),
    (("consent_refused", "consent_given"), 2, 1, 1),
    (("consent_given",), 2, -1, 2),
    (("consent_given", "consent_expired"), 2, None, 1),
    (("consent_given", "consent_terminated"), 2, None, 1),
    (("consent_given", "consent_invalidated"), 2, None, 1),
    (("consent_given",), 1, 1, 4),
    (("consent_refused",), 1, None, 1),
)
_ACT: Sequence[_Story] = (
    ((), 2, None, 2),
    (("act_recorded",), 2, None, 5),
    (("act_recorded",), 1, None, 2),
    (("act_recorded", "act_ended"), 2, None, 2),
)
# Flags of troth_person as the database keeps them: told here again, not taken from troth.
_UNDER_14, _GUARDED, _RESTRICTED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class World:
    """People and what they said; `purposes` are those of the policy, `now` is microseconds."""

    people: Mapping[str, About]
    stories: Mapping[tuple[str, str], Sequence[Said]]
    purposes: Sequence[str]
    now: int

    def events(self) -> Iterator[tuple[str, str, Said]]:
        """Yield every event as (person, purpose, what was said), in the order of telling."""
        for (person, purpose), story in self.stories.items():
            for said in story:
                yield person, purpose, said

    def cases(self, count: int, seed: int = 7) -> list[tuple[str, str]]:
        """Return pairs of person and purpose, drawn evenly; one in thirty asks what is unknown."""
        draw = random.Random(seed)
        people = list(self.people)
        return [
            (
                draw.choice(people),
                draw.choice(UNKNOWN_PURPOSES if draw.random() < 1 / 30 else self.purposes),
            )
            for _ in range(count)
        ]


def make_world(policy_text: str, people: int, *, seed: int = 1) -> World:
    """Return a world of ``people`` under the purposes of a policy; the same for the same seed."""
    draw = random.Random(seed)
    purposes: Mapping[str, Any] = yaml.safe_load(policy_text)["purposes"]
    now = time.time_ns() // 1000
    known: dict[str, About] = {}
    stories: dict[tuple[str, str], list[Said]] = {}
    for _ in range(people):
        person = f"{draw.getrandbits(128):032x}"
        known[person] = _about(draw)
        for purpose, terms in purposes.items():
            kinds = _CONSENT if terms["lawful_basis"] == "consent" else _ACT
            (kind,) = draw.choices(kinds, weights=[k[3] for k in kinds])
            if kind[0]:
                stories[person, purpose] = _story(draw, kind, now)
    return World(known, stories, list(purposes), now)


def _about(draw: random.Random) -> About:
    under_14 = draw.random() < 0.1
    return About(
        under_14=under_14,
        guarded=under_14 and draw.random() < 0.5,
        restricted=draw.random() < 0.08,
    )


def _story(draw: random.Random, kind: _Story, now: int) -> list[Said]:
    states, version, years, _ = kind
    until = None if years is None else now + years * YEAR - draw.randrange(HOUR)
    last = len(states) - 1
    return [
        Said(
            event_id=uuid_of(f"{draw.getrandbits(128):032x}"),
            state=state,
            version=version if number == last else 1,
            until=until if number == last else None,
        )
        for number, state in enumerate(states)
    ]


def uuid_of(hexadecimal: str) -> str:
    """Return hexadecimal digits written like a UUID."""
    h = hexadecimal
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:32]}"


PERSON_COLUMNS = "pii_principal_id, flags, created_at"
EVENT_COLUMNS = (
    "event_id, record_id, pii_principal_id, purpose_id, event_type, event_state, event_time, "
    "recorded_at, valid_until, entity_id, entity_role, indication_method, surface, "
    "privacy_notice, notice_ordinal, notice_digest, language, snapshot_token_id, "
    "idempotency_key, salt"
)


def _person_rows(world: World) -> Iterator[tuple[object, ...]]:
    """Yield the people; who is restricted or guarded becomes it later, after the answers."""
    for person, about in world.people.items():
        yield person, _UNDER_14 if about.under_14 else 0, world.now


def _flag_rows(world: World) -> Iterator[tuple[int, str]]:
    for person, about in world.people.items():
        later = _GUARDED * about.guarded | _RESTRICTED * about.restricted
        if later:
            yield later | _UNDER_14 * about.under_14, person


def _event_rows(world: World) -> Iterator[tuple[object, ...]]:
    for person, purpose, said in world.events():
        seed = hashlib.sha256(said.event_id.encode()).digest()
        yield (
            said.event_id,
            uuid_of(hashlib.sha256(f"{person} {purpose}".encode()).hexdigest()),
            person,
            purpose,
            "explicit_act" if said.state.startswith("act") else "expressed_consent",
            said.state,
            world.now - HOUR,
            world.now - HOUR,
            said.until,
            person,
            "pii_principal",
            "button",
            "/privacy",
            f"zhihe_privacy@1.{said.version - 1}",
            said.version,
            seed.hex(),
            "zh-CN",
            seed[:16].hex(),
            None,
            seed[16:],
        )


def add_people(
    execute_many: Callable[[str, Sequence[Any]], object], mark: str, people: Sequence[str]
) -> None:
    """Add people about whom nothing is known, with the owner's ``executemany``."""
    sql = f"INSERT INTO troth_person ({PERSON_COLUMNS}) VALUES ({mark}, {mark}, {mark})"
    execute_many(sql, [(person, 0, time.time_ns() // 1000) for person in people])


def write_sqlite(file: Path, world: World) -> None:
    """Write a world into a database of ours that exists, in one transaction."""
    owner = sqlite3.connect(file, isolation_level=None)
    try:
        owner.execute("BEGIN IMMEDIATE")
        owner.executemany(
            f"INSERT INTO troth_person ({PERSON_COLUMNS}) VALUES (?, ?, ?)", _person_rows(world)
        )
        marks = ", ".join("?" * len(EVENT_COLUMNS.split(",")))
        owner.executemany(
            f"INSERT INTO troth_consent_event ({EVENT_COLUMNS}) VALUES ({marks})",
            _event_rows(world),
        )
        owner.executemany(
            "UPDATE troth_person SET flags = ? WHERE pii_principal_id = ?", _flag_rows(world)
        )
        owner.execute("COMMIT")
        owner.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        owner.close()


def write_postgresql(owner_url: str, world: World) -> None:
    """Write a world into a database of ours that exists, in one transaction."""
    address = owner_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(address) as owner, owner.cursor() as cursor:
        for table, columns, rows in (
            ("troth_person", PERSON_COLUMNS, _person_rows(world)),
            ("troth_consent_event", EVENT_COLUMNS, _event_rows(world)),
        ):
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.executemany(
            "UPDATE troth_person SET flags = %s WHERE pii_principal_id = %s",
            list(_flag_rows(world)),
        )
        cursor.execute("ANALYZE")
