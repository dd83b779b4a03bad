"""The SQL of one lens on PostgreSQL: two schemas of views that show the lens's rows and no others.

``…_some`` shows the rows of the people that the block was opened for, ``…_all`` those of everybody
for whom every purpose of the lens stands, and nothing while the block is of named people. Which of
the two a connection looks at by default is a matter of comfort: another ``search_path`` gains
nothing.

The scope stands in a table that only the application writes, under the process id of the backend.
SQL on a lensed connection can neither write it nor change its own process id, so it cannot forge
for whom it works. `clock_timestamp` moves within a transaction, so a block that is held open sees
nothing once its time is over.

Why each view is as it is:

1. One table in FROM and sub-selects in WHERE, so that PostgreSQL updates through it by itself.
2. ``security_barrier``: a function of the query's own meets no row that the view hides.
3. Of named people, scope and consent are looked up once in a statement, not once in each row; the
   function that does it has its owner's rights, and every name in it bears its schema.
4. What PostgreSQL cannot write through a view goes through the triggers of
   `lens_postgresql_writes`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from troth.core.errors import InputError
from troth.core.lens import BASE_SCHEMA, Hop, Lens, LensTable
from troth.store.sealed_type import marked_column

Reach = Literal["some", "all"]
"""Whose rows: of the people of a block, or of everybody for whom the lens's purposes stand."""

SCOPE = "public.troth_lens_scope"
PERMITTED = "public.troth_permitted"
_NAME_BYTES = 40


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the database says of the base tables.

    Args:
        types: the type of a column without its length, as SQL names it, by table and column.
        defaults: the default of a column as an expression, where it is not a sequence.
    """

    types: Mapping[tuple[str, str], str]
    defaults: Mapping[tuple[str, str], str]

    def type_of(self, table: str, column: str) -> str:
        """Return the type of a column.

        Raises:
            InputError: there is no such column.
        """
        try:
            return self.types[table, column]
        except KeyError:
            raise InputError(f"there is no column {table}.{column}") from None


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal of SQL; names of lenses only, never a person's data.

    Raises:
        InputError: it has a character that no name of a lens has.
    """
    if re.fullmatch(r"[\w.\-+]+", text) is None:
        raise InputError("a purpose is named by letters, digits and underscores")
    return f"'{text}'"


def short(name: str) -> str:
    """Return a name that fits where PostgreSQL would cut it, and still differs from others."""
    if len(name.encode()) <= _NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _NAME_BYTES - 9].decode(errors="ignore") + "_" + digest


def digest_of(one: str, other: str) -> str:
    """Return what stands for two names in the name of a function."""
    return hashlib.sha256(f"{one}\0{other}".encode()).hexdigest()[:16]


def schema_of(lens: str, reach: Reach) -> str:
    """Return the schema of a lens's views."""
    return f"troth_lens_{short(lens)}_{reach}"


