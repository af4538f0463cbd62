"""Runs revisions on the connection that platform/schema.py hands over."""

from alembic import context

from app.models import metadata

connection = context.config.attributes["connection"]
context.config.attributes["metadata"] = metadata


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    # Month partitions are made by a function of the database, procrastinate and the legacy schema bring their own.
    return not (kind == "table" and name is not None and name.startswith(("audit_event_", "procrastinate_")))


context.configure(
    connection=connection,
    target_metadata=metadata,
    include_name=include_name,
    compare_server_default=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
