"""The tables of the nightly comparison: how each list stands, and what each comparison found."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text

from consumer.ledger.columns import Instant, Number, metadata

lists = Table(
    "lists",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("night", Date),
    Column("fence", Integer, nullable=False, default=0),
    Column("lease_until", Instant),
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Instant),
    Column("failing_since", Instant),
    Column("cause", Text, nullable=False, default=""),
)
"""Each list's turn: `night` is the last that was compared; claimed under a lease."""

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("who", String(120), nullable=False),
    Column("standing", String(12), nullable=False),
    Column("compared", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    Column("taken_back", Integer, nullable=False),
    Column("not_listed", Integer, nullable=False),
    Column("counts", Text, nullable=False),
    Column("courses", Text, nullable=False),
    Index(None, "name", "id"),
)
"""What comparisons found, as figures: nobody's data. `courses` has them by course, as JSON."""
