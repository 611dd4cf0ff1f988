"""An office on an ordinary Tuesday: what is fine, and ten things that somebody must look at."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from consumer.bus.port import Outgoing
from consumer.demo.scenario import CANVAS, MOODLE, PROVIDER_ID, Physician
from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.roster import Diplomate
from consumer.participant import BirthDate, Record
from tests.end_to_end.story import canvas, moodle

HEART, SEPSIS, SAFETY, ETHICS, KIDNEY, OLD = (f"20260000{n}" for n in range(1, 7))
ZONE = ZoneInfo("America/Chicago")
MK = {"ABIM": {"Medical Knowledge": Decimal("1.5")}}
_GIVEN = "Ada Bruno Chidi Dana Emeka Farah Goran Hana Ines Jonas Kavya Lior Maren Noor Otto".split()
_FAMILY = (
    "Abara Brandt Castell Dufour Eriksen Fontaine Haddad Ivanova Jansen Kovacs Lindqvist".split()
)

WRONG_ID = Physician(3001, "Priya", "Vantongeren", "1971-09-10", "310041")
NO_CONSENT = Physician(3002, "Otis", "Nwosu", "1965-02-28", "310052", consent="")
WRONG_TYPE = Physician(3003, "Lena", "Quillfeather", "1980-12-31", "310063")
TWO_ACCOUNTS = Physician(3004, "Rafael", "Okonkwo", "1977-07-04", "310074")
BY_HAND = Physician(3005, "Mirela", "Stancu", "1969-05-19", "310085")
LATE = Physician(3006, "Tobias", "Hartung", "1974-11-02", "310096")
UNREGISTERED = Physician(3007, "Sunniva", "Aas", "1983-03-21", "310107")
NAME_CHANGE = Physician(3008, "Greta", "Holm", "1979-08-15", "310118")
REJECTED = Physician(3009, "Ikaika", "Kealoha", "1968-01-30", "310129")
MISBORN = Physician(3010, "Nadia", "Rahmani", "1972-06-09", "310130", birth_date_known="1972-09-06")
ENTERED_ID = "ccid:accme.example:typed-in-by-hand"
"""What PARS calls the credit of Mirela that somebody typed into its own pages."""
SECOND_ACCOUNT = 93004
"""Rafael's user ID in Canvas; the office knows the one in Moodle only."""


