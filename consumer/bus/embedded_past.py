"""Reads what the embedded log has of before, from one time to another; keeps no position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from consumer.bus.embedded import open_log, typed_faults, unpack_headers
from consumer.bus.port import Message, Partition, TopicMisfit

_BATCH = 500
_END = "SELECT next_offset FROM topics WHERE name = ?"
_FROM = 'SELECT min("offset") FROM moments WHERE topic = ? AND at_ms >= ?'
_BEFORE = "SELECT 1 FROM moments WHERE topic = ? AND at_ms < ? LIMIT 1"
_READ = """
SELECT "offset", key, value, headers FROM events
WHERE topic = ? AND "offset" >= ? AND "offset" < ? ORDER BY "offset" LIMIT ?
"""


class EmbeddedPast:
    """One topic of the log."""

    def __init__(self, path: Path, topic: str) -> None:
        """Raises BusUnavailable."""
        self._topic, self._log = topic, open_log(path)

    def stretch(
        self, since: datetime | None, until: datetime | None
    ) -> Mapping[Partition, tuple[int, int]]:
        """The first offset published at `since` or later, and the first at `until` or later.

        What was published before the log kept times counts as before none: it is read too.
        Raises TopicMisfit for a topic that never was, BusUnavailable.
        """
        with typed_faults():
            found = self._log.execute(_END, (self._topic,)).fetchone()
            if found is None:
                raise TopicMisfit(f"there is no topic {self._topic}")
            first = 0 if since is None else self._first(since, found[0])
            end = found[0] if until is None else self._at(until, found[0])
        return {Partition(self._topic, 0): (first, max(first, end))}

    def read(self, stretch: Mapping[Partition, tuple[int, int]]) -> Iterator[Message]:
        """Every message of the stretch, in order. Raises BusUnavailable."""
        for strand, (first, end) in stretch.items():
            while messages := self._some(strand, first, end):
                yield from messages
                first = messages[-1].offset + 1

    def close(self) -> None:
        """Release the file; never raises."""
        with suppress(Exception):
            self._log.close()

    def _first(self, since: datetime, end: int) -> int:
        known = self._log.execute(_BEFORE, (self._topic, _ms(since))).fetchone()
        return self._at(since, end) if known else 0

    def _at(self, moment: datetime, end: int) -> int:
        (found,) = self._log.execute(_FROM, (self._topic, _ms(moment))).fetchone()
        return end if found is None else int(found)

    def _some(self, strand: Partition, first: int, end: int) -> list[Message]:
        wanted = (strand.topic, first, end, _BATCH)
        with typed_faults(), closing(self._log.execute(_READ, wanted)) as rows:
            return [
                Message(*strand, offset, key, value, unpack_headers(packed))
                for offset, key, value, packed in rows
            ]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
