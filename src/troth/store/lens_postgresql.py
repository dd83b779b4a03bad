"""Put the lenses of every purpose into a PostgreSQL database, and take them out again.

Run by the owner of the tables, never by the application. What is dangerous here, and what is never
done; each is held by a test in ``tests/store/test_lens_postgresql.py``:

1. Everything happens in one transaction, or nothing does. It ends with `_refuse_what_is_open`,
   which asks the catalogue, not our own plan, who may read what.
2. A base table leaves its schema for one that no login role may enter, and every right on it is
   taken from everybody but its owner. What was taken is written down, and `uninstall` gives it
   back; a table stays there when no lens shows it any more.
3. Passwords of roles are random, made anew at each run, reach the server as SCRAM verifiers only
   and stand in one file that its owner alone may read. They are in no log and in no error.
4. Row-level security is switched on with no policy at all: nobody reads a base table by a right
   given in error, and PostgreSQL leaves the values of rows out of its errors for whoever it binds.
   The views pass it by, since they work with the rights of the tables' owner.

A running application may go on meanwhile; its blocks are waited for, not longer than a lock may
be. Connections that it opens afterwards read the new passwords.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from troth.core.errors import InputError, UnsafeStore
from troth.core.lens import BASE_SCHEMA, Lens
from troth.store.lens_postgresql_ddl import (
    Catalogue,
    lens_statements,
    quoted,
    removal,
    role_of,
    schema_of,
)

ROLES_FILE = "lens_roles.json"
"""Holds name and password of each purpose's role; readable by its owner alone."""

_VERSION = "1"
"""Changes when the same lens is made of other SQL than before."""

_BOOKS = (
    # Not logged: a scope is over with the backend that it names, so after a crash none may be left.
    "CREATE UNLOGGED TABLE IF NOT EXISTS public.troth_lens_scope (backend_pid integer PRIMARY KEY, "
    "purpose_id text NOT NULL, person text, until timestamptz NOT NULL) WITH (fillfactor = 40)",
    "CREATE TABLE IF NOT EXISTS public.troth_lens_role (purpose_id text PRIMARY KEY, "
    "role_name text NOT NULL, digest text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS public.troth_lens_undo ("
    "ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, statement text NOT NULL)",
    f"CREATE SCHEMA IF NOT EXISTS {BASE_SCHEMA}",
    f"REVOKE ALL ON SCHEMA {BASE_SCHEMA} FROM PUBLIC",
)


_PUBLIC_IN_SCHEMA = (
    "SELECT 1 FROM pg_namespace n, aclexplode(n.nspacl) a "
    "WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = %s"
)
_PUBLIC_HAS_TEMP = (
    "SELECT 1 FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a "
    "WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'TEMPORARY'"
)


@dataclass(frozen=True, slots=True)
class Installed:
    """What `install` did.

    Args:
        roles_file: where the passwords lie.
        made: purposes whose views were made or made anew.
        removed: purposes that had a lens and have none any more.
        moved: tables that went behind the lens now.
        residue: what an administrator of the server could still close, in words.
    """

    roles_file: Path
    made: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    residue: tuple[str, ...]


def install(
    owner_url: str,
    lenses: Sequence[Lens],
    *,
    app_role: str,
    folder: Path,
    tables: Sequence[str] = (),
    connections: int = 20,
) -> Installed:
    """Make, renew or remove lenses until the database has exactly these; safe to run again.

    Args:
        owner_url: SQLAlchemy URL of the role that owns the tables and may create roles.
        lenses: one for each purpose.
        app_role: the role that the application logs in with.
        folder: of the deployment, where `ROLES_FILE` is written.
        tables: personal tables that no lens shows, to be put away with the others.
        connections: how many connections each purpose's role may have at a time.

    Raises:
        InputError: a lens names a table or column that is not there, or asks for what cannot be
            kept; nothing was changed.
        UnsafeStore: the lens would not be a boundary, and why; nothing was changed.
    """
    if len({lens.purpose for lens in lenses}) != len(lenses):
        raise InputError("a purpose has one lens")
    path = folder / ROLES_FILE
    with _owner(owner_url) as connection:
        work = _Installation(connection, app_role)
        work.prepare()
        behind = sorted({*tables, *(name for lens in lenses for name in _tables_of(lens))})
        moved = [name for name in behind if work.put_away(name)]
        removed = work.remove_others({str(lens.purpose) for lens in lenses})
        roles = {
            str(lens.purpose): work.role(str(lens.purpose), connections=connections)
            for lens in lenses
        }
        catalogue = work.catalogue()
        made = [str(lens.purpose) for lens in lenses if work.show(lens, catalogue)]
        work.refuse_what_is_open()
        residue = work.residue()
        fresh = _write_secret(path.with_suffix(".new"), {"roles": roles})
        connection.commit()
        fresh.replace(path)
    return Installed(path, tuple(made), tuple(removed), tuple(moved), tuple(residue))


