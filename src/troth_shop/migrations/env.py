"""Alembic's entry: migrations run on the connection that `troth_shop.migrate` passes in."""

from alembic import context

from troth_shop.migrate import VERSION_TABLE
from troth_shop.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
