"""Alembic's entry: run by `connector migrate` (connector/migrations/run.py) with a live connection in the config."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from connector.db import Moment
from connector.migrations.schema import METADATA


def _render(kind: str, value: Any, _context: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(value, Moment):
        return "sa.DateTime(timezone=True)"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_item=_render,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
