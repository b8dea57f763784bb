"""Runs the migrations on the connection that `trunkline.runtime.storage.migration` hands over."""

from alembic import context

from trunkline.runtime.storage import memory_tables, queue_tables, state_tables, tables

MODELS = (tables, state_tables, memory_tables, queue_tables)  # importing them is what makes their tables known

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    literal_binds=context.is_offline_mode(),
    **context.config.attributes["version_table"],
)
with context.begin_transaction():
    for statement in context.config.attributes["first"]:
        context.execute(statement)
    context.run_migrations()
