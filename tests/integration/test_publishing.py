"""From the ledger to the topics: what a dead letter carries there, at least once, in order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema_rs
import orjson
import psycopg
import pytest

from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.port import BusUnavailable, Message, Outgoing, Publisher
from consumer.credit import State
from consumer.ledger.database import OUTBOX_LOCK
from consumer.ledger.ledger import LedgerUnavailable
from consumer.pumps.publishing import PublishingPump
from consumer.resources import shipped
from tests.integration.office import DEAD_LETTERS, OUTCOMES, Office
from tests.integration.people import (
    DAY,
    HOUR,
    NOON,
    OTIS,
    PRIYA,
    canvas,
    moodle,
    openedx,
    raw,
    revoked,
)
from tests.postgres.server import PostgresServer

MIB = 1024 * 1024
PERSONAL = (
    ("x-user", b"Priya Vantongeren"),
    ("user", b"priya@lakeside.example"),
    ("ce_subject", b"4413307"),
    ("moc-status", b"resolved"),
    ("moc-letter-id", b"dl-of-somebody-else"),
)
CONTEXT = (
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", b"vendor=value"),
    ("ce_id", b"6e0a4c52-2b41-11f1-8c7d-02425b8a6f10"),
    ("ce_time", b"2026-11-20T18:00:00+00:00"),
)


@functools.cache
def _vocabulary() -> Any:
    schema = orjson.loads((shipped("schemas") / "dead-letter.json").read_bytes())
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def headers(message: Message) -> dict[str, str]:
    """A published letter's headers: of the vocabulary, each once, all of them text."""
    read = {name: value.decode() for name, value in message.headers}
    assert len(read) == len(message.headers)
    assert [error.message for error in _vocabulary().iter_errors(read)] == []
    assert (message.key or b"").decode() == read["moc-letter-id"]
    assert message.value is not None
    return read


def published(office: Office) -> list[Message]:
    """All letters on their topic, after the outbox is empty; each checked."""
    office.publish()
    assert office.queued == []
    messages = office.published(DEAD_LETTERS)
    for message in messages:
        headers(message)
    return messages


def agrees(office: Office) -> None:
    """The last message of each key says what the ledger says."""
    last = {message.key: headers(message) for message in published(office)}
    told = {
        read["moc-letter-id"]: (read["moc-status"], int(read["moc-replays"]))
        for read in last.values()
    }
    assert told == {row.id: (row.status, row.replays) for row in office.letters}


# ---------------------------------------------------------------- what a letter carries


def test_a_letter_is_under_its_id_with_where_it_came_from(office: Office) -> None:
    office.hear(moodle(PRIYA), raw(b"no JSON"))
    (message,) = published(office)
    (row,) = office.letters
    read = headers(message)
    assert message.key == row.id.encode()
    assert (read["moc-stage"], read["moc-reason"]) == ("decode", "malformed_json")
    assert read["moc-reasons"] == "body: malformed_json: line 1, column 1, byte 0"
    assert (read["moc-original-topic"], read["moc-original-offset"]) == ("lms.events", "1")
    assert read["moc-first-failed-at"] == "2026-11-22T15:15:00+00:00"
    assert (read["moc-status"], read["moc-failures"], read["moc-replays"]) == ("open", "1", "0")
    assert "moc-mapping" not in read


def test_a_letter_of_a_known_event_names_its_mapping(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(moodle(PRIYA))
    (message,) = published(office)
    read = headers(message)
    assert (read["moc-source"], read["moc-mapping"]) == ("moodle", "moodle/course_completed")
    assert message.value == moodle(PRIYA).value


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\x00\xfe", b'{"a": 1}\n', b"\xef\xbb\xbf{}", "Grüße".encode("utf-16"), b"a" * MIB],
)
def test_the_original_bytes_are_untouched(office: Office, value: bytes) -> None:
    office.hear(raw(value))
    (message,) = published(office)
    assert message.value == value
    assert not {"moc-original-null", "moc-original-kept"} & headers(message).keys()


def test_a_null_original_is_an_empty_value_that_says_so(office: Office) -> None:
    office.hear(raw(None))
    (message,) = published(office)
    assert message.value == b""
    assert headers(message)["moc-original-null"] == "true"


def test_bytes_too_large_to_publish_stay_in_the_ledger(office: Office) -> None:
    value = b'{"name": "' + b"a" * MIB + b'"}'
    office.hear(raw(value))
    (message,) = published(office)
    assert message.value == b""
    assert headers(message)["moc-original-kept"] == "ledger"
    assert office.letter["reason"] == "oversized"
    (row,) = office.letters
    assert value in office.ledger.seal.open(row.original) or len(row.original) > len(value)


def test_what_this_bus_will_not_take_goes_without_its_bytes_and_holds_back_nobody(
    office: Office,
) -> None:
    office.hear(raw(b"before"), raw(b"x" * 50_000), raw(b"after"))
    narrow = EmbeddedPublisher(office.bus_path, max_message_bytes=10_000)
    pump = _pump(office, lambda: narrow)
    while pump.turn():
        pass
    narrow.close()
    assert [message.value for message in published(office)] == [b"before", b"", b"after"]
    kept = [headers(message).get("moc-original-kept") for message in published(office)]
    assert kept == [None, "ledger", None]