@dataclass(slots=True)
class Cases:
    """Tables, boards, PARS and events of that day; `fine` people, and `waiting` for a roster."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    fine: int = 60
    waiting: int = 30

    # ------------------------------------------------------------ people

    @property
    def fine_people(self) -> list[Physician]:
        """Of whom nothing more is to be said."""
        return [_somebody(1001 + n) for n in range(self.fine)]

    @property
    def roster_people(self) -> list[Physician]:
        """Who completed a course before the office had their board IDs."""
        return [_somebody(2001 + n) for n in range(self.waiting)]

    def learners(self) -> list[dict[str, str]]:
        """The learners table, mistakes and all."""
        special = [
            WRONG_ID.row | {"board_id": "310014"},
            *(one.row for one in (NO_CONSENT, WRONG_TYPE, TWO_ACCOUNTS, BY_HAND, LATE)),
            *(one.row for one in (UNREGISTERED, REJECTED, MISBORN)),
            NAME_CHANGE.row | {"family_name": "Bergström"},
        ]
        waiting = [one.row | {"board_id": ""} for one in self.roster_people]
        return [*special, *(one.row for one in self.fine_people), *waiting]

    def roster(self) -> list[Diplomate]:
        """Whom the board knows."""
        special = [WRONG_ID, NO_CONSENT, WRONG_TYPE, TWO_ACCOUNTS, BY_HAND, LATE, UNREGISTERED]
        special += [NAME_CHANGE, MISBORN]
        everyone = [*special, *self.fine_people, *self.roster_people]
        rejected = replace(REJECTED, board_rejects="Diplomate is not enrolled in MOC")
        return [one.diplomate for one in (*everyone, rejected)]

    def roster_sheet(self) -> bytes:
        """The roster that frees those who wait: as a registration desk would export it."""
        rows = [
            {"User ID": one.number, "First name": one.given_name, "Last name": one.family_name,
             "E-mail": one.row["email"], "Date of birth": one.birth_date,
             "ABIM ID": one.board_id, "Consent": "yes"}
            for one in self.roster_people
        ]  # fmt: skip
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        return "\n".join(lines).encode()

    # ------------------------------------------------------------ activities

    def activities(self) -> list[dict[str, str]]:
        """The activities table: one type is wrong, one number PARS has never heard of."""
        return [
            _course(MOODLE, "101", "HF-UPDATE", HEART, "Heart Failure Update"),
            _course(CANVAS, "5101", "HF-UPDATE", HEART, "Heart Failure Update"),
            _course(MOODLE, "102", "SEPSIS", SEPSIS, "Sepsis: the First Hour"),
            _course(MOODLE, "103", "SAFETY", SAFETY, "Safer Prescribing"),
            _course(MOODLE, "104", "ETHICS", ETHICS, "Ethics Rounds"),
            _course(MOODLE, "105", "KIDNEY", "202600055", "Kidney Care"),
            _course(MOODLE, "106", "OLD", OLD, "Lipids, an Update"),
        ]

    def registered(self) -> list[Activity]:
        """What PARS has."""
        safety = {"ABIM": {"Patient Safety": Decimal("1.5")}}
        return [
            self._activity(HEART, "Heart Failure Update", MK),
            self._activity(SEPSIS, "Sepsis: the First Hour", MK),
            self._activity(SAFETY, "Safer Prescribing", safety),
            self._activity(ETHICS, "Ethics Rounds", {}),
            self._activity(KIDNEY, "Kidney Care", MK),
            replace(self._activity(OLD, "Lipids, an Update", MK), closed=True),
        ]

    def _activity(self, number: str, title: str, boards: dict[str, Any]) -> Activity:
        day = self.now.date()
        starts, ends = day - timedelta(days=400), day + timedelta(days=30)
        return Activity(number, PROVIDER_ID, title, starts, ends, boards)

    # ------------------------------------------------------------ events

    def events(self) -> list[Outgoing]:
        """What the LMSs say, in order."""
        return [*self._fine(), *self._special(), *self._again()]

    def _fine(self) -> Iterator[Outgoing]:
        for place, one in enumerate([*self.fine_people, *self.roster_people]):
            course = ("101", "102")[place % 3 == 0]
            yield moodle(one.number, course, self.now - timedelta(hours=5 + 7 * place % 300))

    def _special(self) -> Iterator[Outgoing]:
        at = self.now - timedelta(days=2)
        courses = {UNREGISTERED: "105", LATE: "106", WRONG_TYPE: "103"}
        people = [WRONG_ID, NO_CONSENT, WRONG_TYPE, TWO_ACCOUNTS, BY_HAND, LATE, UNREGISTERED]
        for one in [*people, NAME_CHANGE, REJECTED, MISBORN]:
            yield moodle(one.number, courses.get(one, "101"), at)
        yield canvas(SECOND_ACCOUNT, "5101", at, "R. Okonkwo")
        yield Outgoing("lms.events", None, b'{"eventname": "\\\\core')

    def _again(self) -> Iterator[Outgoing]:
        """An LMS that says it all once more."""
        return iter([*self._fine()][:20])

    def entered_by_hand(self) -> Record:
        """What somebody typed into PARS's own pages before the LMS told of it."""
        one, day = BY_HAND, (self.now - timedelta(days=2)).astimezone(ZONE).date()
        year, month, born_on = map(int, one.birth_date.split("-"))
        born = BirthDate(month, born_on, year)
        return Record(
            profile="main", provider_id=PROVIDER_ID, provider_name="Example Academy",
            activity="HF-UPDATE", pars_activity_id=HEART, title="Heart Failure Update",
            given_name=one.given_name,
            family_name=one.family_name, birth_date=born, board="ABIM", board_id=one.board_id,
            npi=None, credit_type="Medical Knowledge", certification="Medical Knowledge",
            points=Decimal("1.5"), completed_on=day,
        )  # fmt: skip

    # ------------------------------------------------------------ files

    def write_tables(self, folder: Path) -> None:
        """`learners.csv` and `activities.csv`."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "learners.csv", self.learners())
        _write(folder / "activities.csv", self.activities())


def _somebody(number: int) -> Physician:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number * 7 // 3 % len(_FAMILY)]
    born = datetime(1950, 1, 2, tzinfo=UTC) + timedelta(days=number * 37 % 14_000)
    return Physician(number, given, family, born.date().isoformat(), f"{number * 41 % 300_000:06d}")


def _course(site: str, course: str, activity: str, number: str, title: str) -> dict[str, str]:
    row = {"site": site, "course": course, "activity": activity, "pars_activity_id": number}
    row |= {"title": title, "credit_types": "Medical Knowledge", "max_points": "1.5"}
    return row | {"zone": "America/Chicago"}


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
