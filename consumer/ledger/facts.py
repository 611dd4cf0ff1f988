"""Single facts about a ledger, each under its name."""

from __future__ import annotations

from sqlalchemy import Connection, select

from consumer.ledger.database import upsert
from consumer.ledger.schema import facts


def get_fact(connection: Connection, name: str) -> str | None:
    """A single fact, None when it was never set."""
    return connection.scalar(select(facts.c.value).where(facts.c.name == name))


def set_fact(connection: Connection, name: str, value: str) -> None:
    """Set or replace a single fact."""
    statement = upsert(connection, facts).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )
