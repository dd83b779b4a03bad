"""Who may be served for what, as a view: the rule of a decision, kept by the database itself.

A lens joins this view, so that text SQL obeys the same rule as `core.access.decide`. What the rule
needs of the policy stands in ``troth_purpose_rule``: triggers make it from what a publication
appends, and nothing else writes it. A purpose that the version in force does not name has no row
there, so nobody is permitted for it; between a new head and its purposes nobody is permitted for
anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from troth.core.consent import VALID_STATES, PersonFlag
from troth.store.consent import placed, plpgsql
from troth.store.db import Cursor, Kind
from troth.store.schema import metadata

policy_purpose = Table(
    "troth_policy_purpose",
    metadata,
    Column("ordinal", Integer, ForeignKey("troth_policy_version.ordinal"), nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("under_restriction", Integer, nullable=False),
    PrimaryKeyConstraint("ordinal", "purpose_id"),
    CheckConstraint("under_restriction = 0 OR under_restriction = 1", name="under_restriction"),
    sqlite_with_rowid=False,
)

purpose_rule = Table(
    "troth_purpose_rule",
    metadata,
    Column("purpose_id", Text, primary_key=True),
    Column("required", Integer, nullable=False),
    Column("under_restriction", Integer, nullable=False),
    sqlite_with_rowid=False,
)

_NOW: Mapping[Kind, str] = {
    # Whole milliseconds: SQLite's clock knows no finer ones.
    "sqlite": "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
}
"""The database's clock in microseconds since 1970; on PostgreSQL it moves within a transaction."""

_PLACE: Mapping[Kind, str] = {"sqlite": "instr", "postgresql": "strpos"}


def rule_triggers(kind: Kind) -> Sequence[str]:
    """Return the DDL by which the database makes the rules of the version in force.

    ``required`` is the last version that asks again for the purpose, of all that were published:
    a purpose that was left out for a while comes back with what it required before.
    """
    # ``asked`` is a list in JSON; SQLite's own table of it needs the right to make tables.
    empty = "DELETE FROM troth_purpose_rule;"
    fill = f"""
    INSERT INTO troth_purpose_rule (purpose_id, required, under_restriction)
      SELECT NEW.purpose_id,
             coalesce((SELECT max(v.ordinal) FROM troth_policy_version v
                       WHERE {_PLACE[kind]}(v.asked, '"' || NEW.purpose_id || '"') > 0), 0),
             NEW.under_restriction
      FROM troth_policy_head h WHERE h.ordinal = NEW.ordinal;
    """
    made = []
    for name, table, body in (
        ("troth_purpose_rule_empty", "troth_policy_version", empty),
        ("troth_purpose_rule_fill", "troth_policy_purpose", fill),
    ):
        if kind == "sqlite":
            made.append(f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {body} END")
            continue
        made.append(plpgsql(name, body))
        made.append(
            f"CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
    return made


def permitted_select(kind: Kind) -> str:
    """Return the rule as a SELECT of person and purpose; more conditions may be appended."""
    # Not IN: SQLite would build an index of the list at every row.
    valid = " OR ".join(f"s.event_state = '{state.value}'" for state in sorted(VALID_STATES))
    restricted, child, guarded = (
        int(flag) for flag in (PersonFlag.RESTRICTED, PersonFlag.UNDER_14, PersonFlag.GUARDED)
    )
    return f"""
  SELECT s.pii_principal_id, s.purpose_id
  FROM troth_consent_state s JOIN troth_purpose_rule r ON r.purpose_id = s.purpose_id
  WHERE ({valid})
    AND (s.valid_until IS NULL OR s.valid_until > {_NOW[kind]})
    AND s.notice_ordinal >= r.required
    AND (s.person_flags & {restricted} = 0 OR r.under_restriction = 1)
    AND (s.person_flags & {child} = 0 OR s.person_flags & {guarded} <> 0)
"""


def permitted_view(kind: Kind) -> str:
    """Return the DDL of ``troth_permitted``: a row for each person and purpose that decides yes."""
    return f"CREATE VIEW troth_permitted AS {permitted_select(kind)}"


def add_purposes(cursor: Cursor, kind: Kind, ordinal: int, purposes: Mapping[str, bool]) -> None:
    """Append the purposes of one version, in the transaction that publishes it.

    Does nothing for purposes that are there already, so that publishing the version in force again
    completes a database which an older release published to.

    Args:
        cursor: in a transaction that the caller ends.
        kind: which database it is.
        ordinal: the version, which is the head.
        purposes: whether each purpose goes on while a person's data is restricted.
    """
    find = placed(kind, "SELECT purpose_id FROM troth_policy_purpose WHERE ordinal = ?")
    cursor.execute(find, (ordinal,))
    known = {row[0] for row in cursor.fetchall()}
    add = placed(
        kind,
        "INSERT INTO troth_policy_purpose (ordinal, purpose_id, under_restriction) "
        "VALUES (?, ?, ?)",
    )
    for purpose_id, under_restriction in purposes.items():
        if purpose_id not in known:
            cursor.execute(add, (ordinal, purpose_id, int(under_restriction)))


def people_permitted(cursor: Cursor, kind: Kind, purposes: Sequence[str]) -> list[str]:
    """Return the random ids of the people for whom every one of these purposes stands now."""
    marks = ", ".join("?" * len(purposes))
    sql = (
        f"SELECT pii_principal_id FROM troth_permitted WHERE purpose_id IN ({marks}) "
        "GROUP BY pii_principal_id HAVING count(*) = ? ORDER BY pii_principal_id"
    )
    cursor.execute(placed(kind, sql), (*purposes, len(purposes)))
    return [row[0] for row in cursor.fetchall()]
