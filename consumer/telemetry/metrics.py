"""Every metric there is: what it is called, what it counts, and the question it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What Prometheus may do with it: a counter only grows, a histogram counts by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Of(StrEnum):
    """Whose figure it is: add up those of processes, take any one of the whole."""

    PROCESS = "process"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table; `asks` is what its figure answers, `buckets` are upper bounds."""

    name: str
    kind: Kind
    of: Of
    unit: str
    labels: tuple[str, ...]
    asks: str
    buckets: tuple[float, ...] = ()


Figure = tuple[str, tuple[str, ...], float]
"""A metric's name, the values of its labels, and how much."""


def _counter(name: str, labels: str, asks: str) -> Metric:
    return Metric(name, Kind.COUNTER, Of.PROCESS, "", tuple(labels.split()), asks)


def _timer(name: str, labels: str, buckets: tuple[float, ...], asks: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, Of.PROCESS, "s", tuple(labels.split()), asks, buckets)


def _own(name: str, unit: str, labels: str, asks: str) -> Metric:
    return Metric(name, Kind.GAUGE, Of.PROCESS, unit, tuple(labels.split()), asks)


def _whole(name: str, unit: str, labels: str, asks: str) -> Metric:
    return Metric(name, Kind.GAUGE, Of.WHOLE, unit, tuple(labels.split()), asks)


_REQUEST = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SENDING = (10.0, 60.0, 300.0, 1800.0, 3600.0, 14_400.0, 86_400.0, 604_800.0)
_DECIDING = (3600.0, 14_400.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0, 2_592_000.0)

TABLE = (
    # ------------------------------------------------------------ what flows
    _counter(
        "moc_events_total",
        "source fate",
        "How many new events came from each LMS, and what became of them?",
    ),
    _counter(
        "moc_events_skipped_total",
        "why",
        "How many were heard before (`repeat`), or are none of our business (`ignored`)?",
    ),
    _counter("moc_credits_moved_total", "profile state", "How many credits came to each state?"),
    _timer(
        "moc_credit_sending_seconds",
        "profile",
        _SENDING,
        "How long from the moment a credit could be sent until PARS had it, the first time?",
    ),
    _timer(
        "moc_credit_deciding_seconds",
        "profile",
        _DECIDING,
        "How long from sending until the board had decided?",
    ),
    # ------------------------------------------------------------ PARS
    _counter(
        "moc_pars_requests_total",
        "profile action outcome",
        "What came of each request about a credit?",
    ),
    _timer(
        "moc_pars_request_seconds", "profile action", _REQUEST, "How long does PARS take to answer?"
    ),
    _whole("moc_line_open", "", "profile", "Is nothing sent to PARS for this profile now (1)?"),
    _whole("moc_line_stopped", "", "profile", "Does PARS refuse our user or password (1)?"),
    _whole("moc_line_failures", "", "profile", "How many requests failed in a row?"),
    _whole(
        "moc_line_success_timestamp_seconds",
        "s",
        "profile",
        "When did PARS last take a report of this profile?",
    ),
    # ------------------------------------------------------------ what stands where
    _whole("moc_credits", "", "state", "How many credits are in each state?"),
    _whole("moc_completions", "", "state", "How many completions are in each state?"),
    _whole("moc_work_items", "", "list", "How much stands in each work list of the console?"),
    _whole(
        "moc_oldest_seconds",
        "s",
        "list",
        "How long has the oldest stood in each of these lists?",
    ),
    _whole("moc_letters_open", "", "stage reason", "What do open dead letters complain of?"),
    _whole(
        "moc_due",
        "",
        "within_days",
        "How much that is not reported must be within 7 and 30 days, the late included?",
    ),
    _whole(
        "moc_nearest_deadline_days",
        "days",
        "",
        "How many days are left of the nearest deadline? Below 0: it is over.",
    ),
    _whole(
        "moc_decided_in_7_days",
        "",
        "verdict",
        "How many credits has the board accepted and rejected in seven days?",
    ),
    # ------------------------------------------------------------ sources and queues
    _own("moc_bus_waiting_events", "", "topic", "How many events wait that were not heard yet?"),
    _whole(
        "moc_source_heard_timestamp_seconds",
        "s",
        "source",
        "When was a new completion last heard of each LMS?",
    ),
    _whole("moc_source_held", "", "source", "Is the source held until a person looks at it (1)?"),
    _counter(
        "moc_posts_total",
        "source outcome",
        "How many posts were taken (`kept`) or refused, by cause? `other`: from no known LMS.",
    ),
    _counter("moc_posted_events_total", "source", "How many events were in the posts taken?"),
    _own("moc_spool_events", "", "", "How many posted events wait on disk for the bus?"),
    _own("moc_spool_oldest_seconds", "s", "", "How long has the oldest of them waited?"),
    _own("moc_spool_set_aside", "", "", "How many posted events will the bus never take?"),
    _whole("moc_outbox_messages", "", "", "How many letters and outcomes wait to be published?"),
    _whole("moc_outbox_oldest_seconds", "s", "", "How long has the oldest of them waited?"),
    _whole("moc_webhook_waiting", "", "webhook", "How many outcomes has each webhook to be told?"),
    _whole("moc_webhook_failing_seconds", "s", "webhook", "For how long has telling it failed?"),
    _whole(
        "moc_list_compared_timestamp_seconds",
        "s",
        "list",
        "When was each list of completions last compared with what was heard?",
    ),
    _whole("moc_list_missing", "", "list", "How many completions had never arrived then?"),
    _whole("moc_list_waiting", "", "list", "How many of them wait for a person's yes?"),
    _whole("moc_list_failing_seconds", "s", "list", "For how long could it not be read?"),
    _whole("moc_notices_waiting", "", "", "How many notices wait to be told?"),
    _whole("moc_notices_failing", "", "", "How many of them could not be told at the last try?"),
    _counter(
        "moc_retention_purged_total",
        "kind",
        "How many records were purged because they are older than the office keeps them?",
    ),
    # ------------------------------------------------------------ the service itself
    _own("moc_started", "", "", "Has this process begun its work (1)?"),
    _own("moc_condition_ok", "", "condition", "Does it work (1): ledger, bus, tables, mappings?"),
    _counter("moc_pump_turns_total", "pump", "Does each pump turn?"),
    _own("moc_pump_idle_seconds", "s", "pump", "How long ago did it complete its last turn?"),
    _counter("moc_sign_ins_refused_total", "way", "How often was somebody not let in?"),
    _own("moc_ledger_up", "", "", "Could the ledger be read for this answer (1)?"),
    _own("moc_ledger_read_seconds", "s", "", "How long did reading the figures take?"),
    _whole("moc_ledger_size_bytes", "bytes", "", "How large is the ledger?"),
    _whole("moc_audit_head", "", "", "What number has the last line of the audit trail?"),
    _whole(
        "moc_backup_timestamp_seconds",
        "s",
        "",
        "When was the ledger last copied by `ledger backup`? Missing: never.",
    ),
)
"""In the order of docs/metrics.md. Labels hold codes and names from the settings, nobody's data."""

BY_NAME = {one.name: one for one in TABLE}
