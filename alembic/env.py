"""Runs the migrations on the connection that `trunkline.runtime.storage.migration` hands over."""

from alembic import context

from trunkline.runtime.storage import queue_tables, state_tables, tables

MODELS = (tables, state_tables, queue_tables)  # importing them is what makes their tables known

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