def role_of(lens: str, database: str) -> str:
    """Return the role of a lens; roles belong to the whole server, so the database is in it."""
    return f"troth_{short(lens)}_{digest_of(database, lens)[:8]}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One table as one lens shows it.

    Args:
        lens: the lens.
        table: what it may do with the table.
        reach: whose rows.
        catalogue: of every table on the way to a person.
        mark: what sealed values are marked with.
    """

    lens: Lens
    table: LensTable
    reach: Reach
    catalogue: Catalogue
    mark: str

    @property
    def view(self) -> str:
        """Return the name of the view."""
        return f"{quoted(schema_of(self.lens.name, self.reach))}.{quoted(self.table.name)}"

    @property
    def base(self) -> str:
        """Return the name of the table behind it."""
        return f"{BASE_SCHEMA}.{quoted(self.table.name)}"

    @property
    def leads(self) -> str:
        """Return the column that leads to the person."""
        return self.table.hops[0].column if self.table.hops else self.table.person

    @property
    def insertable(self) -> tuple[str, ...]:
        """Return the columns that an insert may give, the key among them."""
        table = self.table
        return tuple(dict.fromkeys((*table.key, *table.insert))) if table.insert else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the view: what is read, then what is only written."""
        table = self.table
        filled = (self.leads,) if table.insert else ()
        return tuple(dict.fromkeys((*table.read, *self.insertable, *filled, *table.update)))

    @property
    def guarded(self) -> tuple[str, ...]:
        """Return the columns of which an update needs more than a right."""
        table = self.table
        return tuple(c for c in table.update if c in table.sealed or c in table.clears)

    def shown(self, column: str, row: str) -> str:
        """Return the expression by which the view shows a column of a row."""
        stored = f"{row}.{quoted(column)}"
        if column in self.table.read:
            if column not in self.table.sealed:
                return stored
            person = self.person_of(row)
            return marked_column(self.mark, f"{self.table.name}.{column}", person, stored)
        return self.kept(column) if column in self.guarded else stored

    def kept(self, column: str) -> str:
        """Return what a column holds that is written and not shown: the same in every row.

        An update that leaves the column alone gives this back; whatever else it gives can be judged
        without a look at what is stored, so nobody learns that by trying.

        Raises:
            InputError: nothing is known to stand for a value of this type.
        """
        kind = self.catalogue.type_of(self.table.name, column)
        for names, value in _KEPT.items():
            if kind in names:
                return f"CAST('{value}' AS {kind})"
        raise InputError(f"{self.table.name}.{column} is a {kind}, which cannot be cleared unseen")

    def person_of(self, row: str) -> str:
        """Return the expression that gives the person of a row, as a text."""
        hops = self.table.hops
        if not hops:
            return f"CAST({row}.{quoted(self.table.person)} AS text)"
        first, *others = hops
        last = f"CAST(h{len(others)}.{quoted(self.table.person)} AS text)"
        return (
            f"(SELECT {last} {_joined(first.table, others)} "
            f"WHERE h0.{quoted(first.key)} = {row}.{quoted(first.column)})"
        )

    def rows(self) -> str:
        """Return the condition on a row ``t`` of the table: whether the lens shows it."""
        table, hops = self.table, self.table.hops
        kind = self.catalogue.type_of(hops[-1].table if hops else table.name, table.person)
        if self.reach == "some":
            return self._of_some(kind)
        of_all = f"EXISTS (SELECT 1 {_scope(self.lens)} AND s.people IS NULL)"
        return f"{of_all} AND {self._of_permitted()}"

    def _of_some(self, kind: str) -> str:
        people = f"ANY ((SELECT CAST({scope_name(self.lens.name)}() AS {kind}[]))::{kind}[])"
        if not self.table.hops:
            return f"t.{quoted(self.table.person)} = {people}"
        # A list made once, not EXISTS: so the index on the column that leads to it can be used.
        first, *others = self.table.hops
        keys = f"SELECT h0.{quoted(first.key)} {_joined(first.table, others)}"
        last = f"h{len(others)}.{quoted(self.table.person)}"
        return f"t.{quoted(first.column)} = ANY (ARRAY({keys} WHERE {last} = {people}))"

    def _of_permitted(self) -> str:
        if not self.table.hops:
            return _permitted(self.lens, f"CAST(t.{quoted(self.table.person)} AS text)")
        first, *others = self.table.hops
        last = f"CAST(h{len(others)}.{quoted(self.table.person)} AS text)"
        return (
            f"EXISTS (SELECT 1 {_joined(first.table, others)} WHERE h0.{quoted(first.key)} = "
            f"t.{quoted(first.column)} AND {_permitted(self.lens, last)})"
        )


_KEPT = {
    ("text", "character varying", "bpchar"): "troth: kept",
    ("smallint", "integer", "bigint", "numeric", "real", "double precision"): "0",
    ("date", "timestamp without time zone", "timestamp with time zone"): "-infinity",
    ("boolean",): "false",
    ("bytea",): "",
    ("uuid",): "00000000-0000-0000-0000-000000000000",
    ("json", "jsonb"): "null",
}
"""What stands for a value that is there, by type. It is none that anybody would write."""


def view_statements(shown: Shown, role: str) -> Sequence[str]:
    """Return the DDL that makes one view and says what the lens's role may do with it.

    Raises:
        InputError: the lens asks for what cannot be kept.
    """
    _check(shown)
    table = shown.table
    columns = ", ".join(f"{shown.shown(c, 't')} AS {quoted(c)}" for c in shown.columns)
    by_itself = (table.insert or table.update) and not shown.guarded
    options = "security_barrier" + (", check_option = cascaded" if by_itself else "")
    made = [
        f"CREATE VIEW {shown.view} WITH ({options}) AS "
        f"SELECT {columns} FROM {shown.base} t WHERE {shown.rows()}",
        f"REVOKE ALL ON {shown.view} FROM PUBLIC",
        *_grants(shown, role),
    ]
    if table.insert and not table.hops and shown.reach == "some":
        made.append(
            f"ALTER VIEW {shown.view} ALTER COLUMN {quoted(table.person)} "
            f"SET DEFAULT {_only_person(shown)}"
        )
    return made


