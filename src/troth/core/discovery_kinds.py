"""The kinds of personal data that discovery knows, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a table of words, in their order."""
    return tuple(text.split())


class Kind(StrEnum):
    """What a column holds that is personal by itself, whatever row it stands in."""

    PERSON_NAME = "person_name"
    NICKNAME = "nickname"
    ACCOUNT_NAME = "account_name"
    PERSON_NUMBER = "person_number"
    NATIONAL_ID = "national_id"
    PASSPORT = "passport"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"
    LOCATION = "location"
    BANK_CARD = "bank_card"
    INCOME = "income"
    INSURANCE = "insurance"
    PLATE = "plate"
    BIRTH_DATE = "birth_date"
    GENDER = "gender"
    ETHNICITY = "ethnicity"
    NATIONALITY = "nationality"
    RELIGION = "religion"
    MARITAL_STATUS = "marital_status"
    FAMILY = "family"
    HEALTH = "health"
    BIOMETRIC = "biometric"
    PHOTO = "photo"
    WORK = "work"
    EDUCATION = "education"
    IP_ADDRESS = "ip_address"
    DEVICE = "device"
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    CREDENTIAL = "credential"
    SOCIAL_ACCOUNT = "social_account"
    FREE_TEXT = "free_text"


SENSITIVE = frozenset(
    {
        Kind.NATIONAL_ID,
        Kind.PASSPORT,
        Kind.BANK_CARD,
        Kind.INCOME,
        Kind.LOCATION,
        Kind.RELIGION,
        Kind.HEALTH,
        Kind.BIOMETRIC,
        Kind.INSURANCE,
    }
)
"""Kinds that PIPL 28 calls sensitive, or that its annexes in practice count among them."""


class About(StrEnum):
    """Whose rows a table holds."""

    PERSON = "person"
    COMPANY = "company"
    NOBODY = "nobody"


class Relation(StrEnum):
    """How a row stands to the person that one of its columns names; a guess for a human to decide.

    The first three are words of the data map: a row that is owned goes with its person, a row that
    is accessed only mentions them, and a person's row may own another to which it refers.
    """

    OWNED_BY = "owned_by"
    OWNS = "owns"
    ACCESSED_BY = "accessed_by"
    NOT_PERSONAL = "not_personal"


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """One column as the database shows it.

    Args:
        name: as the catalogue has it.
        type: the type in the database's own words, may be empty.
        samples: some of its values as text, without NULL; may be empty. They are looked at and
            never repeated.
        comment: what the schema says of it.
    """

    name: str
    type: str = ""
    samples: tuple[str, ...] = field(default=(), repr=False)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class EdgeSeen:
    """``column`` of this table refers to ``key`` of ``table``.

    Args:
        declared: whether the catalogue says so; else it was inferred from names and values.
    """

    column: str
    table: str
    key: str
    declared: bool = True


@dataclass(frozen=True, slots=True)
class TableSeen:
    """One table as the database shows it, in the order of its columns."""

    name: str
    columns: tuple[ColumnSeen, ...]
    key: tuple[str, ...] = ()
    edges: tuple[EdgeSeen, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What one column seems to be.

    Args:
        kind: what it holds that is personal by itself; None if nothing was recognised.
        personal: whether it is personal data: by itself, or because its row is about a person.
        confidence: from 0 to 1, how sure ``kind`` is, or that there is none.
        evidence: why, in words; never a value.
    """

    name: str
    kind: Kind | None
    personal: bool
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeGuess:
    """What one reference seems to mean."""

    edge: EdgeSeen
    relation: Relation
    reason: str


@dataclass(frozen=True, slots=True)
class TableGuess:
    """What one table seems to be about.

    Args:
        about: whose rows it holds; a row that leads to a person is that person's.
        reason: why, in words.
        key: the columns of its primary key.
        names_people: whether its name says that each row is a person.
        path: the references from a row to its person, nearest first; empty if the row itself is
            the person's, or nobody's.
        owned_through: a reference of a person's row to this one, where nothing leads the other
            way; its ``table`` is that of the person's row.
    """

    name: str
    about: About
    reason: str
    key: tuple[str, ...]
    names_people: bool
    path: tuple[EdgeSeen, ...]
    edges: tuple[EdgeGuess, ...]
    columns: Mapping[str, ColumnGuess]
    owned_through: EdgeSeen | None = None
