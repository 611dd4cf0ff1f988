"""The embedded log beside a list per topic: nothing acknowledged is lost, or comes out of order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.bus.embedded import EmbeddedListener, EmbeddedPublisher
from consumer.bus.port import (
    BusUnavailable,
    CommitRefused,
    Message,
    MessageTooLarge,
    Outgoing,
    Partition,
)
from tests.state.walk import BRIEFLY

TOPICS = ("lms.one", "lms.two", "lms.three")
MAX_MESSAGE_BYTES, MAX_BATCH_BYTES = 40, 60
PUBLISHERS = 3

some_bytes = st.binary(max_size=12)
messages = st.builds(
    Outgoing,
    st.sampled_from(TOPICS),
    st.none() | some_bytes,
    some_bytes,
    st.lists(st.tuples(st.sampled_from(["h", "ö", ""]), st.binary(max_size=3)), max_size=2).map(
        tuple
    ),
)
positions = st.dictionaries(st.sampled_from(TOPICS), st.integers(0, 6))


class EmbeddedLog(RuleBasedStateMachine):
    """Publishers and one listener on one file; `written` and the rest are what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "bus.db"
        self.publishers = [self.publisher() for _ in range(PUBLISHERS)]
        self.listener: EmbeddedListener | None = None
        self.written: dict[str, list[Outgoing]] = {topic: [] for topic in TOPICS}
        self.committed: dict[str, int] = {}
        self.next: dict[str, int] = {}
        self.passed_over = dict.fromkeys(TOPICS, 0)

    def teardown(self) -> None:
        self.close()
        for publisher in self.publishers:
            publisher.close()
        self.everything_acknowledged_is_there_in_order()
        self.folder.cleanup()

    # ------------------------------------------------------------ publishing

    def publisher(self) -> EmbeddedPublisher:
        return EmbeddedPublisher(self.path, max_message_bytes=MAX_MESSAGE_BYTES)

    @rule(who=st.integers(0, PUBLISHERS - 1), batch=st.lists(messages, max_size=12))
    def publish(self, who: int, batch: list[Outgoing]) -> None:
        self.publishers[who].publish(batch)
        for message in batch:
            self.written[message.topic].append(message)

    @rule(who=st.integers(0, PUBLISHERS - 1), busy=st.sampled_from(TOPICS))
    def one_topic_is_busy(self, who: int, busy: str) -> None:
        self.publish(who, [Outgoing(topic, None, b"") for topic in (*TOPICS, *[busy] * 12)])

    @rule(who=st.integers(0, PUBLISHERS - 1), before=messages, topic=st.sampled_from(TOPICS))
    def publish_what_is_too_large(self, who: int, before: Outgoing, topic: str) -> None:
        large = Outgoing(topic, None, b"x" * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(MessageTooLarge):
            self.publishers[who].publish([before, large])

    @rule(who=st.integers(0, PUBLISHERS - 1))
    def a_publisher_starts_anew(self, who: int) -> None:
        self.publishers[who].close()
        self.publishers[who] = self.publisher()

    # ------------------------------------------------------------ listening

    @rule(ledger=st.none() | positions)
    def listen(self, ledger: dict[str, int] | None) -> None:
        """A new process starts from the older of what the bus and what the ledger remembers."""
        self.close()
        self.listener = self.opened("intake", ledger)
        known = self.committed if ledger is None else ledger
        self.next = {
            topic: min(self.committed.get(topic, 0), known.get(topic, 0)) for topic in TOPICS
        }
        self.passed_over = dict.fromkeys(TOPICS, 0)
        self.poll_once(5)

    def opened(self, group: str, ledger: Mapping[str, int] | None = None) -> EmbeddedListener:
        remembered: Callable[[Collection[Partition]], dict[Partition, int]] | None = None
        if ledger is not None:
            known = {Partition(topic, 0): offset for topic, offset in ledger.items()}
            remembered = lambda asked: {one: known[one] for one in asked if one in known}  # noqa: E731
        return EmbeddedListener(
            self.path, TOPICS, group, remembered, max_batch_bytes=MAX_BATCH_BYTES
        )

    @rule()
    def an_old_backup_of_the_ledger_hears_all_again(self) -> None:
        self.listen(None)
        self.commit(set(TOPICS), 0)
        self.listen({})

    @rule()
    def close(self) -> None:
        """The process ends, however far it had heard: only what it committed counts."""
        if self.listener is not None:
            self.listener.close()
        self.listener = None

    @precondition(lambda self: self.listener is not None)
    @rule(limits=st.lists(st.integers(1, 5), min_size=1, max_size=6))
    def poll(self, limits: list[int]) -> None:
        for limit in limits:
            self.poll_once(limit)

    def poll_once(self, limit: int) -> None:
        assert self.listener is not None
        waiting = [topic for topic in TOPICS if self.next[topic] < len(self.written[topic])]
        heard = self.listener.poll(limit, 0.0)
        assert len(heard) <= limit
        assert sum(map(size, heard[:-1])) < MAX_BATCH_BYTES
        assert bool(heard) == bool(waiting)
        for message in heard:
            self.is_the_next(message)
        self.nobody_starves(waiting, {message.topic for message in heard})

    def is_the_next(self, message: Message) -> None:
        assert message.partition == 0
        assert message.offset == self.next[message.topic]
        assert published(message) == self.written[message.topic][message.offset]
        self.next[message.topic] += 1

    def nobody_starves(self, waiting: list[str], heard: set[str]) -> None:
        for topic in TOPICS:
            passed = topic in waiting and topic not in heard
            self.passed_over[topic] = self.passed_over[topic] + 1 if passed else 0
            assert self.passed_over[topic] < len(TOPICS)

    @precondition(lambda self: self.listener is not None)
    @rule(topics=st.sets(st.sampled_from(TOPICS), min_size=1), back=st.integers(0, 2))
    def commit(self, topics: set[str], back: int) -> None:
        """What was heard so far, or some of it."""
        assert self.listener is not None
        upto = {topic: max(0, self.next[topic] - back) for topic in topics}
        self.listener.commit({Partition(topic, 0): offset for topic, offset in upto.items()})
        self.committed |= upto

    @precondition(lambda self: self.listener is not None)
    @rule()
    def commit_what_is_not_ours(self) -> None:
        assert self.listener is not None
        ours, foreign = Partition(TOPICS[0], 0), Partition("another", 0)
        with pytest.raises(CommitRefused):
            self.listener.commit({ours: 99, foreign: 1})

    @precondition(lambda self: self.listener is not None)
    @rule()
    def a_second_listener_is_refused(self) -> None:
        with pytest.raises(BusUnavailable):
            self.opened("intake")

    # ------------------------------------------------------------ what always holds

    @rule()
    def everything_acknowledged_is_there_in_order(self) -> None:
        """Another group hears all of it, whatever the listener has heard or committed."""
        heard: dict[str, list[Outgoing]] = {topic: [] for topic in TOPICS}
        with closing(self.opened("auditor")) as auditor:
            while batch := auditor.poll(100, 0.0):
                for message in batch:
                    heard[message.topic].append(published(message))
        assert heard == self.written

    @invariant()
    def the_ends_and_the_committed_positions_are_known(self) -> None:
        if self.listener is None:
            return
        ends = {Partition(topic, 0): len(self.written[topic]) for topic in TOPICS}
        assert self.listener.end_offsets() == ends
        committed = {Partition(topic, 0): offset for topic, offset in self.committed.items()}
        assert self.listener.committed() == committed


def published(message: Message) -> Outgoing:
    """The message as it was given to the publisher."""
    return Outgoing(message.topic, message.key, message.value, message.headers)


def size(message: Message) -> int:
    """What counts for a batch's bytes."""
    return len(message.key or b"") + len(message.value or b"")


TestEmbeddedLog = EmbeddedLog.TestCase
TestEmbeddedLog.settings = BRIEFLY
