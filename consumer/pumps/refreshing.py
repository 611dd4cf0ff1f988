"""Brings a table from its database on schedule, under the same checks as a person's import."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from consumer.clock import Clock
from consumer.desk.tabling import Preview, TableDesk, Wish
from consumer.settings.tables import SourceSettings
from consumer.tables.csvfile import TableProblems
from consumer.tables.heading import Said
from consumer.tables.history import TableChanged
from consumer.tables.sqlsource import SourceAway, open_query, read_url
from consumer.telemetry.readiness import Readiness

_LOOK_SECONDS = 5.0
WHO = "the service"


@dataclass(slots=True)
class _Due:
    """When a table is to be brought next, on the clock that only moves forward."""

    at: float


class RefreshingPump:
    """Whatever goes wrong, the table stays as it is, and readiness says why."""

    name = "refresh"

    def __init__(
        self,
        desk: TableDesk,
        sources: Mapping[str, SourceSettings],
        most_removed: float,
        clock: Clock,
        readiness: Readiness,
    ) -> None:
        """`sources` by table; `most_removed` is the part of a table that may go, 0 to 1."""
        self._desk, self._sources, self._most_removed = desk, sources, most_removed
        self._clock, self._readiness = clock, readiness
        self._due = {table: _Due(clock.monotonic()) for table in sources}
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Bring what is due until told to stop."""
        while not stop.is_set():
            self.turn()
            self._readiness.turned(self.name)
            self._clock.wait(stop, _LOOK_SECONDS)

    def turn(self) -> list[str]:
        """Bring every table that is due; gives those that changed."""
        changed: list[str] = []
        for table, source in self._sources.items():
            if self._clock.monotonic() < self._due[table].at:
                continue
            self._due[table].at = self._clock.monotonic() + source.every_seconds
            cause = self._bring(table, source, changed)
            if cause:
                self._readiness.bad(f"tables.{table}", self.name, cause)
            else:
                self._readiness.good(f"tables.{table}", self.name)
        return changed

    def _bring(self, table: str, source: SourceSettings, changed: list[str]) -> str:
        """Why the table stays as it is, blank when all is well."""
        try:
            preview = self._preview(table, source)
            refusal = next(iter(preview.hindrances(self._most_removed)), "")
            if refusal:
                wrong = str(preview.wrong[0]) if preview.wrong else ""
                return f"not refreshed: {refusal}" + (f"; the first: {wrong}" if wrong else "")
            if preview.comparison.changes_anything:
                version = self._desk.apply(preview, WHO)
                changed.append(table)
                self._log.info("table.refreshed", count=version.rows, version=version.number)
        except TableProblems as found:
            return f"not refreshed: {found.problems[0]}"
        except SourceAway as away:
            return f"not refreshed: {away}"
        except TableChanged:
            self._due[table].at = self._clock.monotonic()
        except OSError as error:
            return f"not refreshed: the tables folder: {error.strerror}"
        return ""

    def _preview(self, table: str, source: SourceSettings) -> Preview:
        wish = Wish(
            replace=source.replace,
            skip_wrong=source.skip_wrong,
            constants=source.set,
            said=Said(source.columns, source.ignore_others),
        )
        arrived = open_query(read_url(source.url_file), source.sql)
        return self._desk.preview_rows(table, arrived, wish)
