"""Tables of what stands still for a person: sources that surge, and what is held or rehearsed."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from consumer.ledger.columns import Instant, SealedText, metadata

tallies = Table(
    "tallies",
    metadata,
    Column("source", String(60), primary_key=True),
    Column("what", String(60), primary_key=True),
    Column("mapping", String(120), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
)
"""How often, in one window, one source was heard, refused for a reason, or said the same again."""

surges = Table(
    "surges",
    metadata,
    Column("source", String(60), primary_key=True),
    Column("reason", String(60), primary_key=True),
    Column("stage", String(20), nullable=False),
    Column("field", Text, nullable=False),
    Column("mapping", String(120), nullable=False),
    Column("since", Instant, nullable=False),
)
"""Sources that are held until a person lets them go, and the refusals they are held for."""

switches = Table(
    "switches",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("name", String(1000), primary_key=True),
    Column("mode", String(10), nullable=False),
    Column("since", Instant, nullable=False),
    Column("who", String(120), nullable=False),
    Column("why", SealedText, nullable=False),
)
"""Activities and sources whose credits wait for a person, or are rehearsed; `why` is sealed.

What has no row here is sent by itself.
"""