def test_of_foreign_headers_only_context_passes(office: Office) -> None:
    office.hear(raw(b"no JSON", headers=(*PERSONAL, *CONTEXT)))
    (message,) = published(office)
    read = headers(message)
    foreign = {name: value for name, value in read.items() if not name.startswith("moc-")}
    assert foreign == {name: value.decode() for name, value in CONTEXT}
    assert read["moc-status"] == "open"
    assert b"Priya" not in b"".join(value for _, value in message.headers)


@pytest.mark.parametrize("value", [b"Priya Vantongeren", b"priya@lakeside.example", b"\xff"])
def test_context_that_holds_no_context_does_not_pass(office: Office, value: bytes) -> None:
    office.hear(raw(b"no JSON", headers=(("tracestate", value), ("ce_source", value))))
    (message,) = published(office)
    assert not {"tracestate", "ce_source"} & headers(message).keys()


def test_many_reasons_are_cut_to_fit(office: Office) -> None:
    office.put_learners(
        PRIYA.row(
            board_id="x", npi="x", birth_date="x", given_name="é" * 101, family_name="ü" * 101
        )
    )
    office.look()
    office.hear(moodle(PRIYA))
    (message,) = published(office)
    assert 200 < len(headers(message)["moc-reasons"].encode()) <= 256


def test_outcomes_carry_no_person_and_name_their_credit(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    office.publish()
    (message,) = office.published(OUTCOMES)
    told = orjson.loads(message.value or b"")
    assert message.key == told["credit_id"].encode()
    assert (told["state"], told["activity"], told["board"]) == ("submitted", "HF-UPDATE", "ABIM")
    for mark in (b"Priya", b"Vantongeren", b"041327", b"4413307"):
        assert mark not in (message.value or b"")


# ---------------------------------------------------------------- how a letter stands


def test_the_first_failure_stays_and_the_last_is_replaced(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row(npi="123"))
    office.look()
    office.clock.advance(3600)
    office.replay()
    read = headers(published(office)[-1])
    assert (read["moc-reason"], read["moc-failures"], read["moc-replays"]) == ("npi_form", "2", "1")
    first, last = read["moc-first-failed-at"], read["moc-last-failed-at"]
    assert (first, last) == ("2026-11-22T15:15:00+00:00", "2026-11-22T16:15:00+00:00")
    agrees(office)


def test_a_letter_replayed_and_resolved_says_so(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row())
    office.look()
    office.replay()
    assert [headers(message)["moc-status"] for message in published(office)][-1] == "resolved"
    agrees(office)


def test_a_letter_on_its_way_again_says_so(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.SUBMITTED)
    _refuse(office)
    office.replay()
    assert [headers(message)["moc-status"] for message in published(office)] == ["open", "replayed"]
    agrees(office)
    office.take_for_sent()
    assert headers(published(office)[-1])["moc-status"] == "resolved"
    agrees(office)


def test_a_letter_that_a_retraction_settles_says_so(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    assert [headers(message)["moc-status"] for message in published(office)] == ["open", "resolved"]
    agrees(office)


def test_a_persons_questions_are_on_the_topic_too(office: Office) -> None:
    office.hear(moodle(PRIYA), openedx(OTIS))
    office.take_for_sent()
    office.hear(moodle(PRIYA, at=NOON - DAY), canvas(PRIYA, at=NOON - 2 * DAY))
    office.hear(revoked(OTIS, NOON + HOUR))
    reasons = {headers(message)["moc-reason"] for message in published(office)}
    assert reasons == {"changed_after_sending", "retracted_after_sending"}
    for letter in office.open_letters():
        office.replay(letter["letter_id"])
        agrees(office)


def _refuse(office: Office) -> None:
    """The board rejects what was sent."""
    from consumer.ledger.claims import Settlement
    from consumer.reason import Reason, Stage

    now = office.clock.now()
    reasons = (Reason(Stage.PARS, "vanished"),)
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.SUBMITTED], 9, now + timedelta(days=1))
        done = [Settlement(claim, State.ATTENTION, {}, reasons) for claim in claimed]
        office.claims.settle(db, done, now)


# ---------------------------------------------------------------- at least once


class Fickle:
    """A publisher that is away, or dies, at its first calls."""

    def __init__(self, publisher: Publisher, *, faults: int, after: bool) -> None:
        self._publisher, self._faults, self._after = publisher, faults, after

    def publish(self, messages: Sequence[Outgoing]) -> None:
        self._faults -= 1
        if self._faults < 0:
            self._publisher.publish(messages)
            return
        if self._after:
            self._publisher.publish(messages)
        raise BusUnavailable("away")

    def close(self) -> None:
        self._publisher.close()


def _pump(office: Office, connect: Callable[[], Publisher]) -> PublishingPump:
    return PublishingPump(connect, office.ledger, {}, 1, 5, office.clock)


