"""Put lenses and finders into a PostgreSQL database, and take them out again.

Run by the owner of the tables, never by the application. What is dangerous here, and what is never
done; each is held by a test in ``tests/store/test_lens_postgresql.py``:

1. Everything happens in one transaction, or nothing does. It ends with `open_ways`, which asks
   the catalogue, not our own plan, who may read what.
2. A base table leaves its schema for one that no login role may enter, and every right on it is
   taken from everybody but its owner. What was taken is written down, and `uninstall` gives it
   back; a table stays there when no lens shows it any more.
3. Passwords of roles are random, made anew whenever anything is, reach the server as SCRAM
   verifiers only and stand in one file that its owner alone may read. They are in no log and in no
   error.
4. Row-level security is switched on with no policy at all: nobody reads a base table by a right
   given in error, and PostgreSQL leaves the values of rows out of its errors for whoever it binds.
   The views pass it by, since they work with the rights of the tables' owner.

Where everything is as the last run left it, which the catalogue is asked too, a run changes
nothing and waits for nobody: an application may call `install` whenever it starts. Otherwise a
running application may go on meanwhile; its blocks are waited for, not longer than a lock may be.
Connections that it opens afterwards read the new passwords.

A copy of a database (``CREATE DATABASE … TEMPLATE``) together with the file of roles works with
the roles of the database that it was copied from, which it neither changes nor removes. The first
run that finds something changed gives it roles of its own.
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
from troth.core.lens import BASE_SCHEMA, FIND_SCHEMA, Finder, Lens
from troth.store.lens_postgresql_checks import fingerprint, open_ways, residue
from troth.store.lens_postgresql_ddl import Catalogue, quoted, role_of
from troth.store.lens_postgresql_find import find_statements
from troth.store.lens_postgresql_writes import lens_statements, removal
from troth.store.sealed_type import new_mark

ROLES_FILE = "lens_roles.json"
"""Holds name and password of each lens's role, and the mark; readable by its owner alone."""

_VERSION = "2"
"""Changes when the same lens is made of other SQL than before."""

_BOOKS = (
    # Not logged: a scope is over with the backend that it names, so after a crash none may be left.
    "CREATE UNLOGGED TABLE IF NOT EXISTS public.troth_lens_scope (backend_pid integer PRIMARY KEY, "
    "lens text NOT NULL, people text[], until timestamptz NOT NULL) WITH (fillfactor = 40)",
    "CREATE TABLE IF NOT EXISTS public.troth_lens_role (lens text PRIMARY KEY, "
    "role_name text NOT NULL, digest text NOT NULL)",
    # One row: what was asked for, what the catalogue then was, and which file belongs to it.
    "CREATE TABLE IF NOT EXISTS public.troth_lens_install (mark text PRIMARY KEY, "
    "wanted text NOT NULL, found text NOT NULL, finders text NOT NULL, revision text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS public.troth_lens_undo ("
    "ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, statement text NOT NULL)",
    f"CREATE SCHEMA IF NOT EXISTS {BASE_SCHEMA}",
    f"REVOKE ALL ON SCHEMA {BASE_SCHEMA} FROM PUBLIC",
    f"CREATE SCHEMA IF NOT EXISTS {FIND_SCHEMA}",
)
_BOOK_NAMES = ("scope", "role", "undo", "install")

