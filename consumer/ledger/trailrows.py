"""The audit trail's tables: what people did, one row after the other, and what was amended."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, false, text

from consumer.ledger.columns import Instant, Number, Sealed, SealedText, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("who", String(120), nullable=False),
    Column("what", String(60), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("why", SealedText, nullable=False),
    Column("change", Sealed),
    Column("digest", String(64), nullable=False, server_default=text("''")),
    Index(None, "subject"),
)
"""What people did, to what and why; `why` is sealed, it may name a person.

`change` is what it was before and after, sealed; `digest` signs the row after the one before it
(chain.py), blank in rows from before there was a chain. Triggers of migrations 0016 and 0022 let
nobody change or delete a row, but for an amendment: a migration that makes this table anew has to
make them anew too.
"""

amendments = Table(
    "amendments",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("what", String(60), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("link", String(64), nullable=False),
    Column("cells", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("done", Boolean, nullable=False, default=False, server_default=false()),
    Index(None, "row"),
)
"""Changes to rows of the audit, from 1, each signed after the one before (amending.py).

`row` is the audit's, `link` what the row after it was signed with, `cells` signs what the row holds
now. It lets its row be changed once; then it is `done`.
"""