def test_while_the_bus_is_away_letters_wait_and_nothing_is_lost(office: Office) -> None:
    office.hear(*(raw(b"%d" % n) for n in range(3)))
    with closing(EmbeddedPublisher(office.bus_path)) as real:
        pump = _pump(office, lambda: Fickle(real, faults=3, after=False))
        for _ in range(3):
            with pytest.raises(BusUnavailable):
                pump.turn()
            assert len(office.queued) == 3
        office.hear(raw(b"3"))
        assert (pump.turn(), pump.turn()) == (4, 0)
    assert [message.value for message in published(office)] == [b"0", b"1", b"2", b"3"]


def test_a_bus_that_cannot_be_reached_at_all_delays_it_only(office: Office) -> None:
    office.hear(raw(b"0"))
    answers = iter([BusUnavailable("no route"), EmbeddedPublisher(office.bus_path)])

    def connect() -> Publisher:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pump = _pump(office, connect)
    with pytest.raises(BusUnavailable):
        pump.turn()
    assert pump.turn() == 1
    pump.run(office.service.stop)
    assert len(published(office)) == 1


def test_a_crash_after_publishing_publishes_the_same_letters_again(office: Office) -> None:
    office.hear(*(raw(b"%d" % n) for n in range(3)))
    with closing(EmbeddedPublisher(office.bus_path)) as real:
        with pytest.raises(BusUnavailable):
            _pump(office, lambda: Fickle(real, faults=1, after=True)).turn()
        assert len(office.queued) == 3
    messages = published(office)
    assert [message.value for message in messages] == [b"0", b"1", b"2"] * 2
    assert len({message.key for message in messages}) == 3
    agrees(office)


def test_a_ledger_that_cannot_forget_publishes_again(office: Office) -> None:
    office.hear(raw(b"0"))
    ledger = office.ledger

    class Forgetful:
        seal = ledger.seal
        read, alone = ledger.read, ledger.alone

        def begin(self) -> Any:
            raise LedgerUnavailable("database or disk is full")

    pump = office.publishing
    pump._ledger = Forgetful()  # type: ignore[assignment]
    with pytest.raises(LedgerUnavailable):
        pump.turn()
    pump._ledger = ledger
    assert [message.value for message in published(office)] == [b"0", b"0"]
    assert office.queued == []


def test_more_than_one_turns_worth_goes_in_order(office: Office) -> None:
    office.hear(*(raw(b"%d" % n) for n in range(450)))
    assert [office.publishing.turn() for _ in range(4)] == [200, 200, 50, 0]
    values = [int(message.value or b"") for message in published(office)]
    assert values == list(range(450))


def test_the_topics_names_are_the_settings(office: Office) -> None:
    office.start(outbox={"dead_letters_topic": "cme.letters", "outcomes_topic": "cme.outcomes"})
    office.hear(raw(b"0"), moodle(PRIYA))
    office.take_for_sent()
    office.publish()
    assert len(office.published("cme.letters")) == len(office.published("cme.outcomes")) == 1
    assert office.published(DEAD_LETTERS) == []


def test_nothing_personal_waits_in_the_outbox_unsealed(office: Office) -> None:
    office.hear(replace(moodle(PRIYA), value=b'{"name": "Vantongeren"'))
    (row,) = office.queued
    assert b"Vantongeren" not in row.message


class Freezing:
    """A publisher whose process is frozen before its messages are on the bus, and thawed later."""

    def __init__(self, inner: Publisher, meanwhile: Callable[[], None]) -> None:
        self._inner, self._meanwhile = inner, meanwhile

    def publish(self, messages: Sequence[Outgoing]) -> None:
        self._meanwhile()
        self._inner.publish(messages)

    def close(self) -> None:
        self._inner.close()


def test_a_publisher_frozen_until_others_told_more_tells_the_last_word_again(
    open_office: Callable[..., Office], postgres: PostgresServer, migrated: str
) -> None:
    office = open_office(database=postgres.database(migrated))
    office.hear(raw(b"no JSON"))

    def meanwhile() -> None:
        with psycopg.connect(office.database, autocommit=True) as server:
            # As the server does with a transaction that has been idle for too long.
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND datname = current_database()"
            )
        office.replay()
        office.publish()

    topics = {DEAD_LETTERS: DEAD_LETTERS, OUTCOMES: OUTCOMES}
    with closing(EmbeddedPublisher(office.bus_path)) as bus:
        frozen = PublishingPump(
            lambda: Freezing(bus, meanwhile), office.ledger, topics, 1, 1, office.clock
        )
        frozen.turn()
        assert [row.replays for row in office.letters] == [1]
        frozen._publisher = bus
        while frozen.turn():
            pass
    agrees(office)


def test_two_processes_on_one_ledger_in_a_file_do_not_publish_at_once(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    others = office.open_ledger()
    with closing(others), others.alone(OUTBOX_LOCK) as theirs:
        assert theirs()
        assert office.publishing.turn() == 0
        assert len(office.queued) == 1
    assert office.publishing.turn() == 1
