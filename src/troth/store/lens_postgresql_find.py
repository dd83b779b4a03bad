"""The SQL of the finders on PostgreSQL: functions that answer an exact value with its people.

Each works with its owner's rights on one table and one column, so that the application's role may
call it without a right on the table. It is called by that role alone, bears its own search_path,
and takes values as text: as what they are cast to is the database's to know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from troth.core.errors import InputError
from troth.core.lens import BASE_SCHEMA, FIND_SCHEMA, Finder
from troth.store.lens_postgresql_ddl import Catalogue, quoted

MALFORMED = "troth: a value that is looked for is not of the type of its column"
_LONGEST_NAME = 63
_NAME = re.compile(r"\w+")
_TAKES_ANY_TEXT = ("text", "character varying", "bpchar")


def find_statements(
    finders: Sequence[Finder], app_role: str, catalogue: Catalogue
) -> Sequence[str]:
    """Return the DDL that makes the functions of the finders, where none is yet.

    Args:
        finders: which; each has its own table or column.
        app_role: the only role that may call them.
        catalogue: of the tables.

    Raises:
        InputError: a finder names what is not there, or two have one name.
    """
    if len({finder.name for finder in finders}) != len(finders):
        raise InputError("a table is found by a column in one way")
    role = quoted(app_role)
    made = [
        f"REVOKE ALL ON SCHEMA {FIND_SCHEMA} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {FIND_SCHEMA} TO {role}",
    ]
    for finder in finders:
        name = f"{FIND_SCHEMA}.{quoted(finder.name)}(text[])"
        made.append(_function(finder, catalogue))
        made.append(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        made.append(f"GRANT EXECUTE ON FUNCTION {name} TO {role}")
    return made


def _function(finder: Finder, catalogue: Catalogue) -> str:
    for name in (finder.table, finder.by, finder.person, *finder.tells):
        if _NAME.fullmatch(name) is None:
            raise InputError("a finder names tables and columns by letters, digits and underscores")
    if len(finder.name.encode()) > _LONGEST_NAME:
        raise InputError(f"the name of the finder of {finder.table} by {finder.by} is too long")
    if "pii_principal_id" in finder.tells:
        raise InputError(f"a finder of {finder.table} tells the person in any case")
    kind = catalogue.type_of(finder.table, finder.by)
    catalogue.type_of(finder.table, finder.person)
    tells = [(quoted(c), catalogue.type_of(finder.table, c)) for c in finder.tells]
    gives = ", ".join(["pii_principal_id text", *(f"{name} {of}" for name, of in tells)])
    shown = ", ".join([f"CAST(t.{quoted(finder.person)} AS text)", *(f"t.{n}" for n, _ in tells)])
    # $1, as a named argument could bear the name of a column. A value is judged only as a whole:
    # a cast with a length would cut it, and find what was not asked for.
    body = (
        f"RETURN QUERY SELECT {shown} FROM {BASE_SCHEMA}.{quoted(finder.table)} t "
        f"WHERE t.{quoted(finder.by)} = ANY (CAST($1 AS {kind}[]));"
    )
    if kind not in _TAKES_ANY_TEXT:
        # The message of a failed cast would hold the value.
        body += (
            " EXCEPTION WHEN data_exception THEN RAISE invalid_parameter_value "
            f"USING MESSAGE = '{MALFORMED}';"
        )
    return (
        f"CREATE FUNCTION {FIND_SCHEMA}.{quoted(finder.name)}(text[]) RETURNS TABLE ({gives}) "
        "LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $find$ BEGIN {body} END $find$"
    )
