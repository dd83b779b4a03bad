"""The views and triggers of one lens on SQLite, as text.

Two views stand behind each name. The outer one bears the name of the table and holds nothing but
the granted columns of the inner one; the inner one has a random name and is the only place from
which a base table may be read. A single view would be open: SQLite tells the authorizer the name
of whatever sub-query reads a table, and anybody can name a sub-query like a view that he knows.

With people given, the inner view is a barrier (``LIMIT -1``): SQLite evaluates who may be seen
first and the statement's own conditions only on the rows that are left.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from troth.core.errors import InputError
from troth.core.lens import Lens, LensTable
from troth.core.sealing import PREFIX
from troth.store.permitted import permitted_select
from troth.store.sealed_type import marked_column

NOT_YOURS = "troth: this row belongs to nobody whom this purpose may see"
KEY_TAKEN = "troth: a row with this key or another unique value is there already"
NO_KEY = "troth: the key is made by the application and must be given"
NOT_GRANTED = "troth: a column was given that this purpose does not insert"
IN_THE_OPEN = "troth: a sealed column takes sealed values only"
ONLY_CLEARED = "troth: this purpose may clear the column and write nothing into it"


@dataclass(frozen=True, slots=True)
class Names:
    """The random names of one use; whoever knew one could read past the lens.

    Args:
        permitted: the view of the people for whom every purpose of the lens stands.
        people: the table that holds the people of the use.
        inner: the inner view of each table.
        triggers: what every trigger's name begins with.
    """

    permitted: str
    people: str
    inner: Mapping[str, str]
    triggers: str

    @classmethod
    def draw(cls, lens: Lens) -> Names:
        """Draw fresh names for a lens."""
        drawn = secrets.token_hex(16)
        inner = {table.name: f"v{n}_{drawn}" for n, table in enumerate(lens.tables)}
        return cls(f"w_{drawn}", f"p_{drawn}", inner, f"t_{drawn}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the views need to know of the database.

    Args:
        bases: the table behind each name that the lens or a way to a person mentions.
        unique: of each of the lens's tables, the columns of every unique index on plain columns.
    """

    bases: Mapping[str, str]
    unique: Mapping[str, Sequence[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class LensText:
    """The DDL of one lens under one set of names; ``triggers`` are the names that it gives."""

    lens: Lens
    names: Names
    catalogue: Catalogue
    scoped: bool
    mark: str
    triggers: list[str] = field(default_factory=list)

    def statements(self) -> Iterator[str]:
        """Yield the statements in order; each ends with a semicolon."""
        yield f"CREATE TEMP VIEW {quoted(self.names.permitted)} AS {self._permitted()};"
        if self.scoped:
            yield f"CREATE TEMP TABLE {quoted(self.names.people)} (id TEXT);"
        for table in self.lens.tables:
            yield from self._views(table)
            if table.insert:
                yield self._trigger(table, "INSERT", self._insert(table))
            for columns in self._update_groups(table):
                event = f"UPDATE OF {_list(columns)}"
                yield self._trigger(table, event, self._update(table, columns))
            if table.may_delete:
                yield self._trigger(table, "DELETE", self._delete(table))

    def removals(self) -> Iterator[str]:
        """Yield the statements that take everything away again; triggers go with their views."""
        for table in self.lens.tables:
            yield f"DROP VIEW temp.{quoted(table.name)};"
            yield f"DROP VIEW temp.{quoted(self.names.inner[table.name])};"
        if self.scoped:
            yield f"DROP TABLE temp.{quoted(self.names.people)};"
        yield f"DROP VIEW temp.{quoted(self.names.permitted)};"

    # --- reading ------------------------------------------------------------------------------

    def _permitted(self) -> str:
        """Return the people for whom the first purpose stands and every other one, too."""
        first, *others = (_permitted_for(purpose) for purpose in self.lens.purposes)
        return first + "".join(
            f" AND EXISTS (SELECT 1 FROM ({other}) o{n} "
            f"WHERE o{n}.pii_principal_id = s.pii_principal_id)"
            for n, other in enumerate(others)
        )

    def _views(self, table: LensTable) -> Iterator[str]:
        inner = quoted(self.names.inner[table.name])
        shown = ", ".join(self._shown(table, column) for column in columns_of(table))
        rows = self._scoped_rows(table) if self.scoped else self._permitted_rows(table)
        yield f"CREATE TEMP VIEW {inner} AS SELECT {shown} FROM {rows};"
        yield (
            f"CREATE TEMP VIEW {quoted(table.name)} AS "
            f"SELECT {_list(columns_of(table))} FROM temp.{inner};"
        )

    def _shown(self, table: LensTable, column: str) -> str:
        name = quoted(column)
        if column not in table.read:
            return f"NULL AS {name}"
        if self.mark and column in table.sealed:
            place = f"{table.name}.{column}"
            person = "p.id" if self.scoped else self._person_of(table, "b")
            marked = marked_column(self.mark, place, person, f"b.{name}")
            return f"{marked} AS {name}"
        return f"b.{name}"

    def _scoped_rows(self, table: LensTable) -> str:
        """Rows of people: from the person to the row, in this order (CROSS JOIN fixes it)."""
        rows = (
            f"temp.{quoted(self.names.people)} p CROSS JOIN temp.{quoted(self.names.permitted)} w "
            "ON w.pii_principal_id = p.id"
        )
        column, found = table.person, "p.id"
        for n, hop in reversed(list(enumerate(table.hops))):
            base = quoted(self.catalogue.bases[hop.table])
            rows += f" CROSS JOIN main.{base} h{n} ON h{n}.{quoted(column)} = {found}"
            column, found = hop.column, f"h{n}.{quoted(hop.key)}"
        base = quoted(self.catalogue.bases[table.name])
        return f"{rows} CROSS JOIN main.{base} b ON b.{quoted(column)} = {found} LIMIT -1"

    def _permitted_rows(self, table: LensTable) -> str:
        person = self._person_of(table, "b")
        return (
            f"main.{quoted(self.catalogue.bases[table.name])} b WHERE EXISTS (SELECT 1 FROM "
            f"temp.{quoted(self.names.permitted)} w WHERE w.pii_principal_id = {person})"
        )

    @property
    def _only_person(self) -> str:
        """Return the person of a use that is of exactly one, else NULL."""
        return f"(SELECT iif(count(*) = 1, min(id), NULL) FROM {quoted(self.names.people)})"

    def _person_of(self, table: LensTable, row: str) -> str:
        """Return the expression that gives the person of a row, ``b`` or ``NEW``."""
        if not table.hops:
            return f"{row}.{quoted(table.person)}"
        first, *others = table.hops
        joined = f"{quoted(self.catalogue.bases[first.table])} h0"
        for n, hop in enumerate(others):
            base = quoted(self.catalogue.bases[hop.table])
            joined += f" JOIN {base} h{n + 1} ON h{n + 1}.{quoted(hop.key)} = h{n}."
            joined += quoted(hop.column)
        return (
            f"(SELECT h{len(others)}.{quoted(table.person)} FROM {joined} "
            f"WHERE h0.{quoted(first.key)} = {row}.{quoted(first.column)})"
        )

    # --- writing: names of tables cannot be qualified here, so base tables bear other names -----

    def _trigger(self, table: LensTable, event: str, body: Iterator[str]) -> str:
        name = f"{self.names.triggers}_{len(self.triggers)}"
        self.triggers.append(name)
        return (
            f"CREATE TEMP TRIGGER {quoted(name)} INSTEAD OF {event} ON temp.{quoted(table.name)} "
            f"BEGIN {' '.join(body)} END;"
        )

    def _insert(self, table: LensTable) -> Iterator[str]:
        columns = insertable(table)
        values = {column: f"NEW.{quoted(column)}" for column in columns}
        for column in columns_of(table):
            if column not in columns:
                yield _refuse(NOT_GRANTED, f"NEW.{quoted(column)} IS NOT NULL")
        yield _refuse(NO_KEY, " OR ".join(f"NEW.{quoted(column)} IS NULL" for column in table.key))
        if self.scoped and not table.hops and table.person not in columns:
            values[table.person] = self._only_person
        yield from self._only_permitted(table, values)
        yield from _only_sealed(table, columns)
        yield (
            f"INSERT INTO {quoted(self.catalogue.bases[table.name])} ({_list(values)}) "
            f"VALUES ({', '.join(values.values())}) ON CONFLICT DO NOTHING;"
        )
        # OR REPLACE and OR IGNORE of the statement are overruled: a conflict is always an error.
        yield _refuse(KEY_TAKEN, "changes() = 0")

    def _only_permitted(self, table: LensTable, values: Mapping[str, str]) -> Iterator[str]:
        entry = table.hops[0].column if table.hops else table.person
        if entry not in values:
            yield _refuse(NOT_YOURS, "1")
            return
        person = self._person_of(table, "NEW") if table.hops else values[entry]
        people = f"(SELECT id FROM {quoted(self.names.people)})"
        mine = f" AND w.pii_principal_id IN {people}" if self.scoped else ""
        yield _refuse(
            NOT_YOURS,
            f"NOT EXISTS (SELECT 1 FROM {quoted(self.names.permitted)} w "
            f"WHERE w.pii_principal_id = {person}{mine})",
        )

    def _update_groups(self, table: LensTable) -> list[tuple[str, ...]]:
        """Return the columns that one trigger may set together.

        What the view does not show as it is stored gets a trigger of its own, which runs only if
        the statement names the column: another would write back what the view shows.
        """
        shown = set(table.read) - {*table.sealed, *table.clears}
        alone = [c for c in table.update if c not in shown]
        plain = tuple(c for c in table.update if c in shown)
        return [*([plain] if plain else []), *((c,) for c in alone)]

    def _update(self, table: LensTable, columns: tuple[str, ...]) -> Iterator[str]:
        entry = table.hops[0].column if table.hops else table.person
        if entry in columns:
            yield from self._only_permitted(table, {entry: f"NEW.{quoted(entry)}"})
        yield from _only_sealed(table, columns)
        for column in columns:
            if column in table.clears:
                yield _refuse(ONLY_CLEARED, f"NEW.{quoted(column)} IS NOT NULL")
        base = quoted(self.catalogue.bases[table.name])
        for index in self.catalogue.unique[table.name]:
            if set(index) & set(columns):
                yield _refuse(KEY_TAKEN, _conflict(table, base, index, columns))
        setting = ", ".join(f"{quoted(column)} = NEW.{quoted(column)}" for column in columns)
        yield f"UPDATE {base} SET {setting} WHERE {_same_key(table)};"

    def _delete(self, table: LensTable) -> Iterator[str]:
        yield f"DELETE FROM {quoted(self.catalogue.bases[table.name])} WHERE {_same_key(table)};"


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL.

    Raises:
        InputError: it holds a quote or a zero byte.
    """
    if '"' in name or "\0" in name or not name:
        raise InputError("the name of a table or column is empty or holds a quote")
    return f'"{name}"'


def columns_of(table: LensTable) -> tuple[str, ...]:
    """Return the columns of the view: what is read, then what is only written."""
    return tuple(dict.fromkeys((*table.key, *table.read, *insertable(table), *table.update)))


def insertable(table: LensTable) -> tuple[str, ...]:
    """Return the columns that an insert may give, the key among them."""
    return tuple(dict.fromkeys((*table.key, *table.insert))) if table.insert else ()


def _permitted_for(purpose: str) -> str:
    literal = purpose.replace("'", "''")
    return f"{permitted_select('sqlite')} AND s.purpose_id = '{literal}'"


def _list(columns: Mapping[str, str] | Sequence[str]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _refuse(message: str, condition: str) -> str:
    return f"SELECT RAISE(ABORT, '{message}') WHERE {condition};"


def _same_key(table: LensTable) -> str:
    return " AND ".join(f"{quoted(column)} = OLD.{quoted(column)}" for column in table.key)


def _only_sealed(table: LensTable, columns: Sequence[str]) -> Iterator[str]:
    for column in columns:
        if column in table.sealed:
            value = f"NEW.{quoted(column)}"
            yield _refuse(IN_THE_OPEN, f"substr({value}, 1, {len(PREFIX)}) <> '{PREFIX}'")


def _conflict(table: LensTable, base: str, index: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Return whether another row has what this one would get; OR REPLACE would destroy it."""
    mine = " AND ".join(f"mine.{quoted(c)} = OLD.{quoted(c)}" for c in table.key)
    same = " AND ".join(
        f"o.{quoted(c)} = {'NEW' if c in columns else 'mine'}.{quoted(c)}" for c in index
    )
    other = " OR ".join(f"o.{quoted(c)} <> mine.{quoted(c)}" for c in table.key)
    return f"EXISTS (SELECT 1 FROM {base} mine, {base} o WHERE {mine} AND {same} AND ({other}))"
