"""Tables of events by the ids that their LMS gave them (see namebook)."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from consumer.ledger.columns import Instant, Number, metadata

named_events = Table(
    "named_events",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("completion_id", Number, ForeignKey("completions.id"), primary_key=True),
    Column("completed_at", Instant, nullable=False),
    Index(None, "completion_id"),
    sqlite_with_rowid=False,
)
"""Keyed hash of the id that an LMS gave an event, and what the event said: which completion, when.

Kept where some event of that LMS may take another one back by its id.
"""

retracted_events = Table(
    "retracted_events",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("site", String(255), primary_key=True),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""Ids that were taken back, by the same hash; `site` is blank where the id is the world's own.

An event that arrives after it was taken back gives no credit.
"""
