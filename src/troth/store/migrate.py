"""Bring a database to the present schema with Alembic; run by the owner, never by the app."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DatabaseError

from troth.core.errors import StoreUnavailable, UnsafeStore
from troth.store import guard
from troth.store.db import kind_of, owner_engine

VERSION_TABLE = "troth_alembic_version"


def migrate(owner_url: str, *, app_role: str = "") -> None:
    """Create or upgrade our tables.

    Args:
        owner_url: URL of the owner of the schema; for SQLite a missing file is created.
        app_role: on PostgreSQL, the role that the application logs in with.

    Raises:
        UnsafeStore: on PostgreSQL without a role of its own for the application, or with one that
            owns our tables or may act as their owner.
        StoreUnavailable: the file of SQLite cannot be opened, or is none.
    """
    kind = kind_of(owner_url)
    if kind == "postgresql" and app_role in ("", make_url(owner_url).username):
        raise UnsafeStore(
            "on PostgreSQL the application needs a role that owns nothing; "
            "set TROTH_OWNER_URL to another role's address"
        )
    engine = owner_engine(owner_url)
    try:
        if kind == "sqlite":
            _set_up_file(engine)
        with engine.begin() as connection:
            config = Config()
            scripts = Path(str(resources.files("troth.store") / "migrations"))
            config.set_main_option("script_location", str(scripts))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if kind == "postgresql":
                role = connection.dialect.identifier_preparer.quote_identifier(app_role)
                for statement in guard.grants(role):
                    connection.execute(text(statement))
                _refuse_an_owner(connection, app_role)
    finally:
        engine.dispose()


def _refuse_an_owner(connection: Connection, app_role: str) -> None:
    """Refuse an application whose role could undo what its tables promise."""
    owned = connection.execute(
        text(
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'troth\\_%' "
            "AND pg_has_role(:role, relowner, 'MEMBER')"
        ),
        {"role": app_role},
    ).scalar_one()
    if owned:
        raise UnsafeStore(
            f"the application's role owns {owned} of our tables and indexes, or may act as their "
            "owner; give it a role of its own"
        )


def _set_up_file(engine: Engine) -> None:
    with engine.connect() as connection:
        # WAL is a property of the file; it is set once, here, outside any transaction.
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        except DatabaseError as error:
            raise StoreUnavailable("the database cannot be opened; is its file one?") from error
