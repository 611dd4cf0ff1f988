"""A table brought through the browser: kept until somebody has looked at it, then put in force."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import PurePath
from typing import Any

import orjson

from consumer.clock import Clock
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.freeing import Freed, freed_by
from consumer.desk.parcels import NoSuchParcel, Parcel, Parcels
from consumer.desk.tabletrail import write_version
from consumer.desk.tabling import Hindrance, Preview, TableDesk, Wish
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.tables import TableProblem, TableProblems
from consumer.tables.heading import Said, Seen
from consumer.tables.history import EDIT, TableChanged, Version

UPLOAD, OUTCOME = "upload", "outcome"
MOST_NAMED = 120


class Hindered(Exception):
    """It cannot be done as wished; nothing was changed."""

    def __init__(self, why: list[Hindrance]) -> None:
        self.why = tuple(why)
        super().__init__(", ".join(why))


@dataclass(frozen=True, slots=True)
class Looked:
    """An upload as it would be taken; `preview` is None where `problems` keep the whole file out.

    `seen` is what somebody who says yes has seen: another table or other wishes give another.
    """

    token: str
    name: str
    wish: Wish
    seen: str
    headings: tuple[Seen, ...] = ()
    preview: Preview | None = None
    hindered: tuple[Hindrance, ...] = ()
    problems: tuple[TableProblem, ...] = ()
    freed: Freed | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The version that is in force now, and where to ask what became of what waited."""

    version: Version
    outcome: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """When a table was put in force; the completions that were to go, the letters about it."""

    at: datetime
    completions: tuple[int, ...]
    letters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uploads:
    """One person's uploads of one table."""

    desk: TableDesk
    parcels: Parcels
    ledger: Ledger
    house: House
    clock: Clock
    table: str
    who: str
    most_removed: float = field(default=0.2)

    def receive(self, name: str, data: bytes, sheet: str = "") -> str:
        """Keep a file that can be read; gives its token. Raises TableProblems, OSError."""
        wish = Wish(sheet=sheet)
        name = PurePath(name.replace("\\", "/")).name[-MOST_NAMED:] or "file"
        self.desk.headings(self.table, name, data, wish)
        label: dict[str, object] = {"table": self.table, "name": name, "wish": asdict(wish)}
        return self.parcels.put(self.who, UPLOAD, label, data)

    def wish(self, token: str, wish: Wish) -> None:
        """Take the upload otherwise from now on. Raises NoSuchParcel, OSError."""
        parcel = self._parcel(token)
        self.parcels.relabel(parcel, parcel.label | {"wish": asdict(wish)})

    def forget(self, token: str) -> None:
        """Nothing of it is wanted; nothing is done if it is gone already."""
        with suppress(NoSuchParcel):
            self.parcels.drop(self._parcel(token).token)

    def look(self, token: str) -> Looked:
        """The upload beside the table as it is now. Raises NoSuchParcel."""
        parcel = self._parcel(token)
        name, wish = str(parcel.label["name"]), wish_of(parcel.label["wish"])
        looked = Looked(token, name, wish, "")
        try:
            seen = self.desk.headings(self.table, name, parcel.content, wish)
            looked = replace(looked, headings=seen)
            preview = self.desk.preview_bytes(self.table, name, parcel.content, wish)
        except TableProblems as found:
            return replace(looked, problems=found.problems)
        return replace(
            looked,
            preview=preview,
            seen=seen_of(preview),
            hindered=tuple(preview.hindered(self.most_removed)),
            freed=self.freed(preview),
        )

    def apply(self, token: str, seen: str) -> Applied:
        """Do what was seen. Raises NoSuchParcel, ChangedMeanwhile, Hindered, TableProblems."""
        looked = self.look(token)
        if looked.preview is None:
            raise TableProblems(looked.problems)
        applied = self.put(looked.preview, seen)
        self.parcels.drop(token)
        return applied

    def put(self, preview: Preview, seen: str) -> Applied:
        """Put a preview in force, and remember who did. Raises as `apply` does."""
        if seen_of(preview) != seen:
            raise self._changed()
        if why := preview.hindered(self.most_removed):
            raise Hindered(why)
        freed = self.freed(preview)
        try:
            with self.ledger.begin() as db:  # first of all, so that nothing is done unremembered
                version = self.desk.apply(preview, self.who)
                write_version(db, self.ledger, self.table, version, *_values(preview))
        except TableChanged:
            raise self._changed() from None
        label: dict[str, object] = {"table": self.table, "version": version.number}
        label |= {"freed": [*freed.numbers], "letters": [*freed.letters]}
        return Applied(version, self.parcels.put(self.who, OUTCOME, label))

    def outcome(self, token: str) -> Awaited:
        """When a table was put in force, and what was to go by it. Raises NoSuchParcel."""
        parcel = self.parcels.get(token, self.who, OUTCOME)
        freed: Any = parcel.label["freed"]
        told: Any = parcel.label["letters"]
        return Awaited(parcel.at, tuple(freed), tuple(told))

    def freed(self, preview: Preview) -> Freed:
        """What waits and would go; nothing where the table would not be taken at all."""
        try:
            return freed_by(self.ledger, self.house, preview, self.clock.now())
        except TableProblems:
            return Freed(0, 0, ())

    def _parcel(self, token: str) -> Parcel:
        return self.parcels.get(token, self.who, UPLOAD)

    def _changed(self) -> ChangedMeanwhile:
        return meanwhile(self.desk, self.table)


def _values(preview: Preview) -> tuple[dict[str, str], dict[str, str]]:
    """What one row was and is, of an edit; of a whole file the history keeps it."""
    changes = [*islice(preview.comparison.changes(), 2)] if preview.how == EDIT else []
    before = {k: v for one in changes for k, v in one.before.items() if one.after.get(k, "") != v}
    after = {k: v for one in changes for k, v in one.after.items() if one.before.get(k, "") != v}
    return before, after


def meanwhile(desk: TableDesk, table: str) -> ChangedMeanwhile:
    """Who changed the table last, for whoever comes second."""
    history = desk.history(table)
    latest = history.versions()[-1:]
    digest, _ = history.digest_and_content()
    if latest and latest[0].sha == digest:
        return ChangedMeanwhile(f"the {table} table", latest[0].who, latest[0].at)
    return ChangedMeanwhile(f"the {table} table")


def seen_of(preview: Preview) -> str:
    """What tells this preview from one of another table, or with other wishes."""
    told = [preview.base, asdict(preview.wish), preview.name, preview.counts(), preview.undoes]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def wish_of(told: Any) -> Wish:
    """A wish as it was kept."""
    return Wish(**(told | {"said": Said(**told["said"])}))
