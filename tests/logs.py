"""What the tests of the provable log share: a key, and a small system that records events."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    text,
)

from troth.adapters.log_files import CheckpointFile, LogFolder
from troth.core.ledger import CONSENT_EVENT, EventContent, LedgerReport, consent_event_bytes
from troth.core.signed_note import VerifierKey
from troth.flows.ledger import Sequenced, sequence
from troth.flows.ledger_verify import verify
from troth.store.ledger import LEDGER_TABLES, append_only_ddl
from troth.store.outbox_feed import OutboxFeed, outbox_cursor
from troth.store.schema import metadata

ORIGIN = "shop.example/consent-log"

tables = MetaData()
event_table = Table(
    "test_event",
    tables,
    Column("event_id", Text, primary_key=True),
    Column("recorded_at", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("event_state", Text, nullable=False),
)
outbox_table = Table(
    "test_outbox",
    tables,
    Column(
        "seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("tx", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)


class PlainDatabase:
    """The two transactions that the flows need, with the durability that the house demands.

    Without the guards of the product's own connections, so that what these tests see refused is
    refused by the log itself.
    """

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", self._prepare_sqlite)
            event.listen(self.engine, "begin", self._begin_sqlite)

    @staticmethod
    def _prepare_sqlite(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    @staticmethod
    def _begin_sqlite(conn: Connection) -> None:
        reads = conn.get_execution_options().get("reads", False)
        conn.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.engine.begin() as conn:
            yield conn

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as conn, conn.execution_options(reads=True).begin():
            yield conn


class Ed25519Signer:
    """A signer whose key follows from a number, so that a failing test can be run again."""

    def __init__(self, key_name: str, *, seed: int = 1) -> None:
        self._key_name = key_name
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def key_name(self) -> str:
        return self._key_name

    @property
    def vkey(self) -> str:
        return VerifierKey(self._key_name, self._private.public_key().public_bytes_raw()).vkey

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def event_fields(row: Mapping[str, object]) -> dict[str, str | int | None]:
    """The provable fields of a test event; its row is made of the same."""
    return {
        "event_id": str(row["event_id"]),
        "event_state": str(row["event_state"]),
        "purpose_id": str(row["purpose_id"]),
        "recorded_at": int(str(row["recorded_at"])),
        "event_time": int(str(row["recorded_at"])),
        "event_type": "expressed_consent",
        "valid_until": None,
        "entity_id": "person-1",
        "entity_role": "pii_principal",
        "indication_method": "button",
        "pii_principal_id": "person-1",
        "record_id": "record-1",
    }


def read_contents(conn: Connection, event_ids: Sequence[str]) -> dict[str, EventContent]:
    rows = conn.execute(select(event_table).where(event_table.c.event_id.in_(event_ids))).mappings()
    return {
        row["event_id"]: EventContent(
            CONSENT_EVENT, bytes(row["salt"]), consent_event_bytes(event_fields(row))
        )
        for row in rows
    }


class EventLog:
    """A database of events with its provable log, its published folder and outside checkpoints."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.owner = create_engine(url)
        metadata.create_all(self.owner, tables=[*LEDGER_TABLES, outbox_cursor])
        tables.create_all(self.owner)
        with self.owner.begin() as conn:
            for statement in append_only_ddl(conn.dialect.name):
                conn.execute(text(statement))
        self.owner.dispose()
        self.database = PlainDatabase(url)
        self.signer = Ed25519Signer(ORIGIN)
        self.outside = CheckpointFile(folder / "elsewhere" / "checkpoints.log")
        self.published = LogFolder(folder / "published")
        self.feed = OutboxFeed(
            outbox=outbox_table, events=[event_table], contents=read_contents, topics=["ledger"]
        )
        self.recorded = 0

    @property
    def dialect(self) -> str:
        return self.database.engine.dialect.name

    def rows(self, count: int) -> list[dict[str, object]]:
        made = []
        for number in range(self.recorded, self.recorded + count):
            digest = sha256(b"%d" % number).digest()
            made.append(
                {
                    "event_id": f"event-{number:06d}",
                    "recorded_at": 1_700_000_000_000_000 + number,
                    "salt": digest[:16],
                    "purpose_id": "scan_product",
                    "event_state": "consent_given",
                }
            )
        self.recorded += count
        return made

    def record(self, count: int) -> list[str]:
        """Commit events; return their ids."""
        made = self.rows(count)
        if made:
            with self.database.transaction() as conn:
                self.insert(conn, made)
        return [str(row["event_id"]) for row in made]

    def insert(self, conn: Connection, made: Sequence[Mapping[str, object]]) -> None:
        tx = 0
        if self.dialect == "postgresql":
            tx = int(conn.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())
        conn.execute(insert(event_table), list(made))
        conn.execute(
            insert(outbox_table),
            [
                {
                    "tx": tx,
                    "event_id": row["event_id"],
                    "topic": "ledger",
                    "recorded_at": row["recorded_at"],
                }
                for row in made
            ],
        )

    def sequence(self, **changes: object) -> Sequenced:
        arguments: dict[str, object] = {
            "outside": self.outside,
            "published": self.published,
            "now": 1_800_000_000_000_000,
        }
        return sequence(self.database, self.feed, self.signer, **(arguments | changes))  # type: ignore[arg-type]

    def grow(self, *batches: int) -> None:
        """Record and log batches of events, one checkpoint each."""
        for count in batches:
            self.record(count)
            assert self.sequence().appended == count

    def verify(
        self, *, outside: Sequence[str] | None = None, trusted: Sequence[str] | None = None
    ) -> LedgerReport:
        """Check the log; against every outside checkpoint unless told otherwise."""
        with self.database.reading() as conn:
            return verify(
                conn,
                self.feed,
                trusted=[self.signer.vkey] if trusted is None else trusted,
                outside=self.outside.notes() if outside is None else outside,
            )

    def tamper(self, *statements: str, **parameters: object) -> None:
        """Do what an owner of the database could: drop the triggers, and then anything."""
        with closing(self.owner.connect()) as conn, conn.begin():
            for table in LEDGER_TABLES:
                names = ("no_update", "no_delete", "no_replace", "no_gap")
                if self.dialect == "sqlite":
                    for name in names:
                        conn.execute(text(f"DROP TRIGGER IF EXISTS {table.name}_{name}"))
                else:
                    conn.execute(
                        text(f"DROP TRIGGER IF EXISTS {table.name}_append_only ON {table.name}")
                    )
            for statement in statements:
                conn.execute(text(statement), parameters)
        self.owner.dispose()

    def close(self) -> None:
        self.database.engine.dispose()
        self.owner.dispose()
