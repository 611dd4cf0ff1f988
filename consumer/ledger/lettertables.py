"""The tables of dead letters, and of what people corrected in them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from consumer.ledger.columns import Instant, Number, Sealed, SealedText, metadata

_UNREAD = text("content IS NOT NULL")

letters = Table(
    "letters",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("source", String(60), nullable=False),
    Column("mapping", String(120), nullable=False),
    Column("mapping_version", Integer, nullable=False),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("completion_id", Number, ForeignKey("completions.id")),
    Column("credit_row", Number, ForeignKey("credits.id")),
    Column("activity", String(1000), nullable=False, default=""),
    Column("original", Sealed, nullable=False),
    Column("first_failed_at", Instant, nullable=False),
    Column("last_failed_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, default=1),
    Column("replays", Integer, nullable=False, default=0),
    Column("content", String(64)),
    Column("closing", Sealed),
    Column("purged_at", Instant),
    Index(None, "status", "stage"),
    Index(None, "completion_id"),
    Index(None, "credit_row"),
    Index(None, "content", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
)
"""Dead letters: what a person must act on, with the original bytes, key and headers sealed.

`content` is the keyed hash of the value of an event that nobody could read: sent once more by
whatever tool, it is known again. `closing`: who closed it for good, when and why; sealed.
`purged_at`: nobody's data is in it since then.
"""

letter_edits = Table(
    "letter_edits",
    metadata,
    Column("letter_id", String(40), ForeignKey("letters.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", String(120), nullable=False),
    Column("edit", Sealed, nullable=False),
    Column("why", SealedText, nullable=False),
)
"""Every version of what people corrected in an event, from 1; `edit` and `why` are sealed."""
