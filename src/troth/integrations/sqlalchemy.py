"""The door for applications that use SQLAlchemy: sessions, sealed columns, and files beside them.

    class Customer(Base):
        __tablename__ = "customer"
        customer_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
        phone: Mapped[str] = mapped_column(SealedText("customer.phone"))
        phone_index: Mapped[str] = mapped_column(BlindIndexText("customer.phone"), deferred=True)

    with lens_session(t, "ship_parcel", person=person, writes=True) as session:
        session.scalars(select(Customer)).one().phone

On a connection of ``troth.use(…)`` a sealed column takes and gives plain text where the purpose is
granted it; anywhere else it gives `CLOSED` and takes nothing.

There is no engine that hands out lensed connections by itself. An engine outlives its uses and
gives its connections to whoever asks, on any thread, from a pool: it could know neither for whom,
nor until when, nor leave a look before the first row. `LensedEngine` stands where an application
holds an engine, and each of its blocks is a use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, Unpack

from sqlalchemy import Column, Computed, Connection, Table, event
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, object_mapper
from sqlalchemy.sql.dml import Insert, UpdateBase

from troth.app import Troth
from troth.core.errors import InputError
from troth.integrations.uses import HowUsed
from troth.store.sealed_type import CLOSED, BlindIndexText, ForPerson, SealedText, sealed_use

__all__ = [
    "CLOSED",
    "BlindIndexText",
    "ForPerson",
    "LensSession",
    "LensedEngine",
    "SealedText",
    "index",
    "lens_engine",
    "lens_session",
    "look_up",
    "open_file",
    "seal_file",
    "sealed",
]


# --- sessions -----------------------------------------------------------------------------------


class LensSession(Session):
    """A session of one block; `lens_session` makes it.

    What a lens cannot do is refused with `InputError`, before anything is sent: a key or a value
    that the database would make (a lens puts triggers in place of a table, which tell nobody what
    came of a statement), a version counter where rows changed are not counted, and changes to
    mapped classes in a use that was opened to read. ``rowcount`` tells nothing on SQLite.

    Args:
        bind: the connection of the block.
        writes: whether the use was opened to write.
    """

    def __init__(self, bind: Connection, *, writes: bool) -> None:
        # What was read stays with its objects after the block, and only the block's end commits.
        super().__init__(bind=bind, expire_on_commit=False, join_transaction_mode="rollback_only")
        self.may_write = writes
        self.counts_rows = bind.dialect.supports_sane_rowcount


@contextmanager
def lens_session(t: Troth, *purposes: str, **how: Unpack[HowUsed]) -> Iterator[LensSession]:
    """Open a purpose and lend a session of the ORM; takes and raises what `Troth.use` does.

    Changes are flushed at the end and committed with the block; `Session.commit` before it only
    flushes. A rollback undoes all of the block; open another for what follows.

    Raises:
        InputError: what the session is asked for a lens cannot do; see `LensSession`.
    """
    with t.use(*purposes, **how) as connection:
        if not connection.in_transaction():
            connection.begin()
        with LensSession(connection, writes=how.get("writes", False)) as session:
            yield session
            session.commit()


@dataclass(frozen=True, slots=True)
class LensedEngine:
    """Stands where an application holds an engine; every block of it is a use of its own.

    Args:
        troth: the deployment.
        purposes: what it is used for.
        how: what else `Troth.use` is told.
    """

    troth: Troth
    purposes: tuple[str, ...]
    how: HowUsed

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a block and lend its connection; raises what `Troth.use` does."""
        return self.troth.use(*self.purposes, **self.how)

    def session(self) -> AbstractContextManager[LensSession]:
        """Open a block and lend a session; see `lens_session`."""
        return lens_session(self.troth, *self.purposes, **self.how)

    def connect(self) -> NoReturn:
        """Refuse: a connection that nobody has to end would be a use without an end."""
        raise InputError(
            "a lens lends its connections to blocks; write `with engine.begin() as c:`"
        )


def lens_engine(t: Troth, *purposes: str, **how: Unpack[HowUsed]) -> LensedEngine:
    """Return what an application may hold in place of its engine; takes what `Troth.use` does."""
    return LensedEngine(t, purposes, how)


# --- what a lens cannot do ------------------------------------------------------------------------


def _judge_flush(session: LensSession, _: object, __: object) -> None:
    changed = [one for one in session.dirty if session.is_modified(one)]
    if not (changed or session.new or session.deleted):
        return
    _refuse_to_read_only(session)
    for one in (*changed, *session.deleted):
        _refuse_versions(session, object_mapper(one))
    for one in session.new:
        mapper = object_mapper(one)
        _refuse_versions(session, mapper)
        _refuse_made(mapper, {name for name, value in one.__dict__.items() if value is not None})


def _judge_statement(state: ORMExecuteState) -> None:
    statement, session = state.statement, state.session
    if not isinstance(statement, UpdateBase) or not isinstance(session, LensSession):
        return
    _refuse_to_read_only(session)
    mapper = state.bind_mapper
    if mapper is None or not isinstance(statement, Insert) or statement.select is not None:
        return
    first = _rows_of(state, statement)[:1]
    _refuse_made(mapper, {getattr(name, "key", name) for row in first for name in row})


