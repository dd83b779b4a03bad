"""Bring the shop's tables to the present schema; run by the owner, never by the application.

The shop's tables live in the same database as troth's own, beside them, with a version table of
their own. The application's connections cannot change a schema, so this one uses its own.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url, text

from troth import UnsafeStore
from troth_shop.tables import metadata

VERSION_TABLE = "shop_alembic_version"


def migrate(owner_url: str, *, app_role: str = "") -> None:
    """Create or upgrade the shop's tables.

    Args:
        owner_url: URL of the owner of the schema, as for ``troth``.
        app_role: on PostgreSQL, the role that the application logs in with.

    Raises:
        UnsafeStore: on PostgreSQL without a role of its own for the application.
    """
    on_postgresql = make_url(owner_url).get_backend_name() == "postgresql"
    if on_postgresql and not app_role:
        raise UnsafeStore("on PostgreSQL the application needs a role that owns nothing")
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            config = Config()
            scripts = Path(str(resources.files("troth_shop") / "migrations"))
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if on_postgresql:
                role = connection.dialect.identifier_preparer.quote_identifier(app_role)
                for table in metadata.sorted_tables:
                    rights = "SELECT, INSERT, UPDATE, DELETE"
                    connection.execute(text(f"GRANT {rights} ON {table.name} TO {role}"))
    finally:
        engine.dispose()
