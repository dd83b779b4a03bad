"""Sessions of a purpose: what the ORM does through a lens, and what it is refused with a reason."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Integer, String, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    joinedload,
    mapped_column,
    selectinload,
    undefer,
)

from tests.teahouse import PACKER, Tea, part
from troth import SELF, Answer, InputError, LookFilter, UseRefused
from troth.integrations.sqlalchemy import lens_engine, lens_session, look_up, sealed

ORDERING = ("place_order", "deliver_order")


@pytest.fixture(scope="module")
def model() -> Any:
    return part("after/teahouse")


# --- what works -----------------------------------------------------------------------------------


def test_unit_of_work_inserts_changes_and_reads_back_with_sealed_columns(
    tea: Tea, model: Any
) -> None:
    person = tea.customer("Chen Yu", orders=1)
    with lens_session(tea.t, "keep_account", person=person, writes=True) as session:
        customer = session.scalars(select(model.Customer)).one()
        customer.name = "Chen Yu (new)"
    with lens_session(tea.t, "keep_account", person=person) as session:
        customer = session.scalars(select(model.Customer)).one()
    assert customer.name == "Chen Yu (new)"
    assert customer.phone.startswith("150")  # opened, and it stays with the object after the block
    stored = tea.raw("SELECT * FROM customer__rows" if is_sqlite(tea) else BASE)
    assert customer.phone not in repr(stored)


BASE = "SELECT * FROM troth_base.customer"


def is_sqlite(tea: Tea) -> bool:
    return tea.database.kind == "sqlite"


@pytest.mark.parametrize("loader", [selectinload, joinedload, None], ids=["select", "join", "lazy"])
def test_relationships_load_in_every_way_and_only_this_persons_rows(
    tea: Tea, model: Any, loader: Any
) -> None:
    person = tea.customer(orders=2)
    tea.customer("Somebody Else", orders=1)
    with lens_session(tea.t, *ORDERING, person=person) as session:
        query = select(model.Customer)
        if loader is not None:
            query = query.options(loader(model.Customer.orders))
        (customer,) = session.scalars(query).unique()
        assert sorted(order.what for order in customer.orders) == ["Tea 0", "Tea 1"]
        assert customer.orders[0].customer is customer


def test_a_deferred_sealed_column_is_opened_when_it_is_asked_for(tea: Tea, model: Any) -> None:
    person = tea.customer(orders=1)
    with lens_session(tea.t, "deliver_order", person=person) as session:
        order = session.scalars(select(model.Order)).one()
        assert order.address == "3 Hupao Road"
        again = session.scalars(select(model.Order).options(undefer(model.Order.address))).one()
        assert again.address == "3 Hupao Road"


def test_bulk_updates_reach_this_persons_rows_and_no_others(tea: Tea, model: Any) -> None:
    person, other = tea.customer(orders=2), tea.customer(orders=1)
    case = {"actor": PACKER, "case": "tour", "writes": True}
    with lens_session(tea.t, "deliver_order", person=person, **case) as session:
        known = session.scalars(select(model.Order)).all()
        session.execute(update(model.Order).values(state="delivered"))
        assert {order.state for order in known} == {"delivered"}
    for whose, state in ((person, "delivered"), (other, "placed")):
        with lens_session(tea.t, "place_order", person=whose) as session:
            assert set(session.scalars(select(model.Order.state))) == {state}


def test_deletes_that_no_purpose_was_given_are_refused_by_the_database(
    tea: Tea, model: Any
) -> None:
    person = tea.customer(orders=1)

    def by_statement() -> None:
        with lens_session(tea.t, *ORDERING, person=person, writes=True) as session:
            session.execute(delete(model.Order))

    def by_unit_of_work() -> None:
        with lens_session(tea.t, *ORDERING, person=person, writes=True) as session:
            session.delete(session.scalars(select(model.Order)).one())

    for way in (by_statement, by_unit_of_work):
        with pytest.raises(DBAPIError):
            way()
    with lens_session(tea.t, "place_order", person=person) as session:
        assert session.scalar(select(func.count()).select_from(model.Order)) == 1


def test_bulk_insert_with_keys_of_the_application(tea: Tea, model: Any) -> None:
    person = tea.customer(orders=1)
    with lens_session(tea.t, *ORDERING, person=person, writes=True) as session:
        customer = session.scalars(select(model.Customer.customer_id)).one()
        rows = [
            {
                "customer_id": customer,
                "person": person,
                "what": f"Bulk {n}",
                "fen": n,
                "address": "A",
            }
            for n in range(3)
        ]
        session.execute(insert(model.Order), rows)
    with lens_session(tea.t, "deliver_order", person=person) as session:
        bulk = select(model.Order).where(model.Order.what.like("Bulk %"))
        assert [order.address for order in session.scalars(bulk)] == ["A", "A", "A"]


def test_an_exception_in_the_block_undoes_what_was_flushed(tea: Tea, model: Any) -> None:
    person = tea.customer("Before")

    def change() -> None:
        with lens_session(tea.t, "keep_account", person=person, writes=True) as session:
            session.scalars(select(model.Customer)).one().name = "After"
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    with lens_session(tea.t, "keep_account", person=person) as session:
        assert session.scalars(select(model.Customer.name)).one() == "Before"


def test_a_commit_in_the_block_is_the_blocks_own_at_its_end(tea: Tea, model: Any) -> None:
    person = tea.customer("Before")

    def change() -> None:
        with lens_session(tea.t, "keep_account", person=person, writes=True) as session:
            session.scalars(select(model.Customer)).one().name = "After"
            session.commit()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    with lens_session(tea.t, "keep_account", person=person) as session:
        assert session.scalars(select(model.Customer.name)).one() == "Before"


def test_a_rollback_undoes_all_of_the_block_and_loses_no_look(tea: Tea, model: Any) -> None:
    person = tea.customer("Before")
    with lens_session(tea.t, "keep_account", person=person, writes=True) as session:
        session.scalars(select(model.Customer)).one().name = "After"
        session.flush()
        session.rollback()
    with lens_session(tea.t, "keep_account", person=person) as session:
        assert session.scalars(select(model.Customer.name)).one() == "Before"
    own = LookFilter(roles=(SELF,))
    assert len(tea.t.who_looked(person, wanted=own).looks) == 3  # registered, changed, looked


def test_a_session_belongs_to_the_thread_that_opened_it_on_sqlite(tea: Tea, model: Any) -> None:
    person = tea.customer("Chen Yu")
    with (
        lens_session(tea.t, "keep_account", person=person) as session,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        asked = elsewhere.submit(lambda: session.scalars(select(model.Customer.name)).all())
        if is_sqlite(tea):
            with pytest.raises(StatementError, match="belongs to the thread"):
                asked.result()
        else:
            assert asked.result() == ["Chen Yu"]


def test_a_withdrawal_closes_the_next_session(tea: Tea, model: Any) -> None:
    person = tea.customer()
    tea.say(person, "send_news", Answer.GIVE)
    with lens_session(tea.t, "send_news", person=person) as session:
        assert len(session.scalars(select(model.Customer.phone)).all()) == 1
    tea.say(person, "send_news", Answer.WITHDRAW)
    with (
        pytest.raises(UseRefused, match="withdrawn"),
        lens_session(tea.t, "send_news", person=person),
    ):
        raise AssertionError("it opened")


def test_text_sql_seals_and_looks_up_on_the_sessions_connection(tea: Tea, model: Any) -> None:
    person = tea.customer(orders=1)
    with lens_session(tea.t, "keep_account", person=person) as session:
        phone = session.scalars(select(model.Customer.phone)).one()
        indexes = look_up(session.connection(), "customer.phone", phone)
        found = select(model.Customer.person).where(model.Customer.phone_index.in_(indexes))
        assert session.scalars(found).one() == person
        assert (sealed(session.connection(), "customer.phone", "1") or "").startswith("s1.")
        with pytest.raises(InputError, match="no sealed column of this use"):
            sealed(session.connection(), "tea_order.address", "elsewhere")


# --- what is refused, and why ---------------------------------------------------------------------


class Elsewhere(DeclarativeBase):
    pass


class Numbered(Elsewhere):
    __tablename__ = "tea_order"

    order_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[str]
    what: Mapped[str]


class Defaulted(Elsewhere):
    __tablename__ = "customer"

    customer_id: Mapped[str] = mapped_column(primary_key=True, default=lambda: secrets.token_hex(8))
    person: Mapped[str]
    name: Mapped[str] = mapped_column(String, server_default="somebody")


class Counted(DeclarativeBase):
    pass


class Versioned(Counted):
    __tablename__ = "tea_order"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    fen = mapped_column(Integer)
    __mapper_args__ = {"version_id_col": fen}  # noqa: RUF012 - as SQLAlchemy has it


def test_a_key_that_the_database_would_make_is_refused_by_name(tea: Tea) -> None:
    person = tea.customer(orders=1)

    def add() -> None:
        with lens_session(tea.t, *ORDERING, person=person, writes=True) as session:
            session.add(Numbered(person=person, what="no key"))

    with pytest.raises(InputError, match=r"make the key of tea_order\.order_id"):
        add()


def test_a_default_of_the_database_is_refused_by_name(tea: Tea) -> None:
    person = tea.customer()

    def add() -> None:
        with lens_session(tea.t, "keep_account", person=person, writes=True) as session:
            session.add(Defaulted(person=person))

    with pytest.raises(InputError, match=r"make the value of customer\.name"):
        add()


@pytest.mark.parametrize("how", ["parameters", "values", "several values", "nothing"])
def test_a_bulk_insert_without_what_the_database_would_make_is_refused(tea: Tea, how: str) -> None:
    person = tea.customer()
    row = {"person": person}
    statement, parameters = {
        "parameters": (insert(Defaulted), [row, row]),
        "values": (insert(Defaulted).values(row), None),
        "several values": (insert(Defaulted).values([row, row]), None),
        "nothing": (insert(Defaulted), None),
    }[how]
    with (
        pytest.raises(InputError, match=r"make the value of customer\.name"),
        lens_session(tea.t, "keep_account", person=person, writes=True) as session,
    ):
        session.execute(statement, parameters)


def test_given_values_in_place_of_the_databases_are_taken(tea: Tea) -> None:
    person = tea.customer()
    with lens_session(tea.t, "keep_account", person=person) as session:
        assert session.scalars(select(Defaulted.name)).one() == "Chen Yu"


@pytest.mark.parametrize("how", ["flush", "statement"])
def test_a_use_that_was_opened_to_read_writes_nothing(tea: Tea, model: Any, how: str) -> None:
    person = tea.customer("Before")

    def change() -> None:
        with lens_session(tea.t, "keep_account", person=person) as session:
            if how == "flush":
                session.scalars(select(model.Customer)).one().name = "After"
            else:
                session.execute(update(model.Customer).values(name="After"))

    with pytest.raises(InputError, match="writes=True"):
        change()
    with lens_session(tea.t, "keep_account", person=person) as session:
        assert session.scalars(select(model.Customer.name)).one() == "Before"


def test_a_column_of_another_purpose_is_not_there(tea: Tea, model: Any) -> None:
    person = tea.customer(orders=1)
    with lens_session(tea.t, "place_order", person=person) as session:
        order = session.scalars(select(model.Order)).one()
        with pytest.raises(DBAPIError, match="address"):
            _ = order.address


def test_a_version_counter_is_refused_where_changed_rows_are_not_counted(tea: Tea) -> None:
    person = tea.customer(orders=1)

    def change() -> None:
        case = {"actor": PACKER, "case": "tour", "writes": True}
        with lens_session(tea.t, "deliver_order", person=person, **case) as session:
            session.scalars(select(Versioned)).one().state = "delivered"

    if is_sqlite(tea):
        with pytest.raises(InputError, match="counts versions in fen"):
            change()
    else:
        with pytest.raises(DBAPIError):  # it counts, and writes a column that it may not
            change()


# --- in place of an engine ------------------------------------------------------------------------


def test_where_an_engine_stood_each_block_is_a_use_that_leaves_a_look(tea: Tea) -> None:
    person = tea.customer("Li Na")
    engine = lens_engine(tea.t, "keep_account", person=person)

    def looks() -> int:
        return len(tea.t.who_looked(person, wanted=LookFilter(roles=(SELF,))).looks)

    before = looks()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT name FROM customer")).scalars().all() == ["Li Na"]
    with engine.session() as session:
        assert session.execute(text("SELECT name FROM customer")).scalars().all() == ["Li Na"]
    assert looks() == before + 2
    with pytest.raises(InputError, match="blocks"):
        engine.connect()