def _check(shown: Shown) -> None:
    table = shown.table
    if not shown.leads or not table.read:
        raise InputError(f"the lens of {table.name} has no columns, or no way to a person")
    if table.insert and table.hops and shown.leads not in table.insert:
        raise InputError(
            f"an insert into {table.name} must give {shown.leads}, which leads to a person"
        )
    if set(table.update) & set(table.key):
        raise InputError(f"the key of {table.name} is never updated")
    if not set(table.clears) <= set(table.update) - set(table.read):
        raise InputError(f"what is only cleared in {table.name} is updated and not read")
    if shown.guarded and not set(table.key) <= set(table.read):
        raise InputError(f"the lens of {table.name} does not show its key")


def _grants(shown: Shown, role: str) -> Sequence[str]:
    """Grant by column: a right on the whole view would also let the role lock the table."""
    table = shown.table
    lists = {"SELECT": table.read, "INSERT": shown.insertable, "UPDATE": table.update}
    if len(table.read) == len(shown.columns):
        made, lists = [f"GRANT SELECT ON {shown.view} TO {quoted(role)}"], {**lists, "SELECT": ()}
    else:
        made = []
    for verb, columns in lists.items():
        if columns:
            names = ", ".join(quoted(column) for column in columns)
            made.append(f"GRANT {verb} ({names}) ON {shown.view} TO {quoted(role)}")
    if table.may_delete:
        made.append(f"GRANT DELETE ON {shown.view} TO {quoted(role)}")
    return made


def scope_function(lens: Lens, role: str) -> Sequence[str]:
    """Return the DDL of the function that looks up for whom the block works.

    A function, because its plan is kept from block to block: planned anew in each statement, scope
    and consent cost more than the read itself, and a page reads each thing once. It takes no
    argument, tells a block only for whom it works, and lies where no lens role can name it. It has
    no search_path of its own, since to switch it costs more than what it does; instead every name
    in it bears its schema, operators too, so that the caller's search_path decides nothing.
    """
    name = scope_name(lens.name)
    of = f"{_scope(lens)} AND pg_catalog.cardinality(s.people)"
    # One person is the usual case; to make ready for a list costs more than the read.
    one = f"SELECT s.people {of} = 1 AND {_permitted(lens, 's.people[1]')}"
    listed = f"SELECT w.id FROM pg_catalog.unnest(s.people) w (id) WHERE {_permitted(lens, 'w.id')}"
    more = f"SELECT ARRAY({listed}) {of} > 1"
    return [
        f"CREATE FUNCTION {name}() RETURNS text[] LANGUAGE plpgsql STABLE PARALLEL RESTRICTED "
        f"SECURITY DEFINER AS $lens$ DECLARE of_one text[] := ({_qualified(one)}); BEGIN "
        f"IF of_one IS NOT NULL THEN RETURN of_one; END IF; "
        f"RETURN ({_qualified(more)}); END $lens$",
        f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {name}() TO {quoted(role)}",
    ]


def _only_person(shown: Shown) -> str:
    """Return what an insert takes for the person: whom the block is of, if that is one."""
    kind = shown.catalogue.type_of(shown.table.name, shown.table.person)
    people = f"{scope_name(shown.lens.name)}()"
    return f"CAST(CASE WHEN cardinality({people}) = 1 THEN ({people})[1] END AS {kind})"


def _qualified(body: str) -> str:
    """Return a query of ours with the schema of its operators; no literal in it holds one."""
    return body.replace(" = ", " OPERATOR(pg_catalog.=) ").replace(
        " > ", " OPERATOR(pg_catalog.>) "
    )


def scope_name(lens: str) -> str:
    """Return the function that gives the people of a block."""
    return f"{BASE_SCHEMA}.{quoted('scope_' + digest_of(lens, 'some'))}"


def _scope(lens: Lens) -> str:
    return (
        f"FROM {SCOPE} s WHERE s.backend_pid = pg_catalog.pg_backend_pid() "
        f"AND s.lens = {literal(lens.name)} AND s.until > pg_catalog.clock_timestamp()"
    )


def _permitted(lens: Lens, person: str) -> str:
    """Return whether every purpose of a lens stands for a person."""
    return " AND ".join(
        f"EXISTS (SELECT 1 FROM {PERMITTED} p WHERE p.pii_principal_id = {person} "
        f"AND p.purpose_id = {literal(str(purpose))})"
        for purpose in sorted(lens.purposes)
    )


def _joined(first: str, others: Sequence[Hop]) -> str:
    from_clause = f"FROM {BASE_SCHEMA}.{quoted(first)} h0"
    for number, hop in enumerate(others, start=1):
        from_clause += (
            f" JOIN {BASE_SCHEMA}.{quoted(hop.table)} h{number} "
            f"ON h{number}.{quoted(hop.key)} = h{number - 1}.{quoted(hop.column)}"
        )
    return from_clause
