"""Every line that the log can hold: its name, its level, the keys it may carry, what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer.credit import State

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One row of the table."""

    name: str
    level: Level
    keys: tuple[str, ...]
    says: str


def _row(level: Level, name: str, keys: str, says: str) -> LogEvent:
    return LogEvent(name, level, tuple(keys.split()), says)


_PLACE = "topic partition offset mapping"
_WHY = "stage reason"
_STATES = {
    State.READY: "A credit is to be sent, perhaps once more under its next number.",
    State.SUBMITTING: "A credit may have reached PARS; it is asked about before it is sent again.",
    State.SUBMITTED: "PARS has a credit.",
    State.REPORTED: "A credit was reported by file.",
    State.ACCEPTED: "The board has accepted a credit.",
    State.REJECTED: "The board has rejected a credit; `reason` is its cause.",
    State.ATTENTION: "A credit needs a person; `reason` is its cause.",
    State.WITHDRAWING: "A credit is to be taken back.",
    State.WITHDRAWN: "PARS has a credit no more.",
}

COMMON = ("event", "level", "timestamp", "pump", "again")
"""Keys that any line may carry; `again`: so often was the same said within the last minutes."""

TABLE = (
    # ------------------------------------------------------------ records
    _row(
        "debug", "event.heard", f"{_PLACE} state credit_id", "What became of one event that is new."
    ),
    _row("warning", "letter.written", f"{_PLACE} {_WHY}", "An event became a dead letter."),
    _row(
        "info",
        "completions.judged_again",
        "held ready not_reportable refused duplicate review retracted",
        "So many of those that waited came to this, by today's tables.",
    ),
    _row(
        "warning",
        "consent.withdrawn",
        "questions over",
        "Learners took consent back after it was reported: so many questions for a person are new,"
        " so many are none any more.",
    ),
    _row(
        "info",
        "retention.purged",
        "completions credits letters trail events",
        "So much was older than the office keeps it, and was purged.",
    ),
    _row("info", "letters.readable", "source count", "New mappings could read so many letters."),
    *(
        _row("info", f"credit.{state}", "credit_id reason source topic partition offset", says)
        for state, says in _STATES.items()
    ),
    # ------------------------------------------------------------ sources and the bus
    _row(
        "error",
        "source.held",
        f"source mapping {_WHY} field count",
        "An LMS is held after too many refusals at once, until a person looks at it.",
    ),
    _row(
        "warning",
        "intake.reemission",
        "source mapping count seconds",
        "An LMS emits old completions again.",
    ),
    _row("info", "bus.commit_refused", "", "Partitions went to another process; nothing is lost."),
    _row("warning", "bus.listening_anew", "", "Events wait and none arrive: connected anew."),
    _row("error", "bus.replaced", "", "Another process has taken this one's name on Kafka."),
    _row(
        "error",
        "bus.events_gone",
        "topic partition offset count state",
        "Kafka deleted events before they were heard.",
    ),
    _row("warning", "topic.made_anew", "topic partition", "A topic was deleted and made again."),
    _row(
        "warning",
        "topic.retention_short",
        "topic reason seconds count",
        "A topic keeps its events for a shorter time than is wanted.",
    ),
    # ------------------------------------------------------------ PARS
    _row("warning", "line.paused", "profile reason", "PARS does not serve: it is asked later."),
    _row("warning", "line.stopped", "profile reason", "PARS refuses our user or password."),
    _row("info", "line.reopened", "profile", "PARS serves again."),
    _row("error", "pars.word_unknown", "profile word", "PARS used a word that nobody knows."),
    _row(
        "warning",
        "activity.wrong",
        "profile activity board reason",
        "PARS has an activity not at all, or otherwise than the table says.",
    ),
    _row("warning", "inquiry.given_up", _WHY, "A question to PARS was not answered, often."),
    # ------------------------------------------------------------ tables and mappings
    _row("info", "tables.reloaded", "version", "Changed tables are in force."),
    _row("error", "tables.refused", "problems", "Changed tables are refused; the old stay."),
    _row("info", "table.refreshed", "count version", "A database brought new rows of a table."),
    _row("info", "learners.looked_up", "count source", "An LMS said who some learners are."),
    _row("info", "mappings.reloaded", "version count", "Changed mappings are in force."),
    _row("error", "mappings.refused", "version problems", "Changed mappings are refused."),
    _row(
        "warning",
        "mapping.version_unchanged",
        "mapping version",
        "A mapping means something else under the same version.",
    ),
    # ------------------------------------------------------------ what others are told
    _row("info", "notice.sent", "kind role refused", "A notice was sent."),
    _row("warning", "notice.failed", "kind role cause", "A notice could not be sent; it waits."),
    _row("warning", "webhook.failed", "cause attempt", "A webhook could not be told; it waits."),
    _row("warning", "webhook.gone", "cause attempt", "A webhook said that it is gone for good."),
    _row("error", "webhook.given_up", "count", "So many outcomes were too old to be told."),
    _row("info", "outcomes.written", "source count", "A daily file of outcomes was written."),
    # ------------------------------------------------------------ LMSs that post events
    _row("info", "gateway.started", "count", "Posts are taken, for so many sources."),
    _row("info", "events.forwarded", "count", "Posted events went to the bus."),
    _row("warning", "post.refused", "source cause count", "Posts were refused."),
    _row("error", "event.set_aside", "topic cause", "A posted event can never go to the bus."),
    _row(
        "info",
        "list.compared",
        "source state compared missing published taken_back not_listed",
        "A list of completions was compared: so many never arrived.",
    ),
    _row("warning", "list.failed", "source cause attempt", "A list could not be read; it waits."),
    # ------------------------------------------------------------ the console
    _row("info", "user.signed_in", "way", "Somebody signed in."),
    _row("warning", "user.not_let_in", "way peer", "A sign-in was refused."),
    _row("warning", "form.refused", "page", "A form came from another site."),
    _row("error", "page.failed", "page number error_type where cause", "A page did not work."),
    # ------------------------------------------------------------ the service itself
    _row("info", "service.started", "topics", "All pumps turn."),
    _row("info", "service.stopped", "", "All pumps have ended."),
    _row("warning", "pump.left_behind", "pump", "A pump did not end in time; that is safe."),
    _row("error", "pump.failed", "pump error_type where cause", "A pump failed: we stop."),
    _row("warning", "condition.failed", "condition cause", "Something does not work any more."),
    _row("info", "condition.recovered", "condition seconds", "It works again, after so long."),
    _row("warning", "keys.made", "path", "New keys were made: back them up."),
    _row("warning", "tracing.off", "cause", "No traces are sent, though the settings want them."),
    _row("warning", "library.warned", "where state", "A library warned; its words stay out."),
)
"""In the order of docs/logs.md."""

KEYS = frozenset(COMMON).union(*(one.keys for one in TABLE))
