"""The SQL of one lens on PostgreSQL: two schemas of views that show a purpose's rows and no others.

``…_one`` shows the rows of the person that the block was opened for, ``…_all`` those of everybody
for whom the purpose stands, and nothing while the block is one person's. Which of the two a
connection looks at by default is a matter of comfort: another ``search_path`` gains nothing.

The scope stands in a table that only the application writes, under the process id of the backend.
SQL on a lensed connection can neither write it nor change its own process id, so it cannot forge
for whom it works. `clock_timestamp` moves within a transaction, so a block that is held open sees
nothing once its time is over.

Why each view is as it is:

1. One table in FROM and sub-selects in WHERE, so that PostgreSQL updates through it by itself.
2. ``security_barrier``: a function of the query's own meets no row that the view hides.
3. Of one person, scope and consent are looked up once in a statement, not once in each row; the
   function that does it has its owner's rights, and every name in it bears its schema.
4. ``INSERT … ON CONFLICT DO UPDATE`` evaluates its expressions on the row that is in the way,
   hidden or not, and their errors print what they saw. Where a purpose may both insert and update,
   inserts go through a trigger, on which PostgreSQL accepts no such clause.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from troth.core.errors import InputError
from troth.core.lens import BASE_SCHEMA, Hop, Lens, LensTable

Reach = Literal["one", "all"]
"""Whose rows: of one person, or of everybody for whom the purpose stands."""

SCOPE = "public.troth_lens_scope"
PERMITTED = "public.troth_permitted"
_NAME_BYTES = 40


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the database says of the base tables.

    Args:
        types: the type of a column, as SQL names it, by table and column.
        defaults: the default of a column as an expression, where it is not a sequence.
    """

    types: Mapping[tuple[str, str], str]
    defaults: Mapping[tuple[str, str], str]


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal of SQL; names of purposes only, never a person's data.

    Raises:
        InputError: it has a character that no name of a purpose has.
    """
    if re.fullmatch(r"[\w.\-]+", text) is None:
        raise InputError("a purpose is named by letters, digits and underscores")
    return f"'{text}'"


def short(name: str) -> str:
    """Return a name that fits where PostgreSQL would cut it, and still differs from others."""
    if len(name.encode()) <= _NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _NAME_BYTES - 9].decode(errors="ignore") + "_" + digest


def schema_of(purpose: str, reach: Reach) -> str:
    """Return the schema of a purpose's views."""
    return f"troth_lens_{short(purpose)}_{reach}"


def role_of(purpose: str, database: str) -> str:
    """Return the role of a purpose; roles belong to the whole server, so the database is in it."""
    digest = hashlib.sha256(f"{database}\0{purpose}".encode()).hexdigest()[:8]
    return f"troth_{short(purpose)}_{digest}"


def lens_statements(lens: Lens, role: str, catalogue: Catalogue) -> Sequence[str]:
    """Return the DDL that makes both schemas of a lens, into which nothing was put yet.

    Args:
        lens: what the purpose may see.
        role: the login role of the purpose.
        catalogue: of every table on the way to a person.

    Raises:
        InputError: the lens asks for what cannot be kept.
    """
    made = list(_scope_function(lens.purpose, role))
    for reach in ("one", "all"):
        schema = quoted(schema_of(lens.purpose, reach))
        made.append(f"CREATE SCHEMA {schema}")
        made.append(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(role)}")
        for table in lens.tables:
            made += _table_statements(lens.purpose, table, reach, role, catalogue)
    return made


def _table_statements(
    purpose: str, table: LensTable, reach: Reach, role: str, catalogue: Catalogue
) -> Sequence[str]:
    _check(table)
    view = f"{quoted(schema_of(purpose, reach))}.{quoted(table.name)}"
    base = f"{BASE_SCHEMA}.{quoted(table.name)}"
    shown = ", ".join(f"t.{quoted(c)}" for c in _columns(table))
    rows = rows_of(purpose, table, reach, catalogue)
    writes = bool(table.insert or table.update)
    options = "security_barrier" + (", check_option = cascaded" if writes else "")
    made = [
        f"CREATE VIEW {view} WITH ({options}) AS SELECT {shown} FROM {base} t WHERE {rows}",
        f"REVOKE ALL ON {view} FROM PUBLIC",
        *_grants(view, table, role),
    ]
    if table.insert and table.update:
        made += _insert_trigger(purpose, table, reach, catalogue)
        made += [
            f"ALTER VIEW {view} ALTER COLUMN {quoted(column)} "
            f"SET DEFAULT {catalogue.defaults[table.name, column]}"
            for column in table.insert
            if (table.name, column) in catalogue.defaults
        ]
    return made


