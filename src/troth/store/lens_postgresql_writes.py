"""What PostgreSQL cannot write through a view of a lens by itself, as triggers; and whole lenses.

Two cases, each with its reason:

1. ``INSERT … ON CONFLICT DO UPDATE`` evaluates its expressions on the row that is in the way,
   hidden or not, and their errors print what they saw. Where a purpose may both insert and update,
   inserts go through a trigger, on which PostgreSQL accepts no such clause. So do inserts of sealed
   columns, which the view shows as they are not stored.
2. Updates of columns that are sealed, or may only be cleared, go through a trigger that looks at
   what is given: sealed, or NULL, or nothing new. Columns that the statement does not name keep
   what is stored. Such an update is refused when another transaction changed the row meanwhile, as
   the statement's own conditions were judged on the row before; who locks it first is not refused.

Both triggers work with their owner's rights and a fixed search_path, and say nothing of any row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from troth.core.errors import InputError
from troth.core.lens import BASE_SCHEMA, Lens
from troth.core.sealing import PREFIX
from troth.store.lens_postgresql_ddl import (
    Catalogue,
    Reach,
    Shown,
    digest_of,
    quoted,
    schema_of,
    scope_function,
    scope_name,
    view_statements,
)

OUTSIDE = "troth: the row lies outside the lens"
TAKEN = "troth: a row with such a value is there already"
BROKEN = "troth: the row breaks a constraint of its table"
IN_THE_OPEN = "troth: a sealed column takes sealed values only"
ONLY_CLEARED = "troth: this purpose may only clear the column"
CHANGED = "troth: the row was changed meanwhile; lock it first, or run the transaction again"

_REACHES: tuple[Reach, ...] = ("some", "all")
_TEXTS = ("text", "character varying", "bpchar")


def lens_statements(lens: Lens, role: str, catalogue: Catalogue, mark: str) -> Sequence[str]:
    """Return the DDL that makes both schemas of a lens, into which nothing was put yet.

    Args:
        lens: what may be seen.
        role: the login role of the lens.
        catalogue: of every table on the way to a person.
        mark: what sealed values are marked with.

    Raises:
        InputError: the lens asks for what cannot be kept.
    """
    made = list(scope_function(lens, role))
    for reach in _REACHES:
        schema = quoted(schema_of(lens.name, reach))
        made.append(f"CREATE SCHEMA {schema}")
        made.append(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(role)}")
        for table in lens.tables:
            shown = Shown(lens, table, reach, catalogue, mark)
            made += view_statements(shown, role)
            made += write_statements(shown)
    return made


def write_statements(shown: Shown) -> Sequence[str]:
    """Return the DDL of the triggers that a view needs; none where it is written by itself."""
    table = shown.table
    for column in table.sealed:
        if shown.catalogue.type_of(table.name, column) not in _TEXTS:
            raise InputError(f"{table.name}.{column} is sealed, so it must be a text column")
    made: list[str] = []
    if table.insert and (table.update or set(table.sealed) & set(shown.columns)):
        made += _trigger(shown, "insert", _insert(shown))
        made += [
            f"ALTER VIEW {shown.view} ALTER COLUMN {quoted(column)} "
            f"SET DEFAULT {shown.catalogue.defaults[table.name, column]}"
            for column in shown.insertable
            if (table.name, column) in shown.catalogue.defaults
            and not (column == table.person and not table.hops)
        ]
    if shown.guarded:
        made += _trigger(shown, "update", _update(shown))
    return made


def _trigger(shown: Shown, verb: str, body: Iterable[str]) -> Sequence[str]:
    name = _name(verb, schema_of(shown.lens.name, shown.reach), shown.table.name)
    return [
        # With its owner's rights, so with a search_path in which nobody else can put anything.
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $lens$ BEGIN {' '.join(body)} RETURN NEW; "
        # The owner's errors would show the row in their detail.
        f"EXCEPTION WHEN unique_violation OR exclusion_violation THEN "
        f"RAISE unique_violation USING MESSAGE = '{TAKEN}'; "
        f"WHEN integrity_constraint_violation THEN "
        f"RAISE integrity_constraint_violation USING MESSAGE = '{BROKEN}'; END $lens$",
        f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
        f"CREATE TRIGGER troth_{verb} INSTEAD OF {verb.upper()} ON {shown.view} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def _name(verb: str, schema: str, table: str) -> str:
    return f"{BASE_SCHEMA}.{quoted(f'{verb}_{digest_of(schema, table)}')}"


def _insert(shown: Shown) -> Iterable[str]:
    columns = tuple(dict.fromkeys((*shown.insertable, shown.leads)))
    yield _only_inside(shown, columns)
    for column in columns:
        if column in shown.table.sealed:
            yield _refuse(IN_THE_OPEN, f"NOT {_is_sealed(column)}")
    names = ", ".join(quoted(column) for column in columns)
    given = ", ".join(f"NEW.{quoted(column)}" for column in columns)
    yield f"INSERT INTO {shown.base} AS b ({names}) VALUES ({given}) {_as_shown(shown)};"


def _update(shown: Shown) -> Iterable[str]:
    table = shown.table
    if shown.leads in table.update:
        yield _only_inside(shown, shown.columns)
    for column in table.update:
        new = f"NEW.{quoted(column)} IS NOT NULL AND {_differs(column)}"
        if column in table.clears:
            yield _refuse(ONLY_CLEARED, new)
        elif column in table.sealed:
            yield _refuse(IN_THE_OPEN, f"{new} AND NOT {_is_sealed(column)}")
    setting = ", ".join(
        f"{quoted(c)} = CASE WHEN {_differs(c)} THEN NEW.{quoted(c)} ELSE b.{quoted(c)} END"
        for c in table.update
    )
    same_key = " AND ".join(f"b.{quoted(c)} = OLD.{quoted(c)}" for c in table.key)
    now = ", ".join(shown.shown(column, "b") for column in table.read)
    then = ", ".join(f"OLD.{quoted(column)}" for column in table.read)
    yield (
        f"UPDATE {shown.base} b SET {setting} WHERE {same_key} "
        f"AND CAST(ROW({now}) AS record) *= CAST(ROW({then}) AS record) "
        f"{_as_shown(shown)}; "
        f"IF NOT FOUND THEN RAISE serialization_failure USING MESSAGE = '{CHANGED}'; END IF;"
    )


def _only_inside(shown: Shown, columns: Sequence[str]) -> str:
    row = ", ".join(f"NEW.{quoted(column)} AS {quoted(column)}" for column in columns)
    return (
        f"IF (SELECT {shown.rows()} FROM (SELECT {row}) t) IS NOT TRUE THEN "
        f"RAISE insufficient_privilege USING MESSAGE = '{OUTSIDE}'; END IF;"
    )


def _differs(column: str) -> str:
    # As stored, byte for byte: not every type has an equality. Without the casts PostgreSQL would
    # compare the columns and not the rows.
    new, old = (f"CAST(ROW({row}.{quoted(column)}) AS record)" for row in ("NEW", "OLD"))
    return f"{new} *<> {old}"


def _is_sealed(column: str) -> str:
    return f"coalesce(left(NEW.{quoted(column)}, {len(PREFIX)}) = '{PREFIX}', true)"


def _refuse(message: str, condition: str) -> str:
    return f"IF {condition} THEN RAISE insufficient_privilege USING MESSAGE = '{message}'; END IF;"


def _as_shown(shown: Shown) -> str:
    """Let RETURNING of the statement give what was written as the view shows it."""
    now = ", ".join(shown.shown(column, "b") for column in shown.table.read)
    return f"RETURNING {now} INTO {', '.join(f'NEW.{quoted(c)}' for c in shown.table.read)}"


def removal(lens: str, tables: Sequence[str]) -> Sequence[str]:
    """Return the DDL that removes both schemas of a lens, and what stands behind them.

    Args:
        lens: its name.
        tables: every name that a table of any lens ever had.
    """
    made = []
    for reach in _REACHES:
        schema = schema_of(lens, reach)
        made.append(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
        made += [
            f"DROP FUNCTION IF EXISTS {_name(verb, schema, table)}()"
            for table in tables
            for verb in ("insert", "update")
        ]
    made.append(f"DROP FUNCTION IF EXISTS {scope_name(lens)}()")
    return made
