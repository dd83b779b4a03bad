"""Installing, renewing and removing lenses on PostgreSQL, the pools, and the ORM through them."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import ForeignKey, delete, func, make_url, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

from tests.lens_postgresql import (
    ACCOUNT,
    ACCOUNT_LENS,
    DELIVER,
    DELIVER_LENS,
    LENSES,
    NEWS,
    NEWS_LENS,
    TO_CUSTOMER,
    Host,
    host,
    table,
)
from tests.servers import PostgresDatabase, PostgresServer
from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.core.lens import Lens
from troth.core.policy import PurposeId
from troth.store import lens_postgresql_ddl
from troth.store.lens_postgresql import ROLES_FILE, uninstall
from troth.store.lens_postgresql_pool import Scope, write_scope


@pytest.fixture
def here(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Host]:
    with host(postgres_server, tmp_path) as made:
        yield made


def replace_urls(here: Host, copy: PostgresDatabase) -> Host:
    """Return the host application on a copy of its database."""
    urls = [url.replace("+psycopg", "") for url in (copy.owner_url, copy.app_url)]
    owner, app, admin = (
        psycopg.connect(url, autocommit=True) for url in (*urls, copy.superuser_dsn)
    )
    return replace(
        here, owner=owner, app=app, admin=admin, owner_url=copy.owner_url, app_url=copy.app_url,
        _pools=[],
    )  # fmt: skip


# --- what a lens shows ---------------------------------------------------------------------------


def test_a_block_for_one_person_shows_that_person_only(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        for name, expected in (("customer", "c-ada"), ("orders", "o-ada"), ("parcel", "k-ada")):
            rows = block.dbapi.execute(f"SELECT * FROM {name}").fetchall()
            assert [row[0] for row in rows] == [expected]


def test_a_block_for_all_shows_those_who_stand(here: Host) -> None:
    with here.use(DELIVER) as block:
        for name, expected in (("customer", "c"), ("orders", "o"), ("parcel", "k")):
            rows = block.dbapi.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            assert [row[0] for row in rows] == [f"{expected}-ada", f"{expected}-bob"]


def test_a_person_who_withdrew_is_not_there_even_by_name(here: Host) -> None:
    with here.use(DELIVER, "p-eve") as block:
        for name in ("customer", "orders", "parcel"):
            assert block.dbapi.execute(f"SELECT * FROM {name}").fetchall() == []


def test_columns_outside_the_purpose_do_not_exist(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        found = block.dbapi.execute("SELECT * FROM customer")
        assert [column.name for column in found.description] == [
            "customer_id",
            "person_id",
            "street",
        ]
    with pytest.raises(DBAPIError), here.use(DELIVER, "p-ada") as block:
        block.connection.exec_driver_sql("SELECT phone FROM customer")


def test_a_point_read_uses_the_indexes(here: Host) -> None:
    here.owner.execute(
        "INSERT INTO troth_base.customer SELECT 'c-' || n, 'p-' || n, 'f-' || n, 's' "
        "FROM generate_series(1, 3000) n"
    )
    here.owner.execute(
        "INSERT INTO troth_base.orders SELECT 'o-' || n, 'c-' || n, 's' "
        "FROM generate_series(1, 3000) n"
    )
    here.owner.execute("ANALYZE troth_base.customer, troth_base.orders")
    for person, statement in (
        ("p-7", "SELECT * FROM customer"),
        ("p-7", "SELECT * FROM customer WHERE customer_id = 'c-7'"),
        ("p-7", "SELECT * FROM orders"),
        ("p-7", "SELECT * FROM orders WHERE order_id = 'o-7'"),
        (None, "SELECT * FROM customer WHERE customer_id = 'c-7'"),
        (None, "SELECT * FROM orders WHERE order_id = 'o-7'"),
    ):
        with here.use(DELIVER, person) as block:
            plan = block.dbapi.execute(f"EXPLAIN {statement}").fetchall()
            assert not [line for (line,) in plan if "Seq Scan on orders" in line], plan
            assert not [line for (line,) in plan if "Seq Scan on customer" in line], plan


def test_a_withdrawal_holds_for_the_next_statement_of_an_open_block(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        assert block.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (1,)
        here.withdraw("p-ada", DELIVER)
        assert block.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (0,)


def test_no_block_opened_after_a_withdrawal_sees_the_old_answer(here: Host) -> None:
    pools = [here.pools(), here.pools()]  # as two processes have them
    for n in range(20):
        person = f"p-{n}"
        here.owner.execute(
            "INSERT INTO troth_base.customer VALUES (%s, %s, %s, 's')",
            (f"c-{n}", person, f"f-{n}"),
        )
        here.permit(person, DELIVER)
        with here.use(DELIVER, person, pools[n % 2]) as block:
            assert block.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (1,)
        here.withdraw(person, DELIVER)
        for other in pools:
            with here.use(DELIVER, person, other) as block:
                assert block.dbapi.execute("SELECT * FROM customer").fetchall() == []
            with here.use(DELIVER, None, other) as block:
                found = block.dbapi.execute(
                    "SELECT 1 FROM customer WHERE person_id = %s", (person,)
                )
                assert found.fetchall() == []


@pytest.mark.parametrize("person", ["p-ada", None])
def test_a_snapshot_that_stays_open_goes_dark_when_the_scope_is_over(
    here: Host, person: str | None
) -> None:
    def record(scope: Scope) -> None:
        here.record(replace(scope, seconds=0.4))

    with here.pools().use(DELIVER, people=person and (person,), record=record) as block:
        run = block.dbapi.execute
        run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert run("SELECT count(*) > 0 FROM customer").fetchone() == (True,)
        # The clock of the scope moves on within a transaction, and within one statement too.
        run(
            "DO $$ BEGIN PERFORM set_config('my.before', (SELECT count(*) FROM customer)::text, "
            "false); PERFORM pg_sleep(0.5); "
            "PERFORM set_config('my.after', (SELECT count(*) FROM customer)::text, false); END $$"
        )
        shown = run("SELECT current_setting('my.before'), current_setting('my.after')").fetchone()
        assert shown[0] != "0"
        assert shown[1] == "0"
        for name in ("customer", "orders", "parcel"):
            assert run(f"SELECT count(*) FROM {name}").fetchone() == (0,)
        assert run("UPDATE customer SET street = 'late'").rowcount == 0


def test_an_idle_block_that_lifts_its_limit_is_ended_all_the_same(here: Host) -> None:
    pools = here.pools(block_seconds=0.5)
    with pytest.raises((DBAPIError, psycopg.Error)), here.use(DELIVER, "p-ada", pools) as block:  # noqa: PT012
        block.dbapi.execute("SET idle_in_transaction_session_timeout = 0")
        block.dbapi.execute("UPDATE customer SET street = 'late'")
        time.sleep(1.5)
        block.dbapi.execute("SELECT 1")  # by now another session of the role has ended this one
    assert here.street_of("c-ada") == "Apple Street 1"


# --- writing -------------------------------------------------------------------------------------


def test_granted_columns_are_changed_and_rows_outside_are_not(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        assert block.dbapi.execute("UPDATE customer SET street = 'New 1'").rowcount == 1
        hidden = "UPDATE customer SET street = 'New 1' WHERE customer_id = 'c-eve'"
        assert block.dbapi.execute(hidden).rowcount == 0
    streets = [here.street_of(c) for c in ("c-ada", "c-bob", "c-eve")]
    assert streets == ["New 1", "Birch Street 2", "Hidden Lane 66"]


def test_rows_are_inserted_with_keys_of_the_application(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        made = block.dbapi.execute(
            "INSERT INTO parcel (parcel_id, order_id) VALUES ('k-new', 'o-ada') RETURNING weight"
        )
        # The default of the table holds through the view, although a trigger inserts.
        assert made.fetchall() == [(1,)]
        assert block.dbapi.execute("SELECT count(*) FROM parcel").fetchone() == (2,)
        assert block.dbapi.execute("DELETE FROM parcel WHERE parcel_id = 'k-new'").rowcount == 1


def test_a_row_for_somebody_else_is_not_inserted(here: Host) -> None:
    for order in ("o-bob", "o-eve", "o-none"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="lens"),
            here.use(DELIVER, "p-ada") as block,
        ):
            block.dbapi.execute(f"INSERT INTO parcel (parcel_id, order_id) VALUES ('k', '{order}')")


def test_an_insert_only_lens_keeps_to_the_person_too(here: Host) -> None:
    with pytest.raises(psycopg.Error), here.use(ACCOUNT, "p-ada") as block:
        block.dbapi.execute("INSERT INTO orders VALUES ('o-new', 'c-eve', 'x')")
    with here.use(ACCOUNT, "p-ada") as block:
        assert (
            block.dbapi.execute("INSERT INTO orders VALUES ('o-new', 'c-ada', 'x')").rowcount == 1
        )


def test_an_exception_undoes_what_the_block_wrote(here: Host) -> None:
    with pytest.raises(RuntimeError, match="stop"), here.use(DELIVER, "p-ada") as block:  # noqa: PT012
        block.dbapi.execute("UPDATE customer SET street = 'Undone'")
        raise RuntimeError("stop")
    assert here.street_of("c-ada") == "Apple Street 1"


# --- the ORM -------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    street: Mapped[str]
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.customer_id"))
    item: Mapped[str]
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Parcel(Base):
    __tablename__ = "parcel"
    parcel_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.order_id"))
    weight: Mapped[int]


def test_the_orm_selects_joins_and_loads_what_the_lens_shows(here: Host) -> None:
    with here.use(DELIVER) as block, Session(block.connection) as session:
        query = select(Customer).options(selectinload(Customer.orders)).order_by("customer_id")
        loaded = {c.customer_id: [o.item for o in c.orders] for c in session.scalars(query)}
        joined = session.execute(select(Parcel.weight).join(Order).join(Customer)).scalars()
        assert loaded == {"c-ada": ["tea"], "c-bob": ["salt"]}
        assert sorted(joined) == [5, 7]
        assert session.get(Customer, "c-eve") is None
        assert session.scalar(select(func.count()).select_from(Customer)) == 2


def test_the_orm_writes_by_unit_of_work_and_in_bulk(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block, Session(block.connection) as session:
        ada = session.get_one(Customer, "c-ada")
        ada.street = "Unit Street"
        session.add_all([Parcel(parcel_id=f"k-{n}", order_id="o-ada", weight=n) for n in range(3)])
        session.flush()
        assert session.execute(update(Parcel).values(weight=9)).rowcount == 4  # type: ignore[attr-defined]
        session.delete(session.get_one(Parcel, "k-0"))
        session.execute(delete(Parcel).where(Parcel.parcel_id == "k-1"))
        session.commit()
    assert here.street_of("c-ada") == "Unit Street"
    left = here.owner.execute("SELECT parcel_id, weight FROM troth_base.parcel ORDER BY 1")
    assert left.fetchall() == [("k-2", 9), ("k-ada", 9), ("k-bob", 7), ("k-eve", 66)]


def test_the_orm_cannot_save_a_row_of_somebody_else(here: Host) -> None:
    with (  # noqa: PT012
        pytest.raises(DBAPIError),
        here.use(DELIVER, "p-ada") as block,
        Session(block.connection) as session,
    ):
        session.add(Parcel(parcel_id="k-x", order_id="o-bob", weight=1))
        session.flush()


def test_an_error_shows_no_value_that_was_bound(here: Host) -> None:
    with pytest.raises(IntegrityError) as refused, here.use(ACCOUNT, "p-ada") as block:
        block.connection.exec_driver_sql("UPDATE customer SET phone = %s", ("13900000666",))
    seen: list[BaseException | None] = [refused.value]
    while (error := seen[-1]) is not None:
        assert "13900000666" not in f"{error!r} {error.args} {vars(error)}"
        seen.append(error.__cause__ or error.__context__)


# --- pools ---------------------------------------------------------------------------------------


def pid(block_connection: object) -> int:
    return int(block_connection.execute("SELECT pg_backend_pid()").fetchone()[0])  # type: ignore[attr-defined]


def test_a_purpose_has_its_own_role_and_never_another_ones_connection(here: Host) -> None:
    pools = here.pools(size=1)
    pids: dict[str, set[int]] = {DELIVER: set(), NEWS: set(), ACCOUNT: set()}
    for _ in range(3):
        for purpose, seen in pids.items():
            with here.use(purpose, "p-ada", pools) as block:
                seen.add(pid(block.dbapi))
                (role,) = block.dbapi.execute("SELECT session_user::text").fetchone()
                assert role.startswith(f"troth_{purpose}_")
    assert [len(seen) for seen in pids.values()] == [1, 1, 1]
    assert len(set.union(*pids.values())) == 3


def test_a_returned_connection_is_clean(here: Host) -> None:
    pools = here.pools(size=1)
    with here.use(DELIVER, "p-ada", pools) as block:
        first, run = pid(block.dbapi), block.dbapi.execute
        run("SET work_mem = '77MB'")
        run("SELECT set_config('my.street', street, false) FROM customer")
        run("PREPARE kept AS SELECT * FROM customer")
        run("LISTEN gossip")
        run("SELECT pg_advisory_lock(7)")
        run("DECLARE held CURSOR WITH HOLD FOR SELECT * FROM customer")
        run("SET search_path = troth_lens_deliver_order_all")
    with here.use(DELIVER, "p-bob", pools) as block:
        run = block.dbapi.execute
        assert pid(block.dbapi) == first
        assert run("SHOW work_mem").fetchone() != ("77MB",)
        assert run("SELECT current_setting('my.street', true)").fetchone()[0] in (None, "")
        assert run("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert run("SELECT count(*) FROM pg_cursors").fetchone() == (0,)
        assert run("SELECT count(*) FROM pg_listening_channels()").fetchone() == (0,)
        assert run("SHOW search_path").fetchone() == ('"troth_lens_deliver_order_some", pg_temp',)
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"
        assert run(locks).fetchone() == (0,)
        assert run("SELECT person_id FROM customer").fetchall() == [("p-bob",)]


def test_statements_that_the_driver_prepared_work_on_after_a_return(here: Host) -> None:
    pools = here.pools(size=1)
    for person in ("p-ada", "p-bob", "p-ada"):
        with here.use(DELIVER, person, pools) as block:
            for _ in range(12):
                found = block.dbapi.execute(
                    "SELECT person_id FROM customer WHERE person_id = %s", (person,)
                )
                assert found.fetchall() == [(person,)]


def test_uses_nest_each_with_its_own_view(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as outer, here.use(DELIVER, "p-bob") as inner:
        with here.use(NEWS) as news:
            assert news.dbapi.execute("SELECT person_id FROM customer").fetchall() == [("p-eve",)]
        assert inner.dbapi.execute("SELECT person_id FROM customer").fetchall() == [("p-bob",)]
        assert outer.dbapi.execute("SELECT person_id FROM customer").fetchall() == [("p-ada",)]


def test_eight_threads_see_their_own_person_only(here: Host) -> None:
    pools, wrong = here.pools(size=4), []

    def work(person: str) -> None:
        app = psycopg.connect(here.app_url.replace("+psycopg", ""), autocommit=True)
        with app:
            for _ in range(25):
                with pools.use(
                    DELIVER,
                    people=(person,),
                    record=lambda scope: lens_record(app, scope),
                ) as block:
                    rows = block.dbapi.execute("SELECT person_id FROM customer").fetchall()
                    if rows != [(person,)]:
                        wrong.append((person, rows))

    threads = [threading.Thread(target=work, args=(p,)) for p in ("p-ada", "p-bob") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def lens_record(app: psycopg.Connection[object], scope: Scope) -> None:
    with app.cursor() as cursor:
        write_scope(cursor, scope)


def test_a_pool_that_is_empty_says_so_in_time(here: Host) -> None:
    pools = here.pools(size=1, wait_seconds=0.2)
    with here.use(DELIVER, "p-ada", pools):
        with pytest.raises(StoreUnavailable, match="in use"), here.use(DELIVER, "p-bob", pools):
            pytest.fail("two blocks had one connection")
        with here.use(NEWS, "p-eve", pools) as block:  # another purpose is not held up
            assert block.dbapi.execute("SELECT 1").fetchone() == (1,)


def test_a_dropped_connection_is_replaced_before_it_is_lent(here: Host) -> None:
    pools = here.pools(size=1)
    with here.use(DELIVER, "p-ada", pools) as block:
        first = pid(block.dbapi)
    here.admin.execute("SELECT pg_terminate_backend(%s, 5000)", (first,))
    with here.use(DELIVER, "p-bob", pools) as block:
        assert pid(block.dbapi) != first
        assert block.dbapi.execute("SELECT person_id FROM customer").fetchall() == [("p-bob",)]


def test_a_connection_dropped_within_a_block_fails_it_and_no_other(here: Host) -> None:
    pools = here.pools(size=1)
    with pytest.raises((DBAPIError, psycopg.Error)), here.use(DELIVER, "p-ada", pools) as block:  # noqa: PT012
        block.dbapi.execute("UPDATE customer SET street = 'Lost'")
        here.admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid(block.dbapi),))
        block.dbapi.execute("SELECT 1")
    assert here.street_of("c-ada") == "Apple Street 1"
    with here.use(DELIVER, "p-ada", pools) as block:
        assert block.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (1,)


def test_a_look_that_cannot_be_recorded_opens_nothing(here: Host) -> None:
    pools, ran = here.pools(size=1), []

    def fails(scope: object) -> None:
        raise StoreUnavailable("no ledger")

    with (
        pytest.raises(StoreUnavailable, match="no ledger"),
        pools.use(DELIVER, people=("p-ada",), record=fails),
    ):
        ran.append(1)
    assert ran == []
    with here.use(DELIVER, "p-ada", pools) as block:  # and the connection came back
        assert block.dbapi.execute("SELECT 1").fetchone() == (1,)


def test_without_a_scope_a_lensed_connection_sees_nothing(here: Host) -> None:
    for person in ("p-ada", None):
        with here.pools().use(DELIVER, people=person and (person,), record=lambda _: None) as block:
            assert block.dbapi.execute("SELECT * FROM customer").fetchall() == []


def test_a_connection_kept_beyond_its_block_is_dead(here: Host) -> None:
    pools = here.pools(size=1)
    with here.use(DELIVER, "p-ada", pools) as block:
        kept, cursor = block.dbapi, block.dbapi.execute("SELECT * FROM customer")
    with here.use(DELIVER, "p-bob", pools):
        for attempt in (
            lambda: kept.execute("SELECT * FROM customer"),
            cursor.fetchall,
            lambda: cursor.execute("SELECT 1"),
            kept.commit,
            kept.cursor,
        ):
            with pytest.raises(psycopg.InterfaceError, match="over"):
                attempt()


def test_the_plain_connection_has_nothing_of_the_driver(here: Host) -> None:
    with here.use(DELIVER, "p-ada") as block:
        offered = {name for name in dir(block.dbapi) if not name.startswith("_")}
        assert offered == {"cursor", "execute", "commit", "rollback"}
        cursor = {name for name in dir(block.dbapi.cursor()) if not name.startswith("_")}
        assert cursor == {
            "description", "rowcount", "execute", "executemany",
            "fetchone", "fetchmany", "fetchall", "close",
        }  # fmt: skip


def test_a_purpose_without_a_lens_opens_nothing(here: Host) -> None:
    with pytest.raises(UnknownName, match="sell_data"), here.use("sell_data"):
        pytest.fail("a block was opened")


def test_an_overlong_statement_that_lifts_its_limit_is_ended_all_the_same(here: Host) -> None:
    pools = here.pools(block_seconds=1.0)
    started = time.monotonic()
    with pytest.raises((DBAPIError, psycopg.Error)), here.use(DELIVER, "p-ada", pools) as block:  # noqa: PT012
        block.dbapi.execute("SET statement_timeout = 0")
        block.dbapi.execute(
            "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN "
            "NULL; END; END LOOP; END $$"
        )
    assert time.monotonic() - started < 5


# --- installing ----------------------------------------------------------------------------------


def test_base_tables_lie_where_no_login_role_may_look(here: Host) -> None:
    places = here.admin.execute(
        "SELECT relname, relnamespace::regnamespace::text, relrowsecurity FROM pg_class "
        "WHERE relname IN ('customer', 'orders', 'parcel', 'diary', 'goods') AND relkind = 'r' "
        "ORDER BY 1"
    ).fetchall()
    assert places == [
        ("customer", "troth_base", True),
        ("diary", "troth_base", True),
        ("goods", "public", False),
        ("orders", "troth_base", True),
        ("parcel", "troth_base", True),
    ]
    for name in ("customer", "orders", "parcel", "diary"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            here.app.execute(f"SELECT * FROM troth_base.{name}")
    assert here.app.execute("SELECT title FROM goods").fetchall() == [("tea",)]
    assert here.installed.moved == ("customer", "diary", "orders", "parcel")


def test_passwords_lie_in_one_private_file_and_reach_the_server_as_verifiers(here: Host) -> None:
    path = here.installed.roles_file
    assert path == here.folder / ROLES_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())["roles"]
    assert set(kept) == {DELIVER, NEWS, ACCOUNT}
    log = (here.server.folder / "log").read_text(errors="replace")
    for entry in kept.values():
        (stored,) = here.admin.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (entry["role"],)
        ).fetchone() or ("",)
        assert stored.startswith("SCRAM-SHA-256$")
        assert entry["password"] not in log
        assert entry["password"] not in repr(here.installed)
    assert [p.name for p in here.folder.iterdir()] == [ROLES_FILE]


def test_installing_again_where_all_is_in_place_changes_nothing_and_waits_for_nobody(
    here: Host,
) -> None:
    before = here.installed.roles_file.read_text()
    # As a migration, a backup or another installer may hold everything meanwhile.
    with here.admin.transaction():
        here.admin.execute("LOCK TABLE troth_base.customer, troth_base.diary, public.troth_person")
        here.admin.execute("SELECT pg_advisory_xact_lock(hashtext('troth_lens_install'))")
        again = here.install()
    assert not again.renewed
    assert (again.made, again.removed, again.moved) == ((), (), ())
    assert again.residue == here.installed.residue
    assert here.installed.roles_file.read_text() == before


def test_passwords_are_renewed_on_demand_and_the_pools_go_on(here: Host) -> None:
    before = json.loads(here.installed.roles_file.read_text())
    pools = here.pools()
    with here.use(DELIVER, "p-ada", pools):
        pass
    again = here.install(renew=True)
    assert again.renewed
    assert (again.made, again.removed, again.moved) == ((), (), ())
    after = json.loads(again.roles_file.read_text())
    passwords = [{r["password"] for r in f["roles"].values()} for f in (before, after)]
    assert not passwords[0] & passwords[1]
    assert before["mark"] == after["mark"]  # it is in the views
    with here.use(DELIVER, "p-ada", pools) as one, here.use(DELIVER, "p-bob", pools) as two:
        assert one.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (1,)
        assert two.dbapi.execute("SELECT count(*) FROM customer").fetchone() == (1,)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE OR REPLACE VIEW troth_lens_send_news_some.customer WITH (security_barrier) AS "
        "SELECT customer_id, person_id, street AS phone FROM troth_base.customer",
        "ALTER VIEW troth_lens_send_news_all.customer SET (security_barrier = false)",
        "DROP SCHEMA troth_lens_send_news_all CASCADE",
        "DROP TRIGGER troth_insert ON troth_lens_keep_account_some.customer",
        "ALTER TABLE troth_base.customer DISABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON troth_base.diary TO pg_monitor",
        "ALTER TABLE troth_base.parcel ALTER weight SET DEFAULT 3",
    ],
)
def test_what_another_hand_changed_is_made_right_again(here: Host, change: str) -> None:
    here.admin.execute(change.encode())
    assert here.install().renewed
    with here.use(NEWS) as block:
        assert block.dbapi.execute("SELECT phone FROM customer").fetchall() == [("13900000666",)]
    refused = here.admin.execute(
        "SELECT relrowsecurity, has_table_privilege('pg_monitor', 'troth_base.diary', 'SELECT') "
        "FROM pg_class WHERE oid = 'troth_base.customer'::regclass"
    )
    assert refused.fetchall() == [(True, False)]
    with here.use(DELIVER, "p-ada") as block:
        default = "3" if "DEFAULT" in change else "1"
        made = "INSERT INTO parcel (parcel_id, order_id) VALUES ('k', 'o-ada') RETURNING weight"
        assert str(block.dbapi.execute(made).fetchone()[0]) == default
    assert not here.install().renewed


def test_a_file_of_roles_that_is_lost_or_older_is_made_anew(here: Host) -> None:
    path = here.installed.roles_file
    older = path.read_text()
    here.install(renew=True)
    for spoil in (path.unlink, lambda: path.write_text(older), lambda: path.write_text("{")):
        spoil()
        assert here.install().renewed
        with here.use(DELIVER, "p-ada", here.pools()) as block:
            assert block.dbapi.execute("SELECT 1").fetchone() == (1,)


def test_a_copy_of_the_database_works_with_the_file_of_roles(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'troth\\_%\\_________'"
    with psycopg.connect(postgres_server.dsn("postgres")) as admin:
        (others,) = admin.execute(roles).fetchone() or (0,)  # of other tests' templates
    with host(postgres_server, tmp_path) as here:
        here.close()
        name = make_url(here.owner_url).database or ""
        with (
            postgres_server.fresh_database(template=name) as copy,
            psycopg.connect(copy.superuser_dsn, autocommit=True) as admin,
        ):
            moved = replace_urls(here, copy)
            with moved.use(DELIVER, "p-ada") as block:
                assert block.dbapi.execute("SELECT person_id FROM customer").fetchall() == [
                    ("p-ada",)
                ]
            before = here.installed.roles_file.read_text()
            # TEMP is everybody's in a copy; rights on the database are not copied.
            temp = "SELECT has_database_privilege('public', current_database(), 'TEMP')"
            assert admin.execute(temp).fetchone() == (True,)
            assert not moved.install().renewed
            assert admin.execute(temp).fetchone() == (False,)
            assert here.installed.roles_file.read_text() == before
            assert admin.execute(roles).fetchone() == (others + 3,)
            # Whoever changes something gets roles of his own, and the other's stay as they are.
            moved.folder = tmp_path / "other"
            moved.folder.mkdir()
            assert moved.install(DELIVER_LENS, NEWS_LENS).renewed
            assert admin.execute(roles).fetchone() == (others + 5,)
            moved.close()
            uninstall(copy.owner_url, folder=moved.folder)
            assert admin.execute(roles).fetchone() == (others + 3,)
            assert admin.execute(temp).fetchone() == (True,)
        with here.pools().use(DELIVER, people=("p-ada",), record=lambda _: None) as block:
            assert block.dbapi.execute("SELECT 1").fetchone() == (1,)


def test_a_lens_that_changed_is_made_anew_and_one_that_is_gone_is_removed(here: Host) -> None:
    wider = Lens(
        (PurposeId(DELIVER),),
        (table("customer", "customer_id person_id phone"), *DELIVER_LENS.tables[1:]),
    )
    changed = here.install(wider, ACCOUNT_LENS)
    assert (changed.made, changed.removed) == ((DELIVER,), (NEWS,))
    with here.use(DELIVER, "p-ada") as block:
        assert block.dbapi.execute("SELECT phone FROM customer").fetchall() == [("13800000001",)]
    with pytest.raises(psycopg.Error), here.use(DELIVER, "p-ada") as block:
        block.dbapi.execute("UPDATE customer SET street = 'x'")
    left = here.admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (here.role(NEWS),))
    assert left.fetchall() == []


def test_a_table_that_no_lens_shows_any_more_stays_away(here: Host) -> None:
    here.install(NEWS_LENS, tables=())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        here.app.execute("SELECT * FROM troth_base.parcel")


def test_uninstalling_puts_everything_back(here: Host) -> None:
    here.install(NEWS_LENS)
    with here.use(NEWS) as block:  # what hostile SQL may leave is no obstacle
        block.dbapi.execute("SELECT lo_from_bytea(0, 'left'), pg_advisory_lock(1)")
    here.close()
    entries = json.loads((here.folder / ROLES_FILE).read_text())["roles"].values()
    roles = [entry["role"] for entry in entries]
    assert roles
    uninstall(here.owner_url, folder=here.folder)
    uninstall(here.owner_url, folder=here.folder)
    with psycopg.connect(here.app_url.replace("+psycopg", "")) as app:
        assert app.execute("SELECT count(*) FROM customer").fetchone() == (3,)
        app.execute("UPDATE orders SET item = 'x'")
        app.execute("INSERT INTO parcel VALUES ('k-9', 'o-ada')")
        left = app.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'troth%%' UNION ALL "
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) UNION ALL "
            "SELECT relname FROM pg_class WHERE relname LIKE 'troth_lens%%'",
            (roles,),
        )
        assert left.fetchall() == []
        app.execute("CREATE TEMP TABLE is_allowed_again (n int)")
        assert app.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)
    assert list(here.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("breach", "says"),
    [
        ("GRANT SELECT ON ALL TABLES IN SCHEMA troth_lens_send_news_some TO {app}", "another"),
        ("GRANT pg_read_all_data TO {app}", "has a right on"),
        ("GRANT troth_owner TO {app}", "may act as"),
        ("GRANT {app} TO {deliver}", "is a member of"),
        ("GRANT USAGE ON SCHEMA public TO {deliver}", "may enter the schema public"),
        ("GRANT CREATE ON SCHEMA troth_base TO {deliver}", "may create in"),
        ("ALTER ROLE {deliver} BYPASSRLS", "passes by"),
        ("GRANT TEMP ON DATABASE {database} TO {deliver}", "temporary tables"),
        (
            "CREATE VIEW peek AS SELECT phone FROM troth_base.customer; "
            "GRANT SELECT ON peek TO {app}",
            "a view over tables behind the lens",
        ),
        (
            "CREATE FUNCTION troth_lens_send_news_some.f() RETURNS text LANGUAGE sql "
            "SECURITY DEFINER AS 'SELECT 1::text'; "
            "GRANT USAGE ON SCHEMA troth_lens_send_news_some TO {deliver}",
            "its owner's rights",
        ),
    ],
)
def test_a_breach_by_another_hand_is_refused_when_installing(
    here: Host, breach: str, says: str
) -> None:
    deliver = json.loads(here.installed.roles_file.read_text())["roles"][DELIVER]["role"]
    database = here.admin.info.dbname
    here.admin.execute(
        breach.format(app=here.app_role, deliver=deliver, database=database).encode()
    )
    before = here.installed.roles_file.read_text()
    with pytest.raises(UnsafeStore, match=says):
        here.install()
    assert here.installed.roles_file.read_text() == before
    with here.use(DELIVER, "p-ada") as block:  # nothing was changed, passwords neither
        assert block.dbapi.execute("SELECT 1").fetchone() == (1,)
    here.admin.execute(f"REVOKE pg_read_all_data, troth_owner FROM {here.app_role}")


@pytest.mark.parametrize(
    "lens",
    [
        Lens((PurposeId("p"),), (table("nowhere", "a person_id"),)),
        Lens((PurposeId("p"),), (table("customer", "customer_id person_id salary"),)),
        Lens((PurposeId("p"),), (table("customer", "customer_id phone", person="owner"),)),
        Lens((PurposeId("p"),), (table("orders", "order_id", insert="item", hops=TO_CUSTOMER),)),
        Lens((PurposeId("p"),), (table("customer", "customer_id phone", update="customer_id"),)),
        Lens((PurposeId("p"),), (table("customer", "customer_id phone", person=""),)),
        Lens((PurposeId("p'; --\\"),), (table("customer", "customer_id person_id"),)),
    ],
)
def test_a_lens_that_cannot_be_kept_is_refused_and_nothing_changes(here: Host, lens: Lens) -> None:
    with pytest.raises(InputError):
        here.install(*LENSES, lens)
    assert here.install().made == ()


def test_a_partitioned_table_is_refused(here: Host) -> None:
    here.owner.execute("CREATE TABLE visits (person_id text, n int) PARTITION BY LIST (n)")
    with pytest.raises(UnsafeStore, match="partition"):
        here.install(tables=("visits",))


def test_the_owner_is_no_role_for_the_application(here: Host) -> None:
    with pytest.raises(UnsafeStore, match="a role of its own"):
        here.install(app_role="troth_owner")


def test_long_names_of_purposes_stay_apart() -> None:
    one, other = "verify_" + "x" * 60 + "_a", "verify_" + "x" * 60 + "_b"
    names = [lens_postgresql_ddl.schema_of(p, "some") for p in (one, other)]
    names += [lens_postgresql_ddl.role_of(p, d) for p in (one, other) for d in ("a", "b")]
    assert len(set(names)) == 6
    assert max(len(name.encode()) for name in names) <= 63


def test_a_lens_over_other_types_of_ids_works(here: Host) -> None:
    here.owner.execute(
        "CREATE TABLE badge (badge_id text PRIMARY KEY, person uuid NOT NULL);"
        "INSERT INTO badge VALUES ('b', '00000000-0000-0000-0000-000000000007')"
    )
    lens = Lens((PurposeId("enter_house"),), (table("badge", "badge_id person", person="person"),))
    here.install(*LENSES, replace(lens))
    here.owner.execute("INSERT INTO troth_purpose_rule VALUES ('enter_house', 1, 0)")
    here.permit("00000000-0000-0000-0000-000000000007", "enter_house")
    for person in ("00000000-0000-0000-0000-000000000007", None):
        with here.use("enter_house", person) as block:
            assert block.dbapi.execute("SELECT badge_id FROM badge").fetchall() == [("b",)]