_PUBLIC_IN_SCHEMA = (
    "SELECT 1 FROM pg_namespace n, aclexplode(n.nspacl) a "
    "WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = %s"
)
_TEMP = (
    # By the name that the database has then: it may be a copy.
    "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); "
    "END $$"
)
_SERVES_A_COPY = (
    "SELECT 1 FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid "
    "WHERE s.refclassid = 'pg_authid'::regclass AND d.datname <> current_database() "
    "AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)"
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
        renewed: whether passwords were made anew; if not, everything was in place.
        made: lenses whose views were made or made anew.
        removed: lenses that are not there any more.
        moved: tables that went behind a lens now.
        residue: what an administrator of the server could still close, in words.
    """

    roles_file: Path
    renewed: bool
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
    finders: Sequence[Finder] = (),
    connections: int = 20,
    renew: bool = False,
) -> Installed:
    """Make, renew or remove lenses and finders until the database has exactly these.

    Safe to run again, also while the application runs; where everything is in place it changes
    nothing and takes no lock that anybody waits for.

    Args:
        owner_url: SQLAlchemy URL of the role that owns the tables and may create roles.
        lenses: each of other purposes.
        app_role: the role that the application logs in with.
        folder: of the deployment, where `ROLES_FILE` is written.
        tables: personal tables that no lens shows, to be put away with the others.
        finders: what the application may find people by.
        connections: how many connections each lens's role may have at a time.
        renew: make new passwords although everything is in place; after the file was seen by
            somebody, or a role changed its own.

    Raises:
        InputError: a lens or a finder names a table or column that is not there, or asks for what
            cannot be kept; nothing was changed.
        UnsafeStore: the lens would not be a boundary, and why; nothing was changed.
    """
    if len({lens.name for lens in lenses}) != len(lenses):
        raise InputError("the same purposes have one lens")
    path = folder / ROLES_FILE
    behind = {*tables, *(finder.table for finder in finders)}
    behind |= {name for lens in lenses for name in _tables_of(lens)}
    wanted = _digest(
        repr((sorted(lenses, key=lambda lens: lens.name), finders, sorted(behind))),
        f"{app_role} {connections}",
    )
    with _owner(owner_url) as connection:
        work = _Installation(connection, app_role)
        if not renew and work.is_in_place(wanted, path):
            work.close_database()
            work.refuse_what_is_open()
            return Installed(path, False, (), (), (), tuple(residue(connection)))
        work.prepare()
        moved = [name for name in sorted(behind) if work.put_away(name)]
        removed = work.remove_others({lens.name for lens in lenses})
        roles = {lens.name: work.role(lens.name, connections=connections) for lens in lenses}
        work.refuse_a_breach()
        catalogue = work.catalogue()
        made = [lens.name for lens in lenses if work.show(lens, catalogue)]
        work.find(finders, catalogue)
        work.refuse_what_is_open()
        left = residue(connection)
        content = {"roles": roles, "mark": work.mark, "revision": work.note(wanted)}
        fresh = _write_secret(path.with_suffix(".new"), content)
        connection.commit()
        fresh.replace(path)
    return Installed(path, True, tuple(made), tuple(removed), tuple(moved), tuple(left))


def uninstall(owner_url: str, *, folder: Path) -> None:
    """Remove every lens, finder and role, and put tables and rights back to where they were.

    Does nothing where no lens was installed.
    """
    with _owner(owner_url) as connection:
        if _one(connection, "SELECT to_regclass('public.troth_lens_undo')") is not None:
            work = _Installation(connection, "")
            work.lock()
            work.remove_others(set())
            work.find((), Catalogue({}, {}))
            found = connection.execute(
                "SELECT statement FROM public.troth_lens_undo ORDER BY ordinal DESC"
            ).fetchall()
            for (statement,) in found:
                connection.execute(statement)
            for table in _BOOK_NAMES:
                connection.execute(f"DROP TABLE public.troth_lens_{table}")
            for schema in (BASE_SCHEMA, FIND_SCHEMA):
                connection.execute(f"DROP SCHEMA {schema}")
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
    return connection


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((_VERSION, *parts)).encode()).hexdigest()


def _revision_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["revision"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


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
        self._tampered = False
        self.mark = ""

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def _later_undo(self, statement: str) -> None:
        self._connection.execute(
            "INSERT INTO public.troth_lens_undo (statement) VALUES (%s)", (statement,)
        )

    def is_in_place(self, wanted: str, path: Path) -> bool:
        """Tell whether all that is wanted is as the last run left it, without a lock."""
        if _one(self._connection, "SELECT to_regclass('public.troth_lens_install')") is None:
            return False
        book = self._rows("SELECT wanted, found, revision FROM public.troth_lens_install")
        for known, found, revision in book:
            self._tampered = found != fingerprint(self._connection)
            if known == wanted and not self._tampered and revision == _revision_of(path):
                return True
        return False

    def lock(self) -> None:
        """Wait for any other run; two at once would make the same things."""
        self._run("SELECT pg_advisory_xact_lock(hashtext('troth_lens_install'))")

    def prepare(self) -> None:
        """Make our own tables, and take from PUBLIC what a lens must not have."""
        self.lock()
        if self._app_role in ("", self._owner):
            raise UnsafeStore("the application needs a role of its own, which owns nothing")
        if _one(self._connection, "SELECT to_regclass('public.troth_permitted')") is None:
            raise UnsafeStore("the view troth_permitted is not there; run the migrations first")
        for statement in _BOOKS:
            self._run(statement)
        self.mark = _one(self._connection, "SELECT mark FROM public.troth_lens_install") or ""
        if not self.mark:
            self.mark = new_mark()
            self._connection.execute(
                "INSERT INTO public.troth_lens_install VALUES (%s, '', '', '', '')", (self.mark,)
            )
        app = quoted(self._app_role)
        self._run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.troth_lens_scope TO {app}")
        self._run(f"GRANT USAGE ON SCHEMA public TO {app}")
        for right in ("USAGE", "CREATE"):
            if self._rows(_PUBLIC_IN_SCHEMA, right):
                self._run(f"REVOKE {right} ON SCHEMA public FROM PUBLIC")
                self._later_undo(f"GRANT {right} ON SCHEMA public TO PUBLIC")
        self.close_database()

    def close_database(self) -> None:
        """Take TEMP from PUBLIC; a copy of a database has it again.

        It is everybody's otherwise, and a temporary table could stand in for another name.
        """
        if self._rows(_PUBLIC_HAS_TEMP):
            self.lock()
            self._run(f"REVOKE TEMPORARY ON DATABASE {quoted(self._database)} FROM PUBLIC")
            if not self._rows("SELECT 1 FROM public.troth_lens_undo WHERE statement = %s", _TEMP):
                self._later_undo(_TEMP)

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
        """Remove the lenses that are not among those wanted."""
        had = self._rows("SELECT lens, role_name FROM public.troth_lens_role")
        gone = [(lens, role) for lens, role in had if lens not in wanted]
        for lens, role in gone:
            self._hide(lens)
            # Another hand may have dropped it, or it serves the database that this is a copy of.
            if role == role_of(lens, self._database) and self._has_role(role):
                # It owns nothing but large objects, which hostile SQL may have left; rights go too.
                self._run(f"GRANT {quoted(role)} TO {quoted(self._owner)}")
                self._run(f"DROP OWNED BY {quoted(role)}")
                if not self._rows(_SERVES_A_COPY, role):
                    self._run(f"DROP ROLE {quoted(role)}")
            self._connection.execute("DELETE FROM public.troth_lens_role WHERE lens = %s", (lens,))
        return [lens for lens, _ in gone]

    def _has_role(self, role: str) -> bool:
        return bool(self._rows("SELECT 1 FROM pg_roles WHERE rolname = %s", role))

    def _hide(self, lens: str) -> None:
        tables = self._rows(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = %s)",
            BASE_SCHEMA,
        )
        for statement in removal(lens, [name for (name,) in tables]):
            self._run(statement)

    def role(self, lens: str, *, connections: int) -> dict[str, str]:
        """Make the role of a lens, or renew its password; return what opens it."""
        role, password = role_of(lens, self._database), secrets.token_urlsafe(32)
        name = quoted(role)
        if not self._has_role(role):
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
            "SELECT c.relname, a.attname, format_type(a.atttypid, -1), "
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
            for column in sorted({*table.read, *table.insert, *table.update, *table.key}):
                catalogue.type_of(table.name, column)
        role = role_of(lens.name, self._database)
        statements = lens_statements(lens, role, catalogue, self.mark)
        digest = _digest(*statements)
        known = _one(
            self._connection,
            "SELECT digest FROM public.troth_lens_role WHERE lens = %s",
            lens.name,
        )
        if known == digest and not self._tampered:
            return False
        self._hide(lens.name)
        self._run(";".join(statements))
        self._connection.execute(
            "INSERT INTO public.troth_lens_role (lens, role_name, digest) "
            "VALUES (%s, %s, %s) ON CONFLICT (lens) DO UPDATE SET "
            "role_name = excluded.role_name, digest = excluded.digest",
            (lens.name, role, digest),
        )
        return True

    def find(self, finders: Sequence[Finder], catalogue: Catalogue) -> None:
        """Make the functions of the finders, and remove every other one."""
        statements = find_statements(finders, self._app_role, catalogue) if finders else ()
        digest = _digest(*statements)
        known = _one(self._connection, "SELECT finders FROM public.troth_lens_install")
        if known == digest and not self._tampered:
            return
        left = self._rows(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n "
            "ON n.oid = p.pronamespace WHERE n.nspname = %s",
            FIND_SCHEMA,
        )
        for (name,) in left:
            self._run(f"DROP FUNCTION {name}")
        for statement in statements:
            self._run(statement)
        self._connection.execute("UPDATE public.troth_lens_install SET finders = %s", (digest,))

    def note(self, wanted: str) -> str:
        """Write down what now stands; return what binds the file of roles to it."""
        revision = secrets.token_hex(8)
        self._connection.execute(
            "UPDATE public.troth_lens_install SET wanted = %s, found = %s, revision = %s",
            (wanted, fingerprint(self._connection), revision),
        )
        return revision

    def refuse_a_breach(self) -> None:
        """Refuse to mend in silence what another hand opened since the last run; it must be known.

        Raises:
            UnsafeStore: as `refuse_what_is_open`.
        """
        if self._tampered:
            self.refuse_what_is_open()

    def refuse_what_is_open(self) -> None:
        """Ask the catalogue whether the lens is a boundary.

        Raises:
            UnsafeStore: it is not; the message says all of what is open.
        """
        found = open_ways(self._connection, self._app_role, self._owner)
        if found:
            raise UnsafeStore("the lens would not hold: " + "; ".join(found))
