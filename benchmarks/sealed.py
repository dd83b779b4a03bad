"""Sealing against the bare cipher, and a row with three sealed columns against an open one.

What must hold is that nothing opens which should not, and that a copy of the database shows
nothing; the times are said, and are part of the bar of the shop's pages.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.bars import Bar
from benchmarks.deployments import postgresql
from benchmarks.timing import Contender, measure, ratio
from troth.adapters.clock import SystemClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.errors import SealError
from troth.core.sealed_file import open_file, seal_file
from troth.core.sealing import PersonKey, SealedPlace, open_sealed, seal
from troth.store.sealed_type import SealedUse, detach, marked_column, new_mark

COLUMNS = ("name", "phone", "address")
PLACES = {f"customer.{c}": SealedPlace("shop", "customer", c) for c in COLUMNS}
PHONE = PLACES["customer.phone"]


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    people, rounds = (1_000, 30) if quick else (10_000, 200)
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as made:
        folder = Path(made)
        keys = FilePersonKeys(folder / "keys", SystemClock())
        names = [os.urandom(16).hex() for _ in range(people)]
        _say_rate("new keys, each durable", people, lambda: [keys.make_key(n) for n in names])
        _values(keys.key_of(names[0]), names[0], rounds)
        _keys(keys, names, rounds)
        _files(keys.key_of(names[0]), names[0], rounds=max(rounds // 10, 5))
        engine = create_engine(f"sqlite:///{folder / 'shop.db'}")
        with _filled(engine, keys, names) as mark:
            found = _canaries(folder / "shop.db", min(people, 1_000))
            wrong = _moved(engine, keys, mark)
            _rows("SQLite", engine, keys, mark, rounds=rounds)
        with postgresql() as server:
            if server is not None:
                with server.fresh_database() as base:
                    engine = create_engine(base.owner_url)
                    with _filled(engine, keys, names[:1_000]) as mark:
                        wrong += _moved(engine, keys, mark)
                        _rows("PostgreSQL", engine, keys, mark, rounds=rounds)
        gone = names[:50]
        _say_rate("keys destroyed, each durable", 50, lambda: [keys.destroy_key(n) for n in gone])
        _say_rate("keys wrapped anew by a rotation", people - 50, keys.rotate_epoch)
        keys.close()
    return [
        Bar("sealed values found in a copy of the file", found, 0, digits=0),
        Bar("moved values that opened", wrong, 0, digits=0),
    ]


def _say_rate(what: str, count: int, work: Callable[[], object]) -> None:
    started = perf_counter()
    work()
    print(f"  {what}: {count / (perf_counter() - started):,.0f}/s")


def _values(key: PersonKey, person: str, rounds: int) -> None:
    """Compare sealing and opening one value with the cipher alone, its key ready for use."""
    bare, bound, plain = AESGCM(key.material), PHONE.bound_to(person), b"13800001234"
    nonce = os.urandom(12)
    locked = bare.encrypt(nonce, plain, bound)
    sealed = seal(key, PHONE, person, plain.decode(), nonce=nonce)

    def times(work: Callable[[], object], count: int = 500) -> Callable[[object], int]:
        def run(_: object) -> int:
            for _ in range(count):
                work()
            return count

        return run

    series = measure(
        [
            Contender("encrypt", times(lambda: bare.encrypt(os.urandom(12), plain, bound))),
            Contender(
                "seal",
                times(lambda: seal(key, PHONE, person, "13800001234", nonce=os.urandom(12))),
            ),
            Contender("decrypt", times(lambda: bare.decrypt(nonce, locked, bound))),
            Contender("open", times(lambda: open_sealed(key, PHONE, person, sealed))),
        ],
        rounds=rounds,
    )
    encrypt, sealing, decrypt, opening = series
    print(f"  seal: {sealing.rate:,.0f}/s, {ratio(sealing, encrypt)}x the bare cipher")
    print(f"  open: {opening.rate:,.0f}/s, {ratio(opening, decrypt)}x the bare cipher")


def _keys(keys: FilePersonKeys, names: Sequence[str], rounds: int) -> None:
    """Say what a person's key costs: its row is read each time, its unwrapping is remembered."""
    some = names[:500]

    def known(_: object) -> int:
        for name in some:
            keys.key_of(name)
        return len(some)

    def forgotten(_: object) -> int:
        keys._unwrapped.clear()  # as after a start
        return known(None)

    warm, cold = measure([Contender("warm", known), Contender("cold", forgotten)], rounds=rounds)
    print(
        f"  a person's key: {warm.seconds * 1e6:.1f} µs, unwrapped first {cold.seconds * 1e6:.1f}"
    )


def _files(key: PersonKey, person: str, *, rounds: int) -> None:
    size = 8 << 20
    content = os.urandom(size)
    pieces = [content[i : i + 65_536] for i in range(0, size, 65_536)]
    place = SealedPlace("shop", "voucher", "picture")
    stored = list(seal_file(key, place, person, "f", pieces, nonce_prefix=os.urandom(7)))
    nonce = os.urandom(12)

    def cipher(_: object) -> int:
        for piece in pieces:
            key.cipher.encrypt(nonce, piece, None)
        return size

    def sealing(_: object) -> int:
        for _ in seal_file(key, place, person, "f", pieces, nonce_prefix=os.urandom(7)):
            pass
        return size

    def opening(_: object) -> int:
        for _ in open_file(key, place, person, "f", stored):
            pass
        return size

    made = [Contender("bare", cipher), Contender("seal", sealing), Contender("open", opening)]
    bare, sealed, opened = measure(made, rounds=rounds, turns=3)
    print(
        f"  a file: sealed at {sealed.rate / 1e6:,.0f} MB/s ({ratio(sealed, bare)}x the bare "
        f"cipher), opened at {opened.rate / 1e6:,.0f} MB/s"
    )


