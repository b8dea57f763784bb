"""Runs the migrations on the connection that `trunkline.runtime.storage.migration` hands over."""

from alembic import context

from trunkline.runtime.storage import memory_tables, state_tables  # noqa: F401 - they put their tables into the metadata
from trunkline.runtime.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