def uninstall(owner_url: str, *, folder: Path) -> None:
    """Remove every lens and role, and put tables and rights back to where they were.

    Does nothing where no lens was installed.
    """
    with _owner(owner_url) as connection:
        if _one(connection, "SELECT to_regclass('public.troth_lens_undo')") is not None:
            work = _Installation(connection, "")
            work.remove_others(set())
            found = connection.execute(
                "SELECT statement FROM public.troth_lens_undo ORDER BY ordinal DESC"
            ).fetchall()
            for (statement,) in found:
                connection.execute(statement)
            for table in ("scope", "role", "undo"):
                connection.execute(f"DROP TABLE public.troth_lens_{table}")
            connection.execute(f"DROP SCHEMA {BASE_SCHEMA}")
            connection.commit()
    (folder / ROLES_FILE).unlink(missing_ok=True)


def _tables_of(lens: Lens) -> set[str]:
    return {name for t in lens.tables for name in (t.name, *(hop.table for hop in t.hops))}


def _owner(owner_url: str) -> psycopg.Connection[Any]:
    address = make_url(owner_url).set(drivername="postgresql")
    connection: psycopg.Connection[Any] = psycopg.connect(
        address.render_as_string(hide_password=False), options="-c lock_timeout=60000"
    )
    connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
    # Two at once would make the same things.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('troth_lens_install'))")
    return connection