def _values_of(number: int, *, is_open: bool) -> dict[str, str]:
    """Return what stands in a row; in the open other values of the same size."""
    sign, code = ("明", "139") if is_open else ("隐", "138")
    return {
        "name": f"{sign}名{number}",
        "phone": f"{code}{number:08}",
        "address": f"上海市{sign}语路{number}号三层",
    }


@contextmanager
def _filled(engine: Engine, keys: FilePersonKeys, names: Sequence[str]) -> Iterator[str]:
    """Fill two tables, one of them sealed, each behind a view; give the mark of the sealed one."""
    mark = new_mark()
    use = SealedUse(keys, PLACES)
    marked = {c: marked_column(mark, f"customer.{c}", "person", c) for c in COLUMNS}
    with engine.begin() as connection:
        for kind in ("plain", "sealed"):
            columns = ", ".join(f"{c} text" for c in COLUMNS)
            create = f"CREATE TABLE {kind}_rows (id integer PRIMARY KEY, person text, {columns})"
            connection.exec_driver_sql(create)
            rows = []
            for number, person in enumerate(names):
                row = _values_of(number, is_open=kind == "plain")
                if kind == "sealed":
                    row = {
                        c: use.sealed(f"customer.{c}", v, person=person) or ""
                        for c, v in row.items()
                    }
                rows.append({"id": number, "person": person, **row})
            insert = f"INSERT INTO {kind}_rows VALUES (:id, :person, :name, :phone, :address)"
            connection.execute(text(insert), rows)
            shown = marked if kind == "sealed" else {c: c for c in COLUMNS}
            listed = ", ".join(f"{sql} AS {c}" for c, sql in shown.items())
            connection.exec_driver_sql(
                f"CREATE VIEW {kind} AS SELECT id, person, {listed} FROM {kind}_rows"
            )
    try:
        yield mark
    finally:
        engine.dispose()


def _rows(kind: str, engine: Engine, keys: FilePersonKeys, mark: str, *, rounds: int) -> None:
    """Compare a point read of three columns: in the open, as they are stored, and opened."""
    use = SealedUse(keys, PLACES, mark=mark)
    statements = {
        name: text(f"SELECT name, phone, address FROM {name} WHERE id = :id")
        for name in ("plain", "sealed")
    }
    with engine.connect() as plain, engine.connect() as closed, engine.connect() as opened:
        use.attach(opened)

        def reads(connection: Connection, name: str) -> Callable[[int], int]:
            def run(turn: int) -> int:
                for number in range(100):
                    values = {"id": (turn * 37 + number) % 1_000}
                    connection.execute(statements[name], values).one()
                return 100

            return run

        series = measure(
            [
                Contender("in the open", reads(plain, "plain")),
                Contender("not opened", reads(closed, "sealed")),
                Contender("opened", reads(opened, "sealed")),
            ],
            rounds=rounds,
        )
        detach(opened)
    bare, stored, read = series
    print(
        f"  {kind}, a row by id with three sealed columns: {read.seconds * 1e6:.1f} µs, "
        f"{ratio(read, bare)}x the row in the open ({bare.seconds * 1e6:.1f} µs); "
        f"as stored {ratio(stored, bare).typical:.2f}x"
    )


def _moved(engine: Engine, keys: FilePersonKeys, mark: str) -> int:
    """Hand every value to the next person, then to the next column; return how many open."""
    use = SealedUse(keys, PLACES, mark=mark)
    wrong = tried = 0
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT person, name, phone, address FROM sealed_rows ORDER BY id LIMIT 500")
        ).all()
    for row, other in pairwise(rows):
        for number, column in enumerate(COLUMNS, start=1):
            moved = [
                f"{mark}customer.{column}:{row[0]}:{other[number]}",
                f"{mark}customer.{column}:{row[0]}:{row[number % 3 + 1]}",
                f"{mark}customer.{column}:{row[0]}:{row[number][:-8]}",
            ]
            for value in moved:
                tried += 1
                try:
                    use.opened(value)
                except SealError:
                    continue
                wrong += 1
    print(f"  {tried:,} values moved to other people or columns, or cut: {wrong} opened")
    return wrong


def _canaries(file: Path, people: int) -> int:
    """Return how many values that were sealed stand in the bytes of a file."""
    content = file.read_bytes()
    if _values_of(people - 1, is_open=True)["phone"].encode() not in content:
        raise AssertionError("the search does not find what is there")
    sealed = (v for n in range(people) for v in _values_of(n, is_open=False).values())
    found = sum(value.encode() in content for value in sealed)
    print(f"  {3 * people:,} sealed values looked for in {len(content):,} bytes: {found} found")
    return found
