"""The ledger's tables. Two carry it: completions (heard) and credits (reported) (design 4)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
    true,
)

from consumer.ledger import noticetables as noticetables
from consumer.ledger.columns import FineInstant, Instant, Number, Sealed
from consumer.ledger.columns import metadata as metadata
from consumer.ledger.holdtables import surges as surges
from consumer.ledger.holdtables import switches as switches
from consumer.ledger.holdtables import tallies as tallies
from consumer.ledger.lettertables import letter_edits as letter_edits
from consumer.ledger.lettertables import letters as letters
from consumer.ledger.namedevents import named_events as named_events
from consumer.ledger.namedevents import retracted_events as retracted_events
from consumer.ledger.reconciletables import comparisons as comparisons
from consumer.ledger.reconciletables import lists as lists
from consumer.ledger.trailrows import amendments as amendments
from consumer.ledger.trailrows import audit as audit

WAITING_HERE = "completions.state IN ('held', 'refused')"
_WAITING = text(WAITING_HERE.replace("completions.", ""))
_UNFINISHED = text("unfinished = 1"), text("unfinished")
WITH_REASONS = "credits.reasons != '[]'"
_REASONED = text(WITH_REASONS.replace("credits.", ""))
_DECIDED = text("decided_at IS NOT NULL")
_RESTORED = text("restored_at IS NOT NULL")

facts = Table(
    "facts",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single facts about this ledger: the secret's fingerprint, the tables judged last."""

positions = Table(
    "positions",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)
"""The next message to hear per partition, written with what was heard before it."""

events = Table(
    "events",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("fate", String(20), nullable=False),
    Column("completion_id", Number, ForeignKey("completions.id")),
    Column("heard_at", Instant, nullable=False),
    Index(None, "completion_id"),
    Index(None, "heard_at", "fate"),
)
"""Every message heard, by coordinates and content: one seen again is a repeat."""

