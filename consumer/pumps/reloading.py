"""Takes up mappings that were changed while the service runs, between two batches."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from consumer.clock import Clock
from consumer.ledger.ledger import Ledger, LedgerUnavailable
from consumer.ledger.readable import readable_now
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue, mappings_version
from consumer.mapping.problem import MappingProblems
from consumer.premises import Premises
from consumer.telemetry.readiness import Readiness


class ReloadingPump:
    """Watches the files of mappings and schemas; a broken version is refused, the old one stays.

    A version is loaded only when two looks in a row saw the same bytes, and they are still the same
    after loading: a folder that is being copied is never taken up half-way.
    """

    name = "mappings"

    def __init__(
        self,
        mappings: Path,
        schemas: Path,
        ledger: Ledger,
        premises: Premises,
        look_seconds: float,
        clock: Clock,
        readiness: Readiness | None = None,
    ) -> None:
        self._mappings, self._schemas = mappings, schemas
        self._ledger, self._premises = ledger, premises
        self._look_seconds, self._clock = look_seconds, clock
        self._readiness = readiness or Readiness(clock)
        self._seen = self._refused = ""
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Look at the files every few seconds until told to stop."""
        while not stop.is_set():
            self.turn()
            self._readiness.turned(self.name)
            self._clock.wait(stop, self._look_seconds)

    def turn(self) -> bool:
        """Look once; True when other mappings came into force."""
        version = mappings_version(self._mappings, self._schemas)
        settled, self._seen = version == self._seen, version
        if version == self._premises.house.catalogue.version:
            self._put_right()
            return False
        if not (version and settled) or version == self._refused:
            return False
        return self._load(version)

    def _load(self, version: str) -> bool:
        try:
            catalogue = load_catalogue(self._mappings, self._schemas)
        except MappingProblems as problems:
            if self._still(version):
                self._refuse(version, [str(one) for one in problems.problems])
            return False
        if catalogue.version != version or not self._still(version):
            return False
        if not catalogue.mappings:
            # A folder that is emptied before it is filled anew would refuse every event meanwhile.
            self._refuse(version, ["there are no mapping files"])
            return False
        self._take_up(catalogue)
        return True

    def _still(self, version: str) -> bool:
        return mappings_version(self._mappings, self._schemas) == version

    def _refuse(self, version: str, told: list[str]) -> None:
        self._refused = version
        self._log.error("mappings.refused", version=version, problems=told)
        cause = f"the new version is refused, the one before stays in force: {told[0]}"
        self._readiness.bad("mappings", self.name, cause)

    def _take_up(self, catalogue: Catalogue) -> None:
        before = self._premises.house.catalogue
        self._premises.put_mappings(catalogue)
        self._put_right()
        for mapping in catalogue.unraised(before):
            # Accepted, as an example may only have been mended; but two meanings now bear one name.
            self._log.warning(
                "mapping.version_unchanged", mapping=mapping.name, version=mapping.version
            )
        self._log.info(
            "mappings.reloaded", version=catalogue.version, count=len(catalogue.mappings)
        )
        self._tell_letters()

    def _put_right(self) -> None:
        self._refused = ""
        self._readiness.good("mappings", self.name)

    def _tell_letters(self) -> None:
        """How many letters could be read now. None is replayed: that is for a person to say."""
        try:
            found = readable_now(self._ledger, self._premises.house, self._clock.now())
        except LedgerUnavailable:
            return  # only a hint, and the other pumps tell of the ledger
        for source, count in found.items():
            self._log.info("letters.readable", source=source, count=count)