def _one(connection: psycopg.Connection[Any], query: str, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row is not None else None


def _write_secret(path: Path, content: object) -> Path:
    """Write a file that nobody else may read, through to the disk."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    return path


class _Installation:
    """The steps of one run, in the order in which they are called, in its one transaction."""

    def __init__(self, connection: psycopg.Connection[Any], app_role: str) -> None:
        self._connection = connection
        self._app_role = app_role
        self._database = str(_one(connection, "SELECT current_database()"))
        self._owner = str(_one(connection, "SELECT current_user"))

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def _later_undo(self, statement: str) -> None:
        self._connection.execute(
            "INSERT INTO public.troth_lens_undo (statement) VALUES (%s)", (statement,)
        )

    def prepare(self) -> None:
        """Make our own tables, and take from PUBLIC what a lens must not have."""
        if self._app_role in ("", self._owner):
            raise UnsafeStore("the application needs a role of its own, which owns nothing")
        if _one(self._connection, "SELECT to_regclass('public.troth_permitted')") is None:
            raise UnsafeStore("the view troth_permitted is not there; run the migrations first")
        for statement in _BOOKS:
            self._run(statement)
        app = quoted(self._app_role)
        self._run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.troth_lens_scope TO {app}")
        self._run(f"GRANT USAGE ON SCHEMA public TO {app}")
        database = quoted(self._database)
        for right in ("USAGE", "CREATE"):
            if self._rows(_PUBLIC_IN_SCHEMA, right):
                self._run(f"REVOKE {right} ON SCHEMA public FROM PUBLIC")
                self._later_undo(f"GRANT {right} ON SCHEMA public TO PUBLIC")
        # TEMP is everybody's otherwise, and a temporary table could stand in for another name.
        if self._rows(_PUBLIC_HAS_TEMP):
            self._run(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
            self._later_undo(f"GRANT TEMPORARY ON DATABASE {database} TO PUBLIC")

    def put_away(self, name: str) -> bool:
        """Move a table behind the lens; tell whether it was not there yet."""
        found = self._rows(
            "SELECT n.nspname, c.relkind, c.oid FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relname = %s AND n.nspname IN ('public', %s)",
            name,
            BASE_SCHEMA,
        )
        if not found:
            raise InputError(f"there is no table {name}; the data map names one")
        if len(found) > 1:
            raise UnsafeStore(f"{name} is in public and behind the lens too; remove one of them")
        schema, relkind, oid = found[0]
        if relkind != "r" or self._rows(
            "SELECT 1 FROM pg_inherits WHERE inhparent = %s OR inhrelid = %s", oid, oid
        ):
            raise UnsafeStore(f"{name} is no plain table; partitions are not under the lens")
        base = f"{BASE_SCHEMA}.{quoted(name)}"
        if schema != BASE_SCHEMA:
            self._run(f"ALTER TABLE public.{quoted(name)} SET SCHEMA {BASE_SCHEMA}")
            self._later_undo(f"ALTER TABLE {base} SET SCHEMA public")
        self._take_rights(oid, base)
        (secured,) = self._rows("SELECT relrowsecurity FROM pg_class WHERE oid = %s", oid)[0]
        if not secured:
            self._run(f"ALTER TABLE {base} ENABLE ROW LEVEL SECURITY")
            self._later_undo(f"ALTER TABLE {base} DISABLE ROW LEVEL SECURITY")
        return bool(schema != BASE_SCHEMA)

    def _take_rights(self, oid: int, base: str) -> None:
        """Take every right on a table from everybody but its owner, and write down which."""
        given = self._rows(
            "SELECT a.grantee, a.privilege_type, '' FROM pg_class c, aclexplode(c.relacl) a "
            "WHERE c.oid = %s AND a.grantee <> c.relowner UNION ALL "
            "SELECT a.grantee, a.privilege_type, quote_ident(t.attname) FROM pg_attribute t "
            "JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a "
            "WHERE c.oid = %s AND a.grantee <> c.relowner",
            oid,
            oid,
        )
        for grantee, right, column in given:
            role = "PUBLIC" if grantee == 0 else str(self._role_name(grantee))
            self._later_undo(f"GRANT {right}{f' ({column})' if column else ''} ON {base} TO {role}")
            self._run(f"REVOKE ALL ON {base} FROM {role} CASCADE")

    def _role_name(self, oid: int) -> Any:
        return _one(self._connection, "SELECT quote_ident(pg_get_userbyid(%s))", oid)

    def remove_others(self, wanted: set[str]) -> list[str]:
        """Remove the lenses of purposes that are not among those wanted."""
        had = self._rows("SELECT purpose_id, role_name FROM public.troth_lens_role")
        gone = [(purpose, role) for purpose, role in had if purpose not in wanted]
        for purpose, role in gone:
            self._hide(purpose)
            # Another hand may have dropped it.
            if self._rows("SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                # It owns nothing but large objects, which hostile SQL may have left; rights go too.
                self._run(f"GRANT {quoted(role)} TO {quoted(self._owner)}")
                self._run(f"DROP OWNED BY {quoted(role)}")
                self._run(f"DROP ROLE {quoted(role)}")
            self._connection.execute(
                "DELETE FROM public.troth_lens_role WHERE purpose_id = %s", (purpose,)
            )
        return [purpose for purpose, _ in gone]

    def _hide(self, purpose: str) -> None:
        tables = self._rows(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = %s)",
            BASE_SCHEMA,
        )
        for statement in removal(purpose, [name for (name,) in tables]):
            self._run(statement)

    def role(self, purpose: str, *, connections: int) -> dict[str, str]:
        """Make the role of a purpose, or renew its password; return what opens it."""
        role, password = role_of(purpose, self._database), secrets.token_urlsafe(32)
        name = quoted(role)
        if not self._rows("SELECT 1 FROM pg_roles WHERE rolname = %s", role):
            self._run(f"CREATE ROLE {name} LOGIN NOINHERIT")
        # A role may change settings of its own, and hostile SQL may: this run sets them right.
        self._run(f"ALTER ROLE {name} RESET ALL")
        self._run(f"ALTER ROLE {name} IN DATABASE {quoted(self._database)} RESET ALL")
        verifier = self._connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        self._run(
            f"ALTER ROLE {name} LOGIN NOINHERIT CONNECTION LIMIT {connections} "
            f"VALID UNTIL 'infinity' PASSWORD '{verifier}'"
        )
        self._run(f"GRANT CONNECT ON DATABASE {quoted(self._database)} TO {name}")
        self._connection.execute("SAVEPOINT troth_activities")
        try:
            # Else a role sees the text of its other sessions' statements.
            self._run(f"ALTER ROLE {name} SET track_activities = off")
        except psycopg.errors.InsufficientPrivilege:
            self._connection.execute("ROLLBACK TO SAVEPOINT troth_activities")
        return {"role": role, "password": password}

    def catalogue(self) -> Catalogue:
        """Return what the base tables are made of."""
        rows = self._rows(
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
            "pg_get_expr(d.adbin, d.adrelid) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
            "AND a.attgenerated = '' "
            "WHERE c.relkind = 'r' AND c.relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = %s)",
            BASE_SCHEMA,
        )
        return Catalogue(
            types={(table, column): kind for table, column, kind, _ in rows},
            defaults={
                (table, column): default
                for table, column, _, default in rows
                if default is not None and "nextval(" not in default
            },
        )

    def show(self, lens: Lens, catalogue: Catalogue) -> bool:
        """Make the views of a lens; tell whether they were not there yet as they are."""
        for table in lens.tables:
            columns = {*table.read, *table.insert, *table.update, *table.key}
            for column in sorted(columns):
                if (table.name, column) not in catalogue.types:
                    raise InputError(f"there is no column {table.name}.{column}")
        purpose = str(lens.purpose)
        role = role_of(purpose, self._database)
        statements = lens_statements(lens, role, catalogue)
        digest = hashlib.sha256("\0".join((_VERSION, *statements)).encode()).hexdigest()
        known = _one(
            self._connection,
            "SELECT digest FROM public.troth_lens_role WHERE purpose_id = %s",
            purpose,
        )
        if known == digest and self._is_there(purpose):
            return False
        self._hide(purpose)
        for statement in statements:
            self._run(statement)
        self._connection.execute(
            "INSERT INTO public.troth_lens_role (purpose_id, role_name, digest) "
            "VALUES (%s, %s, %s) ON CONFLICT (purpose_id) DO UPDATE SET "
            "role_name = excluded.role_name, digest = excluded.digest",
            (purpose, role, digest),
        )
        return True

    def _is_there(self, purpose: str) -> bool:
        names = [schema_of(purpose, "one"), schema_of(purpose, "all")]
        return len(self._rows("SELECT 1 FROM pg_namespace WHERE nspname = ANY (%s)", names)) == 2

    def refuse_what_is_open(self) -> None:
        """Ask the catalogue whether the lens is a boundary.

        Raises:
            UnsafeStore: it is not; the message says all of what is open.
        """
        roles = [role for (role,) in self._rows("SELECT role_name FROM public.troth_lens_role")]
        open_ways = [
            sentence.format(*row)
            for sentence, query in _OPEN_WAYS.items()
            for row in self._connection.execute(
                query,
                {
                    "roles": roles,
                    "app": self._app_role,
                    "owner": self._owner,
                    "base": BASE_SCHEMA,
                },
            )
        ]
        if open_ways:
            raise UnsafeStore("the lens would not hold: " + "; ".join(open_ways))

    def residue(self) -> list[str]:
        """Return what stays open and an administrator of the server could close."""
        found = [sentence for sentence, query in _RESIDUE.items() if self._rows(query)]
        others = self._rows(
            "SELECT rolname FROM pg_roles r WHERE rolcanlogin AND NOT rolsuper "
            "AND NOT pg_has_role(r.oid, %s, 'MEMBER') AND EXISTS (SELECT 1 FROM pg_class c "
            "WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' "
            "AND has_table_privilege(r.oid, c.oid, 'SELECT')) ORDER BY 1",
            self._owner,
            BASE_SCHEMA,
        )
        return found + [f"the role {name} may read every table" for (name,) in others]


_OPEN_WAYS = {
    "the role {0} is a superuser, makes roles or databases, or passes by row-level security": (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND "
        "(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    ),
    "the role {0} is a member of {1}": (
        "SELECT m.member::regrole::text, m.roleid::regrole::text FROM pg_auth_members m "
        "WHERE m.member IN (SELECT oid FROM pg_roles WHERE rolname = ANY (%(roles)s))"
    ),
    "the role {0} may act as {1}, who owns the tables": (
        "SELECT r.rolname, o.rolname FROM pg_roles r, pg_roles o WHERE o.rolname = %(owner)s "
        "AND r.rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND pg_has_role(r.oid, o.oid, 'MEMBER')"
    ),
    "{0} is not owned by the role that installs the lens": (
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = %(base)s::regnamespace"
        " AND c.relkind = 'r' AND pg_get_userbyid(c.relowner) <> %(owner)s"
    ),
    "the role {0} has a right on {1}": (
        "SELECT r.rolname, c.oid::regclass::text FROM pg_roles r, pg_class c "
        "WHERE r.rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND c.relkind IN ('r', 'p', 'v', 'm') "
        "AND c.relnamespace = %(base)s::regnamespace AND (has_table_privilege(r.oid, c.oid, "
        "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') "
        "OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))"
    ),
    "the role {0} may enter the schema {1}": (
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n "
        "WHERE r.rolname = ANY (%(roles)s) AND has_schema_privilege(r.oid, n.oid, 'USAGE') "
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT 1 FROM "
        "aclexplode(n.nspacl) a WHERE a.grantee = r.oid AND n.nspname LIKE 'troth\\_lens\\_%%')"
    ),
    "the role {0} may create in the schema {1}": (
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n "
        "WHERE r.rolname = ANY (%(roles)s) AND has_schema_privilege(r.oid, n.oid, 'CREATE')"
    ),
    "the role {0} may create schemas or temporary tables": (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s) "
        "AND has_database_privilege(oid, current_database(), 'CREATE, TEMP')"
    ),
    "{0} may use the view {1}, which belongs to another purpose": (
        "SELECT a.grantee::regrole::text, c.oid::regclass::text FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (SELECT (aclexplode(x)).grantee "
        "FROM (SELECT c.relacl UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = c.oid) "
        "AS acls (x)) a WHERE n.nspname LIKE 'troth\\_lens\\_%%' AND a.grantee <> c.relowner "
        "AND NOT EXISTS (SELECT 1 FROM aclexplode(n.nspacl) e WHERE e.grantee = a.grantee "
        "AND e.grantee <> 0)"
    ),
    "the role {0} may read {1}, a view over tables behind the lens": (
        "SELECT DISTINCT r.rolname, v.oid::regclass::text FROM pg_depend d "
        "JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass "
        "JOIN pg_class v ON v.oid = w.ev_class JOIN pg_class b ON b.oid = d.refobjid "
        "AND d.refclassid = 'pg_class'::regclass, pg_roles r "
        "WHERE b.relnamespace = %(base)s::regnamespace AND v.oid <> b.oid AND r.rolname = %(app)s "
        "AND (has_table_privilege(r.oid, v.oid, 'SELECT') "
        "OR has_any_column_privilege(r.oid, v.oid, 'SELECT'))"
    ),
    "the role {0} may call {1}, which works with its owner's rights": (
        "SELECT r.rolname, p.oid::regprocedure::text FROM pg_roles r, pg_proc p "
        "WHERE r.rolname = ANY (%(roles)s) AND p.prosecdef "
        "AND has_function_privilege(r.oid, p.oid, 'EXECUTE') "
        "AND has_schema_privilege(r.oid, p.pronamespace, 'USAGE')"
    ),
}
"""What would make a hole of the lens, as a sentence, and the query that finds it."""

_RESIDUE = {
    "a role sees the text of its other sessions' statements: GRANT SET ON PARAMETER "
    "track_activities to the owner and install again": (
        "SELECT 1 FROM public.troth_lens_role l WHERE NOT EXISTS (SELECT 1 FROM "
        "pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = l.role_name "
        "AND 'track_activities=off' = ANY (s.setconfig)) LIMIT 1"
    ),
    "large objects: revoke EXECUTE on lo_creat, lo_create and lo_from_bytea from PUBLIC": (
        "SELECT 1 FROM public.troth_lens_role l WHERE "
        "has_function_privilege(l.role_name, 'pg_catalog.lo_create(oid)', 'EXECUTE') LIMIT 1"
    ),
    "advisory locks: revoke EXECUTE on pg_advisory_lock and its kin from PUBLIC": (
        "SELECT 1 FROM public.troth_lens_role l WHERE "
        "has_function_privilege(l.role_name, 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE') "
        "LIMIT 1"
    ),
    "a transaction may outlive its session: set max_prepared_transactions to 0": (
        "SELECT 1 WHERE current_setting('max_prepared_transactions')::integer > 0"
    ),
}
