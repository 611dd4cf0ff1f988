"""Tables of what people and other systems are told: notices, outcomes, and who has which."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from consumer.ledger.columns import Instant, Number, metadata

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("role", String(20), nullable=False),
    Column("way", String(10), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("occasion", String(300), nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("cause", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Index(None, "role", "way", "kind", "occasion", unique=True),
    Index(None, "state", "due_at"),
)
"""What is to be told, each occasion once to each role and way; nothing personal in it.

`message_id` follows from those four, so that a notice sent twice can be recognised.
"""

notice_matters = Table(
    "notice_matters",
    metadata,
    Column("role", String(20), primary_key=True),
    Column("way", String(10), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("subject", String(300), primary_key=True),
    Column("told_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""What the last digest of a role told of: the next one says what is new, and what is mended."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("credit_row", Number, nullable=False),
    Column("credit_id", String(300), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(60), nullable=False),
    Column("board", String(20), nullable=False),
    Column("credit_type", String(120), nullable=False),
    Column("activity", String(1000), nullable=False),
    Column("pars_activity_id", String(9), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "at"),
    Index(None, "credit_row"),
)
"""Every outcome that was published, for webhooks and daily files; kept for a bounded time."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("address", String(64), nullable=False),
    Column("told_until", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False, default=0),
    Column("lease_until", Instant),
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
    Column("failing_since", Instant),
    Column("gone_at", Instant),
    Column("cause", Text, nullable=False, default=""),
    Column("given_up", Integer, nullable=False, default=0),
)
"""How far each webhook has been told, by the number of the outcome; `address` is a keyed hash."""
