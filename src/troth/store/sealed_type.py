"""Sealed columns on a connection: opened where they are read, sealed where they are written.

A lens that grants a sealed column shows it *marked*: the view gives, in place of what is stored,
`marked_column`: a mark, the column, the row's person and the sealed value. `SealedUse` opens such
values as the driver hands out rows, so text SQL, Core and the ORM get the same. The person comes
from the row as the database joins it, so a value that was moved to somebody else's row does not
open. On a connection without a `SealedUse` nothing opens: the types here give `CLOSED`.

For writing, a column of type `SealedText` binds what is to be sealed, and `SealedUse` seals it just
before the statement is sent. Without a `SealedUse` the driver refuses the statement, so nothing is
ever stored in the open by mistake. `sealed_check` makes the database refuse it from others.

The mark is random (`new_mark`), so that no text which a person typed can pass for one. It is no
secret against SQL on the connection: whoever knows it can open only what was sealed for the column
and person named, which that SQL could read anyway.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Engine, String, Text, event
from sqlalchemy.sql.operators import OperatorType, eq, is_, is_not, ne
from sqlalchemy.types import TypeDecorator, TypeEngine

from troth.core import sealed_file
from troth.core.blind_index import NormalForm, blind_index, generation_of, look_ups
from troth.core.errors import InputError, SealBroken
from troth.core.ports import KeyProvider
from troth.core.sealed_file import PREFIX_BYTES
from troth.core.sealing import (
    NONCE_BYTES,
    PREFIX,
    PersonKey,
    SealedPlace,
    is_sealed,
    open_sealed,
    seal,
)

_USE = "troth_sealed_use"
"""Where a connection of SQLAlchemy keeps its `SealedUse`."""


class Closed:
    """Stands for a sealed value that this connection does not open; shows nothing, is false."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "CLOSED"


CLOSED = Closed()


@dataclass(frozen=True, slots=True)
class ForPerson:
    """A value to be written into a sealed column for a person whom the use does not name."""

    person: str
    value: str

    def __repr__(self) -> str:
        return "ForPerson(…)"


@dataclass(frozen=True, slots=True)
class ToSeal:
    """A bound value on its way into a sealed column; no driver takes it as it is."""

    column: str
    value: str | ForPerson

    def __repr__(self) -> str:
        return f"ToSeal({self.column}, …)"


@dataclass(frozen=True, slots=True)
class ToIndex:
    """A bound value on its way into a blind index; no driver takes it as it is."""

    column: str
    value: str

    def __repr__(self) -> str:
        return f"ToIndex({self.column}, …)"


def new_mark() -> str:
    """Draw a mark: for each lens on SQLite, for each provisioning of views on PostgreSQL."""
    return f"troth:{secrets.token_hex(8)}:"


def marked_column(mark: str, column: str, person_sql: str, stored_sql: str) -> str:
    """Return the SQL by which a view shows a sealed column, on SQLite and PostgreSQL.

    Args:
        mark: from `new_mark`.
        column: ``table.column``, as the lens names it.
        person_sql: expression that gives the id of the row's person.
        stored_sql: expression that gives what is stored.

    Returns:
        An expression that is NULL where nothing is stored.

    Raises:
        InputError: a name holds a quote or a colon.
    """
    if any(sign in mark + column for sign in "'\\%") or ":" in column:
        raise InputError("the name of a sealed column holds a quote or a colon")
    return f"('{mark}{column}:' || {person_sql} || ':' || {stored_sql})"


def sealed_check(stored_sql: str) -> str:
    """Return the condition of a CHECK that refuses what is not sealed; NULL passes."""
    return f"(substr({stored_sql}, 1, {len(PREFIX)}) = '{PREFIX}')"