completions = Table(
    "completions",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("source", String(60), nullable=False),
    Column("mapping", String(120), nullable=False),
    Column("mapping_version", Integer, nullable=False),
    Column("site", String(255), nullable=False),
    Column("course", String(1000), nullable=False),
    Column("occurrence", String(255), nullable=False, default=""),
    Column("state", String(20), nullable=False),
    Column("reasons", Text, nullable=False, default="[]"),
    Column("unfinished", Boolean, nullable=False, default=False, server_default=false()),
    Column("report_by", Date),
    Column("closes_on", Date),
    Column("notes", Integer, nullable=False, default=0),
    Column("noted_at", Instant),
    Column("retracted_at", Instant),
    Column("edited", Boolean, nullable=False, default=False, server_default=false()),
    Column("said", Sealed, nullable=False),
    Column("original", Sealed, nullable=False),
    Column("trace", String(55)),
    Column("heard_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("purged_at", Instant),
    Index(None, "state", "id"),
    Index(None, "source", "id"),
    Index(None, "course"),
    Index(
        "ix_completions_waiting",
        *("state", "report_by", "reasons", "heard_at", "id"),
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index(
        "ix_completions_unfinished",
        "id",
        sqlite_where=_UNFINISHED[0],
        postgresql_where=_UNFINISHED[1],
    ),
)
"""What was heard of one LMS account and course; `said` and `original` are sealed.

`noted_at`: the latest of the later dates that were noted, not sent.
`trace`: the traceparent of its event, or of the span that it was heard in; nobody's data.
`edited`: a person corrected what the event says; how stands in `original`, beside the bytes.
`unfinished`: another board of the activity may still give credit; `report_by`, by the common rule
where its boards are not known, counts while there is no credit; so does `closes_on`, until when
what it waits for can still count. `purged_at`: nobody's data is in it since then (purging.py).
"""

steps = Table(
    "steps",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("completion_id", Number, ForeignKey("completions.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("mapping", String(120), nullable=False),
    Column("mapping_version", Integer, nullable=False),
    Column("said", Sealed, nullable=False),
    Column("original", Sealed, nullable=False),
    Column("heard_at", Instant, nullable=False),
    Column("name", String(64)),
    Index(None, "completion_id", "digest", unique=True),
    Index(None, "name"),
)
"""Evaluations and claims of the learner and course of a completion, each once for what it says.

They may be heard before the completion: its row then stands on the first of them. `digest` is the
keyed hash of kind, time and points, `name` that of the event's id where the LMS may take it back
by that; `said` and `original` are sealed.
"""

reports = Table(
    "reports",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("status", String(10), nullable=False),
    Column("form", String(10), nullable=False),
    Column("profile", String(60), nullable=False),
    Column("activity", String(1000), nullable=False),
    Column("rows", Integer, nullable=False, default=0),
    Column("files", Text, nullable=False, default="[]"),
    Column("who", String(120), nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Files to upload by hand. Their credits are marked before a byte of them is written."""

credits_ = Table(
    "credits",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("credit_id", String(300), unique=True),
    Column("series", String(64), index=True),
    Column("revision", Integer, nullable=False, default=1),
    Column("state", String(20), nullable=False),
    Column("profile", String(60), nullable=False),
    Column("board", String(20), nullable=False),
    Column("credit_type", String(120), nullable=False),
    Column("activity", String(1000), nullable=False),
    Column("pars_activity_id", String(9), nullable=False),
    Column("completed_on", Date, nullable=False),
    Column("points", String(20), nullable=False),
    Column("report_by", Date, nullable=False),
    Column("closes_on", Date),
    Column("record", Sealed, nullable=False),
    Column("sent", Sealed),
    Column("reasons", Text, nullable=False, default="[]"),
    Column("ask", Boolean, nullable=False, default=False),
    Column("resend", Boolean, nullable=False, default=False),
    Column("accepted_too", Boolean, nullable=False, default=False, server_default=false()),
    Column("absent_at", Instant),
    Column("tries", Integer, nullable=False, default=0),
    Column("first_try_at", Instant),
    Column("last_try_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False, default=0),
    Column("submitted_at", Instant),
    Column("decided_at", Instant),
    Column("report_id", Number),
    Column("report_action", String(6)),
    Column("four_fields", String(64)),
    Column("restored_at", Instant),
    Column("overtaken_at", Instant),
    Column("released_at", Instant),
    Column("behind", Boolean, nullable=False, default=False, server_default=false()),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("purged_at", Instant),
    Index(None, "state", "profile", "due_at", "id"),
    Index(None, "state", "profile", "behind", "report_by", "id"),
    Index(None, "report_id"),
    Index(None, "four_fields"),
    Index(None, "activity"),
    Index("ix_credits_reasoned", "state", "id", sqlite_where=_REASONED, postgresql_where=_REASONED),
    Index(None, "decided_at", "state", sqlite_where=_DECIDED, postgresql_where=_DECIDED),
    Index(None, "restored_at", sqlite_where=_RESTORED, postgresql_where=_RESTORED),
)
"""One row per credit key. `record` is what to send, `sent` what PARS was sent last; sealed.

`report_id` and `report_action` name the file that reported it last. `four_fields` is the keyed
hash of what a file without CreditIDs was read by: while it is there PARS is asked by them.
`accepted_too`: a person said that it is to be withdrawn even if the board has accepted it.
`series` is the key without its occurrence: a learner's sessions or claims of one activity.
`restored_at`: the ledger was put back from a backup then, and PARS was not asked since what it has.
`overtaken_at`: its lease ran out in a hand that never came back, and may post it still.
`released_at`: a coordinator let it go, as it then was, though its activity or source is held.
`behind`: it was backfilled, and goes once nothing is left to be sent of what is not.
`purged_at`: nobody's data is in it since then; it holds off that the same is credited again.
"""

completion_credits = Table(
    "completion_credits",
    metadata,
    Column("completion_id", Number, ForeignKey("completions.id"), primary_key=True),
    Column("credit_id", Number, ForeignKey("credits.id"), primary_key=True),
    Column("stands", Boolean, nullable=False, default=True, server_default=true()),
    Index(None, "credit_id"),
)
"""Which completions stand behind a credit: two LMSs may report the same one.

One that no longer `stands` is kept: what takes the credit's place waits until PARS let go of it.
"""

search_keys = Table(
    "search_keys",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("completion_id", Number, ForeignKey("completions.id"), primary_key=True),
    Index(None, "completion_id"),
)
"""Who each completion is of: the keyed hash of a person in `people`.

Completions of a ledger that an earlier version began have the hashes of their terms here instead.
"""

people = Table(
    "people",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(64), primary_key=True),
    sqlite_with_rowid=False,
)
"""Keyed hashes of what people search by: nothing here can be read without the secret."""

_SPOKEN = text("word IS NOT NULL")
attempts = Table(
    "attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("credit_row", Number, ForeignKey("credits.id"), nullable=False),
    Column("credit_id", String(300), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("action", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Integer),
    Column("outcome", String(40), nullable=False),
    Column("answer", Sealed),
    Column("word", String(64)),
    Index(None, "credit_row", "id"),
    Index(None, "credit_id"),
    Index(None, "word", sqlite_where=_SPOKEN, postgresql_where=_SPOKEN),
)
"""Every request to PARS and what came of it.

`answer` is what PARS said, sealed, where a person may want to read it; `word` the keyed hash of a
status that nobody knows.
"""

inquiries = Table(
    "inquiries",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("answer", String(20), nullable=False),
    Column("found", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
)
"""What PARS was asked beforehand, and said: of an activity, by profile and number; of a learner,
by a keyed hash; of an activity's registration, that it was posted and nobody knows the end."""

lines = Table(
    "lines",
    metadata,
    Column("profile", Text, primary_key=True),
    Column("permits", Float, nullable=False),
    Column("filled_at", FineInstant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("open_until", FineInstant),
    Column("probe_until", FineInstant),
    Column("stopped", Boolean, nullable=False),
    Column("last_success_at", FineInstant),
)
"""Pace and breaker of each provider profile: one for all processes that send for it."""


outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("topic", String(249), nullable=False),
    Column("message", Sealed, nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Messages to publish, oldest first; a row goes when the bus has it. Sealed."""