def _rows_of(state: ORMExecuteState, statement: Insert) -> Sequence[Mapping[Any, Any]]:
    """Return the rows that an insert gives, as parameters or in itself."""
    if state.parameters:
        return [state.parameters] if isinstance(state.parameters, Mapping) else state.parameters
    # SQLAlchemy has no public way to ask; a statement of the ORM compiles only when it is sent.
    for several in statement._multi_values:
        return [row for row in several if isinstance(row, Mapping)]
    return [statement._values or {}]


def _refuse_to_read_only(session: LensSession) -> None:
    if not session.may_write:
        raise InputError("this use was opened to read; open it with writes=True")


def _refuse_versions(session: LensSession, mapper: Mapper[Any]) -> None:
    if mapper.version_id_col is not None and not session.counts_rows:
        raise InputError(
            f"{mapper.class_.__name__} counts versions in {mapper.version_id_col.name}, and the "
            "triggers of a lens do not tell how many rows a statement changed; lock the row instead"
        )


def _refuse_made(mapper: Mapper[Any], given: Collection[str]) -> None:
    """Refuse a new row that leaves something to the database; ``given`` names attributes."""
    for column, attribute, what in _made_by_database(mapper):
        if attribute not in given and column.name not in given:
            raise InputError(
                f"the database would make the {what} of {column.table.name}.{column.name}, and a "
                "lens cannot tell it; make it in the application (default=…)"
            )


@lru_cache(maxsize=1024)
def _made_by_database(mapper: Mapper[Any]) -> tuple[tuple[Column[Any], str, str], ...]:
    """Return each column that the database fills, its attribute, and what it is: key or value."""
    attributes = {column: one.key for one in mapper.column_attrs for column in one.columns}
    made = []
    for table in mapper.tables:
        for column in table.columns if isinstance(table, Table) else ():
            if column.default is not None and not column.default.is_sequence:
                continue
            filled = column.default or column.identity or column.server_default
            attribute = attributes.get(column, column.name)
            if column.primary_key and not column.foreign_keys:
                made.append((column, attribute, "key"))
            elif filled is not None and not isinstance(filled, Computed):
                made.append((column, attribute, "value"))
    return tuple(made)


event.listen(LensSession, "before_flush", _judge_flush)
event.listen(LensSession, "do_orm_execute", _judge_statement)


# --- sealed values and files ----------------------------------------------------------------------


def sealed(
    connection: Connection, column: str, value: str | None, *, person: str = ""
) -> str | None:
    """Return what to store in a sealed column, for text SQL; None stays None.

    Args:
        connection: of a use whose purposes are granted ``column``.
        column: ``table.column``, as the data map names it.
        value: the text.
        person: random id; by default the person of the use.

    Raises:
        InputError: the use is not granted the column, or is of another person, or of several.
        KeyDestroyed: the person's key was destroyed.
    """
    return sealed_use(connection).sealed(column, value, person=person or None)


def index(connection: Connection, column: str, text: str) -> str:
    """Return what to store in the blind index of a sealed column, for text SQL.

    Args:
        connection: of a use whose purposes are granted ``column``.
        column: ``table.column`` of the sealed column, not of its index.
        text: the plain value.

    Raises:
        InputError: the column has no blind index, or the use is not granted it.
    """
    return sealed_use(connection).index(column, text)


def look_up(connection: Connection, column: str, text: str) -> Sequence[str]:
    """Return what the blind index of a column may hold for a text: use it with ``IN``.

    Args:
        connection: of a use whose purposes are granted ``column``.
        column: ``table.column`` of the sealed column, not of its index.
        text: what is looked for.

    Raises:
        InputError: the column has no blind index, or the use is not granted it.
    """
    return sealed_use(connection).look_up(column, text)


def seal_file(
    connection: Connection, column: str, file: str, content: bytes, *, person: str = ""
) -> bytes:
    """Return what to store of a file that belongs to a person.

    Args:
        connection: of a use whose purposes are granted ``column``.
        column: ``table.column`` of the folder in the data map, e.g. ``pictures.picture``.
        file: the name under which it will be stored; another name does not open it.
        content: of the file.
        person: random id; by default the person of the use.

    Raises:
        InputError: the use is not granted the column, or is of another person.
        KeyDestroyed: the person's key was destroyed.
    """
    return sealed_use(connection).seal_file(column, file, content, person=person)


def open_file(
    connection: Connection, column: str, file: str, stored: bytes, *, person: str = ""
) -> bytes:
    """Return the content of a stored file; takes what `seal_file` does.

    Raises:
        SealBroken: it was altered, or belongs to another person, column or name.
        InputError, KeyDestroyed, KeyMissing: the use does not open it, or its key is gone.
    """
    return sealed_use(connection).open_file(column, file, stored, person=person)