def _check(table: LensTable) -> None:
    leads = table.hops[0].column if table.hops else table.person
    if not leads or not table.read:
        raise InputError(f"the lens of {table.name} has no columns, or no way to a person")
    if table.insert and leads not in table.insert:
        raise InputError(f"an insert into {table.name} must give {leads}, which leads to a person")
    if set(table.update) & set(table.key):
        raise InputError(f"the key of {table.name} is never updated")


def _columns(table: LensTable) -> list[str]:
    """Return the columns of the view: what is read, then what is only written."""
    return list(dict.fromkeys((*table.read, *table.insert, *table.update)))


def _grants(view: str, table: LensTable, role: str) -> Sequence[str]:
    """Grant by column: a right on the whole view would also let the role lock the table."""
    lists = {"SELECT": table.read, "INSERT": table.insert, "UPDATE": table.update}
    if len(table.read) == len(_columns(table)):
        made, lists = [f"GRANT SELECT ON {view} TO {quoted(role)}"], {**lists, "SELECT": ()}
    else:
        made = []
    for verb, columns in lists.items():
        if columns:
            names = ", ".join(quoted(column) for column in columns)
            made.append(f"GRANT {verb} ({names}) ON {view} TO {quoted(role)}")
    if table.may_delete:
        made.append(f"GRANT DELETE ON {view} TO {quoted(role)}")
    return made


def rows_of(purpose: str, table: LensTable, reach: Reach, catalogue: Catalogue) -> str:
    """Return the condition on a row ``t`` of the table: whether the lens shows it."""
    last = table.hops[-1].table if table.hops else table.name
    kind = catalogue.types.get((last, table.person))
    if kind is None:
        raise InputError(f"there is no column {last}.{table.person}")
    if reach == "one":
        return _of_one(purpose, table, kind)
    of_all = f"EXISTS (SELECT 1 {_scope(purpose)} AND s.person IS NULL)"
    return f"{of_all} AND {_of_permitted(purpose, table)}"


def _scope_function(purpose: str, role: str) -> Sequence[str]:
    """Return the DDL of the function that looks up for which person the block works.

    A function, because its plan is kept from block to block: planned anew in each statement, scope
    and consent cost more than the read itself, and a page reads each thing once. It takes no
    argument, tells a block only for whom it works, and lies where no lens role can name it. It has
    no search_path of its own, since to switch it costs more than what it does; instead every name
    in it bears its schema, operators too, so that the caller's search_path decides nothing.
    """
    name = _scope_name(purpose)
    body = f"SELECT s.person {_scope(purpose)} AND {_permitted(purpose, 's.person')}"
    return [
        f"CREATE FUNCTION {name}() RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED "
        f"SECURITY DEFINER AS $lens$ BEGIN RETURN ({_qualified(body)}); END $lens$",
        f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {name}() TO {quoted(role)}",
    ]


def _qualified(body: str) -> str:
    """Return a query of ours with the schema of its operators; no literal in it holds one."""
    return body.replace(" = ", " OPERATOR(pg_catalog.=) ").replace(
        " > ", " OPERATOR(pg_catalog.>) "
    )


def _scope_name(purpose: str) -> str:
    return f"{BASE_SCHEMA}.{quoted('scope_' + _digest(purpose, 'one'))}"


def _scope(purpose: str) -> str:
    return (
        f"FROM {SCOPE} s WHERE s.backend_pid = pg_catalog.pg_backend_pid() "
        f"AND s.purpose_id = {literal(purpose)} AND s.until > pg_catalog.clock_timestamp()"
    )


def _permitted(purpose: str, person: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {PERMITTED} p WHERE p.pii_principal_id = {person} "
        f"AND p.purpose_id = {literal(purpose)})"
    )


