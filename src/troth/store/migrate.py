"""Bring a database to the present schema with Alembic; run by the owner, never by the app."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from troth.core.errors import UnsafeStore
from troth.store import guard
from troth.store.db import kind_of, owner_engine

VERSION_TABLE = "troth_alembic_version"


def migrate(owner_url: str, *, app_role: str = "") -> None:
    """Create or upgrade our tables.

    Args:
        owner_url: URL of the owner of the schema; for SQLite a missing file is created.
        app_role: on PostgreSQL, the role that the application logs in with.

    Raises:
        UnsafeStore: on PostgreSQL without a role of its own for the application.
    """
    kind = kind_of(owner_url)
    if kind == "postgresql" and not app_role:
        raise UnsafeStore("on PostgreSQL the application needs a role that owns nothing")
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
    finally:
        engine.dispose()


def _set_up_file(engine: Engine) -> None:
    with engine.connect() as connection:
        # WAL is a property of the file; it is set once, here, outside any transaction.
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
