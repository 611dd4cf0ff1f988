"""The audit trail's table: what people did, one row after the other."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text, text

from consumer.ledger.columns import Instant, Number, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("who", String(120), nullable=False),
    Column("what", String(60), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("why", Text, nullable=False),
    Column("change", LargeBinary),
    Column("digest", String(64), nullable=False, server_default=text("''")),
    Index(None, "subject"),
)
"""What people did, to what and why; `why` is sealed, it may name a person.

`change` is what it was before and after, sealed; `digest` signs the row after the one before it
(chain.py), blank in rows from before there was a chain. Triggers of migration 0016 let nobody
change or delete a row: a migration that makes this table anew has to make them anew too.
"""