def _of_one(purpose: str, table: LensTable, kind: str) -> str:
    person = f"(SELECT CAST({_scope_name(purpose)}() AS {kind}))"
    if not table.hops:
        return f"t.{quoted(table.person)} = {person}"
    # A list made once, not EXISTS: so the index on the column that leads to it can be used.
    first, *others = table.hops
    keys = f"SELECT h0.{quoted(first.key)} {_joined(first.table, others)}"
    last = f"h{len(others)}.{quoted(table.person)}"
    return f"t.{quoted(first.column)} = ANY (ARRAY({keys} WHERE {last} = {person}))"


def _of_permitted(purpose: str, table: LensTable) -> str:
    if not table.hops:
        return _permitted(purpose, f"CAST(t.{quoted(table.person)} AS text)")
    first, *others = table.hops
    last = f"CAST(h{len(others)}.{quoted(table.person)} AS text)"
    return (
        f"EXISTS (SELECT 1 {_joined(first.table, others)} "
        f"WHERE h0.{quoted(first.key)} = t.{quoted(first.column)} AND {_permitted(purpose, last)})"
    )


def _joined(first: str, others: Sequence[Hop]) -> str:
    from_clause = f"FROM {BASE_SCHEMA}.{quoted(first)} h0"
    for number, hop in enumerate(others, start=1):
        from_clause += (
            f" JOIN {BASE_SCHEMA}.{quoted(hop.table)} h{number} "
            f"ON h{number}.{quoted(hop.key)} = h{number - 1}.{quoted(hop.column)}"
        )
    return from_clause


OUTSIDE = "troth: the row lies outside the lens"
TAKEN = "troth: a row with such a value is there already"
BROKEN = "troth: the row breaks a constraint of its table"


def _insert_trigger(
    purpose: str, table: LensTable, reach: Reach, catalogue: Catalogue
) -> Sequence[str]:
    schema = schema_of(purpose, reach)
    name = f"{BASE_SCHEMA}.{quoted('insert_' + _digest(schema, table.name))}"
    names = ", ".join(quoted(column) for column in table.insert)
    given = ", ".join(f"NEW.{quoted(column)}" for column in table.insert)
    row = ", ".join(f"NEW.{quoted(column)} AS {quoted(column)}" for column in table.insert)
    return [
        # With its owner's rights, so with a search_path in which nobody else can put anything.
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $lens$ BEGIN "
        f"IF (SELECT {rows_of(purpose, table, reach, catalogue)} FROM (SELECT {row}) t) "
        f"IS NOT TRUE THEN RAISE insufficient_privilege USING MESSAGE = '{OUTSIDE}'; END IF; "
        f"INSERT INTO {BASE_SCHEMA}.{quoted(table.name)} ({names}) VALUES ({given}); RETURN NEW; "
        # The owner's errors would show the row in their detail.
        f"EXCEPTION WHEN unique_violation OR exclusion_violation THEN "
        f"RAISE unique_violation USING MESSAGE = '{TAKEN}'; "
        f"WHEN integrity_constraint_violation THEN "
        f"RAISE integrity_constraint_violation USING MESSAGE = '{BROKEN}'; END $lens$",
        f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
        f"CREATE TRIGGER troth_insert INSTEAD OF INSERT ON {quoted(schema)}.{quoted(table.name)} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def removal(purpose: str, tables: Sequence[str]) -> Sequence[str]:
    """Return the DDL that removes both schemas of a purpose, and what stands behind them.

    Args:
        purpose: whose.
        tables: every name that a table of any lens ever had.
    """
    made = []
    for reach in ("one", "all"):
        schema = schema_of(purpose, reach)
        made.append(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
        made += [
            f"DROP FUNCTION IF EXISTS {BASE_SCHEMA}.{quoted('insert_' + _digest(schema, table))}()"
            for table in tables
        ]
    made.append(f"DROP FUNCTION IF EXISTS {_scope_name(purpose)}()")
    return made


def _digest(one: str, other: str) -> str:
    return hashlib.sha256(f"{one}\0{other}".encode()).hexdigest()[:16]
