"""Bring the shop's tables to the present schema; run by the owner, never by the application.

The shop's tables live in the same database as troth's own, beside them, with a version table of
their own. The application's connections cannot change a schema, so this one uses its own.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from troth import UnsafeStore
from troth_shop.tables import metadata

VERSION_TABLE = "shop_alembic_version"


def migrate(owner_url: str, *, app_role: str = "", lift: Callable[[], None] = lambda: None) -> None:
    """Create or upgrade the shop's tables; does nothing where they are as they must be.

    Args:
        owner_url: URL of the owner of the schema, as for ``troth``.
        app_role: on PostgreSQL, the role that the application logs in with.
        lift: takes the lenses off the tables; called before anything is changed, and only then.

    Raises:
        UnsafeStore: on PostgreSQL without a role of its own for the application.
    """
    on_postgresql = make_url(owner_url).get_backend_name() == "postgresql"
    if on_postgresql and not app_role:
        raise UnsafeStore("on PostgreSQL the application needs a role that owns nothing")
    config = Config()
    scripts = Path(str(resources.files("troth_shop") / "migrations"))
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            if set(found.get_current_heads()) == set(
                ScriptDirectory.from_config(config).get_heads()
            ):
                return
        lift()
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if on_postgresql:
                role = connection.dialect.identifier_preparer.quote_identifier(app_role)
                for table in metadata.sorted_tables:
                    rights = "SELECT, INSERT, UPDATE, DELETE"
                    connection.execute(text(f"GRANT {rights} ON {table.name} TO {role}"))
    finally:
        engine.dispose()
