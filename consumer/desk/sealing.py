"""The sealing keys as people change them: what is under which, sealing anew, dropping a former one.

The ledger is one for all processes; what waits at a gateway, or was handed in at the console, lies
beside the process: on several machines each looks after its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from consumer.desk.parcels import Parcels
from consumer.desk.trail import remember
from consumer.gateway.spool import Spool
from consumer.keys import check_former, drop_key
from consumer.ledger.keyring import forget_key, keep_key, retire_key
from consumer.ledger.ledger import Ledger
from consumer.ledger.resealing import WORK, count_rows, reseal, tables_sealed, under_which

SPOOL, UPLOADS = "gateway's spool", "uploads of the last two hours"
Tell = Callable[[int], None]


class StillSealed(Exception):
    """The key is needed: the text says what is sealed under it, and what to do."""


class AnotherReseals(Exception):
    """Another process seals anew just now."""


@dataclass(frozen=True, slots=True)
class Use:
    """One key: by its name, whether it seals, and how many values are under it, by their place."""

    name: str
    seals: bool
    values: dict[str, int]


@dataclass(frozen=True, slots=True)
class Sealing:
    """Everything of this machine that is sealed."""

    ledger: Ledger
    spool_path: Path
    parcels: Parcels

    def size(self) -> int:
        """How many rows of the ledger there are to go through."""
        return count_rows(self.ledger, tables_sealed())

    def uses(self, tell: Tell = lambda _: None) -> list[Use]:
        """Every key that opens, the one that seals first.

        Raises SealBroken, LedgerUnavailable, SpoolUnavailable.
        """
        found = self._under_which(tell)
        seal = self.ledger.seal
        return [
            Use(name, name == seal.name, {p: n[name] for p, n in found.items() if n[name]})
            for name in seal.names
        ]

    def reseal(self, at: datetime, who: str, tell: Tell = lambda _: None) -> int:
        """Seal everything anew that is under a former key; gives how many values were.

        Raises AnotherReseals, StillSealing, SealBroken, LedgerUnavailable, SpoolUnavailable.
        """
        with self.ledger.alone(WORK) as ours:
            if not ours():
                raise AnotherReseals("another process seals the ledger anew just now; wait for it")
            noted: list[bool] = []

            def note(db: Connection) -> None:
                if not noted:
                    remember(db, self.ledger, at, who, "keys.resealed", self.ledger.seal.name)
                    noted.append(True)

            return reseal(self.ledger, at, note, tell) + self._reseal_spool()

    def drop(self, path: Path, name: str, at: datetime, who: str) -> None:
        """Take a former key out of the file at `path`, when nothing is under it.

        Raises StillSealed, KeysProblem, and as `uses` does.
        """
        check_former(path, name)
        self._check_unused(name)  # a process that seals with it still is stopped for nothing else
        with ExitStack() as unless_dropped:
            with self.ledger.begin() as db:
                retire_key(db, name)  # from here on no process seals with it
            unless_dropped.callback(self._keep, name)
            self._check_unused(name)
            with self.ledger.begin() as db:
                forget_key(db, name)
                remember(db, self.ledger, at, who, "keys.dropped", name)
            unless_dropped.pop_all()
        drop_key(path, name)

    def _check_unused(self, name: str) -> None:
        left = {place: n[name] for place, n in self._under_which().items() if n[name]}
        if left:
            raise StillSealed(_needed(name, left))

    def _keep(self, name: str) -> None:
        with self.ledger.begin() as db:
            keep_key(db, name)

    def _under_which(self, tell: Tell = lambda _: None) -> dict[str, Counter[str]]:
        found = dict(under_which(self.ledger, tables_sealed(), tell))
        if self.spool_path.exists():
            with closing(Spool(self.spool_path, self.ledger.seal, self.parcels.clock)) as spool:
                found[SPOOL] = spool.under_which()
        found[UPLOADS] = self.parcels.under_which()
        return found

    def _reseal_spool(self) -> int:
        if not self.spool_path.exists():
            return 0
        with closing(Spool(self.spool_path, self.ledger.seal, self.parcels.clock)) as spool:
            return spool.reseal()


def _needed(name: str, left: dict[str, int]) -> str:
    told = ", ".join(f"{number} of {place}" for place, number in left.items())
    do = "moc-consumer ledger reseal seals them anew"
    if set(left) == {UPLOADS}:
        do = "they are gone in two hours"
    return (
        f"{sum(left.values())} values are sealed under {name} ({told}): {do}; nothing was changed"
    )