class SealedUse:
    """What one use of a purpose opens and seals.

    Args:
        keys: gives the persons' keys.
        places: the sealed columns that the lens grants, by ``table.column``.
        mark: the mark of the lens's views; empty if nothing is read.
        person: random id, if the use is of one person: then values of others do not open, and what
            is written is sealed for them.
        forms: for each ``table.column`` with a blind index, how its values are compared.
        draw: gives so many random bytes.
    """

    def __init__(
        self,
        keys: KeyProvider,
        places: Mapping[str, SealedPlace],
        *,
        mark: str = "",
        person: str | None = None,
        forms: Mapping[str, NormalForm] | None = None,
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._keys = keys
        self._places = places
        self._mark = mark
        self._person = person
        self._forms = forms or {}
        self._draw = draw

    # --- values -------------------------------------------------------------------------------

    def opened(self, value: Any) -> Any:
        """Return a value as the connection hands it out: opened if it is marked, else as it is.

        Raises:
            SealBroken: it does not open: altered, moved, or of a column or person not granted.
            KeyDestroyed: its person's key was destroyed.
            KeyMissing: its person never had a key.
        """
        if type(value) is not str or not self._mark or not value.startswith(self._mark):
            return value
        return self._open(value, {})

    def opened_row(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return a row with its marked values opened; a person's key is read once for it."""
        mark = self._mark
        if not mark:
            return tuple(row)
        keys: dict[str, PersonKey] = {}
        return tuple(
            [
                self._open(value, keys) if type(value) is str and value.startswith(mark) else value
                for value in row
            ]
        )

    def _open(self, value: str, keys: dict[str, PersonKey]) -> str:
        column, _, rest = value[len(self._mark) :].partition(":")
        # From the right: a sealed value has no colon, whatever a person's id looks like.
        person, _, stored = rest.rpartition(":")
        place = self._places.get(column)
        if place is None or self._person not in (None, person):
            raise SealBroken("a sealed value is of a column or a person that this use has not")
        key = keys.get(person)
        if key is None:
            key = keys[person] = self._keys.key_of(person)
        return open_sealed(key, place, person, stored)

    def sealed(self, column: str, value: str | None, *, person: str | None = None) -> str | None:
        """Seal a value for text SQL; a person without a key gets one. None stays None.

        Args:
            column: ``table.column``.
            value: the text.
            person: random id; by default the person of the use.

        Raises:
            InputError: no person is given, it is not the use's, or the column is not granted.
            KeyDestroyed: the person's key was destroyed.
        """
        place, whom = self._place(column), self._whom(column, person or "")
        if value is None:
            return None
        nonce = self._draw(NONCE_BYTES)
        return seal(self._keys.make_key(whom), place, whom, value, nonce=nonce)

    def index(self, column: str, value: str) -> str:
        """Return what to store in the blind index of a column."""
        place, form = self._place(column), self._form(column)
        return blind_index(self._keys.index_keys(place)[0], place, value, form)

    def look_up(self, column: str, value: str) -> Sequence[str]:
        """Return what an equal value may be stored as in the blind index: use it with ``IN``."""
        place, form = self._place(column), self._form(column)
        return look_ups(self._keys.index_keys(place), place, value, form)

    def seal_file(self, column: str, file: str, content: bytes, *, person: str = "") -> bytes:
        """Seal the content of a file for its person; raises what `sealed` does.

        Args:
            column: ``table.column`` of the folder in the data map.
            file: the name under which it will be stored; another name does not open it.
            content: of the file.
            person: random id; by default the person of the use.
        """
        place, whom = self._place(column), self._whom(column, person)
        prefix = self._draw(PREFIX_BYTES)
        key = self._keys.make_key(whom)
        return b"".join(
            sealed_file.seal_file(key, place, whom, file, [content], nonce_prefix=prefix)
        )

    def open_file(self, column: str, file: str, stored: bytes, *, person: str = "") -> bytes:
        """Open a sealed file of a person.

        Raises:
            SealBroken: it was altered, moved or renamed.
            KeyDestroyed, KeyMissing: as `opened`.
            InputError: as `sealed`.
        """
        place, whom = self._place(column), self._whom(column, person)
        key = self._keys.key_of(whom)
        return b"".join(sealed_file.open_file(key, place, whom, file, [stored]))

    def _whom(self, column: str, person: str) -> str:
        whom = person or self._person
        if not whom:
            raise InputError(f"name the person for whom {column} is sealed")
        if self._person not in (None, whom):
            raise InputError(f"this use is of another person than {column} is sealed for")
        return whom

    def _place(self, column: str) -> SealedPlace:
        try:
            return self._places[column]
        except KeyError:
            raise InputError(f"{column} is no sealed column of this use") from None

    def _form(self, column: str) -> NormalForm:
        try:
            return self._forms[column]
        except KeyError:
            raise InputError(f"{column} has no blind index") from None

    def bound(self, value: Any) -> Any:
        """Return what the driver is given for a bound value."""
        if isinstance(value, ToSeal):
            given = value.value
            if isinstance(given, ForPerson):
                return self.sealed(value.column, given.value, person=given.person)
            return self.sealed(value.column, given)
        return self.index(value.column, value.value) if isinstance(value, ToIndex) else value

    # --- connections --------------------------------------------------------------------------

    def attach(self, connection: Connection) -> None:
        """Open and seal on a connection of SQLAlchemy until `detach`.

        Where the engine was given to `seals`, this costs a microsecond, else some tens.
        """
        connection.info[_USE] = self
        if not getattr(connection.dialect, "seals_what_is_bound", False) and not event.contains(
            connection.engine, "before_cursor_execute", _seal_bound
        ):
            event.listen(connection, "before_cursor_execute", _seal_bound, retval=True)
        self.attach_driver(connection.connection.driver_connection)

    def attach_driver(self, connection: Any) -> None:
        """Open marked values on a connection of `sqlite3` or `psycopg`; use `sealed` to write."""
        connection.row_factory = self._make_row

    def _make_row(self, _: Any, *row: Sequence[Any]) -> Any:
        # sqlite3 asks with the row for the row, psycopg without it for what makes rows.
        return self.opened_row(*row) if row else self.opened_row


def sealed_use(connection: Connection) -> SealedUse:
    """Return what opens and seals on a connection.

    Raises:
        InputError: nothing does; it is no connection of a use.
    """
    use: SealedUse | None = connection.info.get(_USE)
    if use is None:
        raise InputError("this connection opens nothing sealed; take one of troth.use")
    return use


def detach(connection: Connection) -> None:
    """Let a connection of SQLAlchemy open and seal nothing any more."""
    connection.info.pop(_USE, None)
    detach_driver(connection.connection.driver_connection)


def detach_driver(connection: Any) -> None:
    """Let a connection of the driver open nothing any more."""
    if any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(connection).__mro__):
        from psycopg.rows import tuple_row  # noqa: PLC0415 - an extra

        connection.row_factory = tuple_row
    else:
        connection.row_factory = None


def seals(engine: Engine) -> None:
    """Let every connection of an engine seal what is bound to sealed columns, while attached."""
    event.listen(engine, "before_cursor_execute", _seal_bound, retval=True)


def sealed_values(connection: Connection, given: Any, *, many: bool = False) -> Any:
    """Return what the driver is given in place of bound values."""
    use: SealedUse | None = connection.info.get(_USE)
    if use is None or not (many or _is_to_bind(given)):
        return given
    return [_bound(use, one) for one in given] if many else _bound(use, given)


def _seal_bound(
    connection: Connection, _: Any, statement: str, given: Any, __: Any, many: bool
) -> tuple[str, Any]:
    return statement, sealed_values(connection, given, many=many)


def _is_to_bind(given: Any) -> bool:
    values = given.values() if isinstance(given, Mapping) else given
    return any(type(value) in (ToSeal, ToIndex) for value in values)


def _bound(use: SealedUse, given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: use.bound(value) for name, value in given.items()}
    return tuple([use.bound(value) for value in given])


class _ByIndexOnly(TypeDecorator.Comparator[str]):
    """A sealed column is compared with nothing: equal values are sealed differently each time."""

    def operate(self, op: OperatorType, *other: Any, **named: Any) -> ColumnElement[Any]:
        if op in (is_, is_not) or (op in (eq, ne) and other == (None,)):
            return super().operate(op, *other, **named)
        raise InputError("a sealed column cannot be compared or sorted; look it up by its index")

    def reverse_operate(self, op: OperatorType, other: Any, **named: Any) -> ColumnElement[Any]:
        return self.operate(op, other, **named)


class SealedText(TypeDecorator[str]):
    """Type of a TEXT column whose values are sealed.

    Reading gives the text where the connection has a `SealedUse`, else `CLOSED`. Writing takes a
    text, which is sealed for the person of the use, or `ForPerson`.

    Args:
        column: ``table.column``, as the data map names it.
    """

    impl = Text
    cache_ok = True

    comparator_factory = _ByIndexOnly

    def __init__(self, column: str = "") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Bind what is to be sealed; a text that is sealed already is refused."""
        if value is None:
            return None
        if not isinstance(value, str | ForPerson):
            raise InputError(f"{self.column} takes a text, or a text ForPerson")
        return ToSeal(self.column, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the text that the connection opened; what came as it is stored stays closed."""
        return CLOSED if isinstance(value, str) and is_sealed(value) else value


class BlindIndexText(TypeDecorator[str]):
    """Type of a TEXT column that holds the blind index of a sealed column.

    Writing takes the text itself; look up with ``index_column.in_(use.look_up(column, text))``.

    Args:
        column: ``table.column`` of the sealed column, not of this one.
    """

    impl = Text
    cache_ok = True

    def __init__(self, column: str = "") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Bind what is to be indexed."""
        return None if value is None else ToIndex(self.column, value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Compare with what `SealedUse.look_up` gives, and refuse a text that it was not made from.

        Raises:
            InputError: the text is no index; it would be found nowhere.
        """
        for one in [value] if isinstance(value, str) else value or ():
            generation_of(one)
        return String()
