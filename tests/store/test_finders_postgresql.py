"""Finders on PostgreSQL: functions that the application alone may call; tried by attack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.lens_postgresql import ACCOUNT, DELIVER, DELIVER_LENS, LENSES, Host, host
from tests.servers import PostgresServer
from troth.core.errors import InputError, UnknownName, UnsafeStore
from troth.core.lens import Finder
from troth.store.db import Database
from troth.store.finders import Finders, Found
from troth.store.lens_postgresql import uninstall

pytestmark = pytest.mark.postgresql

FINDERS = (
    Finder("visit", "token_digest", ("seen",), "person_id"),
    Finder("visit", "number", (), "person_id"),
    Finder("visit", "short", (), "person_id"),
    Finder("visit", "mood", ("number", "mood"), "person_id"),
    Finder("visit", "badge", (), "person_id"),
)
CALL = "SELECT * FROM troth_find.visit__by_token_digest('{ada-token}')"


@pytest.fixture
def here(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Host]:
    with host(postgres_server, tmp_path) as made:
        made.owner.execute(
            "CREATE TYPE mood AS ENUM ('glad', 'sad');"
            "CREATE TABLE visit (visit_id text PRIMARY KEY, person_id text, token_digest text, "
            "number integer, short varchar(3), mood mood, badge uuid, seen timestamptz, "
            "secret text DEFAULT 'secret of eve');"
            "CREATE INDEX visit_token ON visit (token_digest);"
            "INSERT INTO visit VALUES ('v1', 'p-ada', 'ada-token', 7, 'abc', 'glad', "
            "'00000000-0000-0000-0000-000000000007', '2026-01-01 00:00+00'), "
            "('v2', 'p-bob', 'bob-token', 8, 'abd', 'sad', NULL, NULL), "
            "('v3', NULL, 'nobody', 7, NULL, NULL, NULL, NULL)"
        )
        made.install(finders=FINDERS)
        yield made


@pytest.fixture
def finders(here: Host) -> Iterator[Finders]:
    database = Database(here.app_url)
    with closing(Finders(database, FINDERS)) as made:
        yield made
    database.close()


def people(found: list[Found]) -> list[str]:
    return sorted(one.person for one in found)


def test_an_exact_value_is_found_with_what_the_finder_tells(finders: Finders) -> None:
    (found,) = finders.find("visit", "token_digest", ["ada-token"])
    assert found.person == "p-ada"
    assert [(name, value.year) for name, value in found.told.items()] == [("seen", 2026)]
    assert finders.find("visit", "token_digest", ["ada-toke", "%", "ada-token "]) == []
    assert people(finders.find("visit", "token_digest", ["bob-token", "ada-token"])) == [
        "p-ada",
        "p-bob",
    ]


def test_values_are_cast_to_the_type_of_the_column(finders: Finders) -> None:
    assert people(finders.find("visit", "number", ["7", "9"])) == ["p-ada"]
    assert people(finders.find("visit", "mood", ["sad", "glad"])) == ["p-ada", "p-bob"]
    badge = "00000000-0000-0000-0000-000000000007"
    assert people(finders.find("visit", "badge", [badge])) == ["p-ada"]
    (found,) = finders.find("visit", "mood", ["sad"])
    assert found.told == {"number": 8, "mood": "sad"}


def test_a_value_is_not_cut_to_the_length_of_the_column(finders: Finders) -> None:
    assert people(finders.find("visit", "short", ["abc"])) == ["p-ada"]
    assert finders.find("visit", "short", ["abcd", "ab", "abc "]) == []


@pytest.mark.parametrize(
    ("by", "value"),
    [("number", "seven-66666"), ("number", "1e99"), ("mood", "66666"), ("badge", "66666")],
)
def test_a_value_of_another_type_is_an_error_that_does_not_say_it(
    here: Host, finders: Finders, by: str, value: str
) -> None:
    with pytest.raises(InputError) as refused:
        finders.find("visit", by, [value])
    assert value not in str(refused.value)
    with pytest.raises(psycopg.errors.InvalidParameterValue) as told:
        here.app.execute(f"SELECT * FROM troth_find.visit__by_{by}(ARRAY['{value}'])".encode())
    assert value not in str(told.value)
    assert value not in str(vars(told.value.diag) if hasattr(told.value.diag, "__dict__") else "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("NULL", 0),
        ("'{}'", 0),
        ("'{NULL}'", 0),
        ("ARRAY[NULL, 'ada-token', NULL]", 1),
        ("ARRAY[ARRAY['ada-token', 'x'], ARRAY[NULL, 'bob-token']]", 2),
        ("ARRAY['ada-token', 'ada-token']", 1),
        ("ARRAY[''' OR true --']", 0),
    ],
)
def test_lists_of_every_kind_find_what_they_name(here: Host, given: str, shown: int) -> None:
    found = here.app.execute(
        f"SELECT * FROM troth_find.visit__by_token_digest({given})".encode()
    ).fetchall()
    assert len(found) == shown


def test_the_index_of_the_column_is_used(here: Host) -> None:
    here.owner.execute(
        "INSERT INTO troth_base.visit SELECT 'w' || n, 'p-' || n, 't-' || n "
        "FROM generate_series(1, 20000) n; ANALYZE troth_base.visit"
    )
    here.admin.execute("SELECT pg_stat_reset()")
    for n in range(20):
        call = "SELECT count(*) FROM troth_find.visit__by_token_digest(%s)"
        assert here.app.execute(call, ([f"t-{n + 1}"],)).fetchone() == (1,)
    here.app.execute("SELECT pg_stat_force_next_flush()")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'visit'"
    assert here.admin.execute(scans).fetchone() == (0,)


def test_nobody_but_the_application_may_call(here: Host) -> None:
    for lens in (DELIVER, ACCOUNT):
        with pytest.raises(errors.InsufficientPrivilege), here.use(lens, "p-ada") as block:
            block.dbapi.execute(CALL)
        with here.use(lens, "p-ada") as block:
            block.dbapi.execute("SET search_path = troth_find")
            with pytest.raises(errors.UndefinedFunction):
                block.dbapi.execute("SELECT * FROM visit__by_token_digest('{ada-token}')")
            block.dbapi.rollback()
    here.admin.execute("CREATE ROLE stranger LOGIN")
    with (
        psycopg.connect(here.server.dsn(here.admin.info.dbname, user="stranger")) as stranger,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        stranger.execute(CALL)
    here.admin.execute("GRANT USAGE ON SCHEMA troth_find TO stranger")
    with (
        psycopg.connect(here.server.dsn(here.admin.info.dbname, user="stranger")) as stranger,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        stranger.execute(CALL)
    here.admin.execute("REVOKE USAGE ON SCHEMA troth_find FROM stranger")


def test_the_application_sees_no_more_than_the_finder_tells(here: Host) -> None:
    for statement in (
        "SELECT * FROM troth_base.visit",
        "SELECT secret FROM troth_find.visit__by_token_digest('{ada-token}')",
        "SELECT (troth_find.visit__by_token_digest('{ada-token}')).secret",
        "CREATE FUNCTION troth_find.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION troth_find.visit__by_number(text[]) RETURNS TABLE "
        "(pii_principal_id text) LANGUAGE sql AS 'SELECT secret FROM troth_base.visit'",
        "DROP FUNCTION troth_find.visit__by_number(text[])",
        "ALTER FUNCTION troth_find.visit__by_number(text[]) SECURITY INVOKER",
        "ALTER FUNCTION troth_find.visit__by_number(text[]) RESET ALL",
    ):
        with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedColumn)):
            here.app.execute(statement.encode())
    # PostgreSQL warns, and grants nothing.
    here.app.execute("GRANT EXECUTE ON FUNCTION troth_find.visit__by_number(text[]) TO PUBLIC")
    granted = "SELECT has_function_privilege('public', 'troth_find.visit__by_number(text[])', %s)"
    assert here.admin.execute(granted, ("EXECUTE",)).fetchone() == (False,)


def test_what_stands_in_the_callers_search_path_decides_nothing(here: Host) -> None:
    here.admin.execute(
        "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;"
        "CREATE FUNCTION evil.yes(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';"
        "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);"
        "CREATE TABLE evil.visit (person_id text, token_digest text);"
        "GRANT TEMP ON DATABASE " + (here.admin.info.dbname or "") + f" TO {here.app_role}"
    )
    here.app.execute("SET search_path = evil, pg_catalog")
    assert here.app.execute("SELECT 1 WHERE 'a'::text = 'b'::text").fetchone() == (1,)
    nothing = "SELECT * FROM troth_find.visit__by_token_digest('{nothing}')"
    assert here.app.execute(nothing).fetchall() == []
    here.app.execute("CREATE TEMP TABLE visit (person_id text, token_digest text)")
    here.app.execute("INSERT INTO pg_temp.visit VALUES ('p-eve', 'nothing')")
    here.app.execute("SET search_path = pg_temp, evil, pg_catalog")
    assert here.app.execute(nothing).fetchall() == []
    assert len(here.app.execute(CALL.encode()).fetchall()) == 1
    settings = here.admin.execute(
        "SELECT DISTINCT prosecdef, proconfig FROM pg_proc "
        "WHERE pronamespace = 'troth_find'::regnamespace"
    )
    assert settings.fetchall() == [(True, ["search_path=pg_catalog, pg_temp"])]


def test_a_finder_that_is_named_no_more_goes_and_one_that_changed_is_made_anew(here: Host) -> None:
    database = Database(here.app_url)
    with closing(Finders(database, FINDERS)) as finders:
        here.install(finders=FINDERS[:2])
        assert people(finders.find("visit", "number", ["7"])) == ["p-ada"]
        with pytest.raises(UnsafeStore):
            finders.find("visit", "mood", ["sad"])
        with pytest.raises(UnknownName):
            finders.find("visit", "secret", ["x"])
        changed = Finder("visit", "number", ("mood",), "person_id")
        here.install(finders=(changed,))
        call = "SELECT mood FROM troth_find.visit__by_number('{7}') WHERE mood IS NOT NULL"
        assert here.app.execute(call).fetchall() == [("glad",)]
        here.install(finders=())
        left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'troth_find'::regnamespace"
        assert here.admin.execute(left).fetchone() == (0,)
    database.close()


def test_uninstalling_leaves_no_finder(here: Host) -> None:
    uninstall(here.owner_url, folder=here.folder)
    assert here.admin.execute("SELECT to_regnamespace('troth_find')").fetchone() == (None,)
    assert here.app.execute("SELECT 1").fetchone() == (1,)


def test_a_table_that_only_a_finder_names_goes_behind_the_lens(here: Host) -> None:
    here.install(DELIVER_LENS, finders=FINDERS, tables=())
    with pytest.raises(errors.InsufficientPrivilege):
        here.app.execute("SELECT * FROM troth_base.visit")


@pytest.mark.parametrize(
    "finder",
    [
        Finder("visit", "nowhere", (), "person_id"),
        Finder("visit", "number", ("nowhere",), "person_id"),
        Finder("visit", "number", (), "nowhere"),
        Finder("nowhere", "number", (), "person_id"),
        Finder("visit", 'number"); --', (), "person_id"),
        Finder("visit", "x" * 60, (), "person_id"),
        Finder("visit", "number", ("pii_principal_id",), "person_id"),
        FINDERS[0],
    ],
)
def test_a_finder_that_cannot_be_made_is_refused_and_nothing_changes(
    here: Host, finder: Finder
) -> None:
    with pytest.raises(InputError):
        here.install(finders=(*FINDERS, finder))
    assert not here.install(finders=FINDERS).renewed


@pytest.mark.parametrize(
    ("breach", "says"),
    [
        ("GRANT EXECUTE ON FUNCTION troth_find.visit__by_number TO PUBLIC", "everybody may call"),
        ("GRANT EXECUTE ON FUNCTION troth_find.visit__by_number TO pg_monitor", "may call"),
        ("GRANT USAGE ON SCHEMA troth_find TO {deliver}", "may enter the schema troth_find"),
        ("GRANT CREATE ON SCHEMA troth_find TO {app}", "may create"),
        ("ALTER SCHEMA troth_find OWNER TO {app}", "not owned"),
    ],
)
def test_a_finder_that_another_hand_opened_is_refused(here: Host, breach: str, says: str) -> None:
    given: Any = {"app": here.app_role, "deliver": here.role("deliver_order")}
    here.admin.execute(breach.format(**given).encode())
    with pytest.raises(UnsafeStore, match=says):
        here.install(*LENSES, finders=FINDERS)
