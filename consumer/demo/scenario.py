"""The demo's story: invented physicians, three LMSs, and what ought to become of each event."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson

from consumer.bus.port import Headers, Outgoing
from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.roster import Diplomate

PROVIDER_ID, PROVIDER_NAME = "0009999", "Example Academy of Medicine"
TOPIC = "lms.events"
MOODLE, CANVAS, OPENEDX = "learn.example.org", "canvas-example-uuid", "edx.example.org"
CERTIFICATE = b"org.openedx.learning.certificate.created.v1"

_GIVEN = "Ada Bruno Chidi Dana Emeka Farah Goran Hana Ines Jonas Kavya Lior Maren Noor Otto".split()
_FAMILY = (
    "Abara Brandt Castell Dufour Eriksen Fontaine Grüner Haddad Ivanova Jansen Kowalczyk"
    " O'Neill Lindqvist Moreau Nakata Østergaard Petrov Quint Rossi Søndergaard"
).split()

# Office's activity, PARS activity ID, title, and the course in each LMS that teaches it.
_COURSES = [
    ("HF-UPDATE", "202600001", "Heart Failure Update", {MOODLE: "101", CANVAS: "5101"}),
    ("SEPSIS", "202600002", "Sepsis: the First Hour", {MOODLE: "102"}),
    ("DIABETES", "202600003", "Diabetes & the Kidney", {CANVAS: "5103"}),
    ("ANTICOAG", "202600004", "Anticoagulation <in practice>", {OPENEDX: "course-v1:EAM+AC+2026"}),
    ("FRAILTY", "202600005", "Frailty in Clinic", {OPENEDX: "course-v1:EAM+FR+2026"}),
]
UNREGISTERED = ("ETHICS", "202600009", "Ethics Rounds", {MOODLE: "109"})


@dataclass(frozen=True, slots=True)
class Physician:
    """One invented learner: as the office's table has them, and as the board does."""

    number: int
    given_name: str
    family_name: str
    birth_date: str
    board_id: str
    consent: str = "yes"
    birth_date_known: str = ""
    board_id_known: bool = True
    board_rejects: str = ""

    @property
    def row(self) -> dict[str, str]:
        """The learners table's row; one for all LMSs."""
        return {
            "learner": str(self.number),
            "given_name": self.given_name,
            "family_name": self.family_name,
            "email": f"physician{self.number}@example.org",
            "birth_date": self.birth_date_known or self.birth_date,
            "board_id": self.board_id if self.board_id_known else "",
            "consent": self.consent,
            "consent_on": "2026-01-05" if self.consent else "",
            "consent_how": "registration form" if self.consent else "",
        }

    @property
    def diplomate(self) -> Diplomate:
        """The board's own roster entry."""
        year, month, day = map(int, self.birth_date.split("-"))
        return Diplomate(
            "ABIM",
            self.board_id,
            self.given_name,
            self.family_name,
            month,
            day,
            year,
            board_rejects=self.board_rejects,
        )


@dataclass(slots=True)
class Scenario:
    """Everything the demo plays, and what PARS's books must show at the end."""

    now: datetime
    physicians: list[Physician] = field(default_factory=list)
    events: list[Outgoing] = field(default_factory=list)
    expected: Counter[str] = field(default_factory=Counter)
    credits: set[tuple[str, str]] = field(default_factory=set)
    course_of: dict[int, str] = field(default_factory=dict)
    waiting: tuple[str, str] = ("", "")
    misborn: tuple[str, str] = ("", "")

    def activities(self) -> list[Activity]:
        """What is registered in PARS: all but one."""
        day = self.now.date()
        abim = {"ABIM": {"Medical Knowledge": Decimal("1.5")}}
        registered: list[tuple[str, Mapping[str, Mapping[str, Decimal]]]] = [
            *((course[1], abim) for course in _COURSES),
            (UNREGISTERED[1], {}),
        ]
        return [
            Activity(
                number, PROVIDER_ID, "", day - timedelta(days=400), day + timedelta(days=30), boards
            )
            for number, boards in registered
        ]

    def write_tables(self, folder: Path) -> None:
        """`learners.csv` and `activities.csv`, as an office would have them."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "learners.csv", [physician.row for physician in self.physicians])
        _write(folder / "activities.csv", list(_activity_rows()))

    def mend(self, number: str, **known: object) -> None:
        """The office corrects what it knows of one learner."""
        self.physicians = [
            replace(p, **known) if str(p.number) == number else p  # type: ignore[arg-type]
            for p in self.physicians
        ]


def _activity_rows() -> Iterator[dict[str, str]]:
    for activity, number, title, courses in [*_COURSES, UNREGISTERED]:
        for site, course in courses.items():
            yield {
                "site": site,
                "course": course,
                "activity": activity,
                "pars_activity_id": number,
                "title": title,
                "credit_types": "Medical Knowledge",
                "max_points": "1.5",
                "zone": "America/Chicago",
            }


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draft.rename(path)  # whole or not at all: the service may be reading it


class Author:
    """Writes the scenario; the same seed writes the same one."""

    def __init__(self, now: datetime, seed: int = 7) -> None:
        self._random = random.Random(seed)  # noqa: S311  a story, not a secret
        self.scenario = Scenario(now)

    def write(self) -> Scenario:
        """225 events of three LMSs, with everything that goes wrong in a CME office's day."""
        good = [self._completion(self._physician()) for _ in range(120)]
        originals = self.scenario.events[::4]
        for _ in range(12):
            self._both_lms(self._physician())
        self._everything_else()
        self._random.shuffle(self.scenario.events)
        for original, event, later in zip(originals, good[::4], (False, True) * 15, strict=True):
            self._again(original, event, later=later)
        return self.scenario

    def _everything_else(self) -> None:
        story = self.scenario
        held = [self._physician(board_id_known=False) for _ in range(14)]
        held += [self._physician(consent="") for _ in range(6)]
        for one in held:
            self._completion(one, "held")
        story.waiting = (str(held[0].number), held[0].board_id)
        misborn = [self._physician(birth_date_known="1950-01-01") for _ in range(6)]
        for one in misborn:
            self._completion(one, "dead_lettered")
        story.misborn = (str(misborn[0].number), misborn[0].birth_date)
        for _ in range(5):
            self._completion(self._physician(), "dead_lettered", UNREGISTERED)
        for _ in range(4):
            self._completion(self._physician(board_rejects="Diplomate is deceased"), "rejected")
        for text in (b'{"eventname": "\\\\core', b"not json at all", b"\xff\xfe", b"[1, 2]", b""):
            self._say("dead_lettered", text)
        for _ in range(5):
            self._say("dead_lettered", orjson.dumps({"tool": "quizzer", "done": True}))
        for number in range(6):
            self._say("not_reportable", _canvas(900 + number, "5101", self.scenario.now, None))

    # ------------------------------------------------------------ people and events

    def _physician(self, **known: object) -> Physician:
        number = 1001 + len(self.scenario.physicians)
        born = datetime(1950, 1, 2, tzinfo=UTC) + timedelta(days=self._random.randrange(14_000))
        physician = Physician(
            number=number,
            given_name=_GIVEN[number % len(_GIVEN)],
            family_name=_FAMILY[number * 7 // 3 % len(_FAMILY)],
            birth_date=born.date().isoformat(),
            board_id=f"{number * 37 % 1_000_000:06d}",
        )
        physician = replace(physician, **known)  # type: ignore[arg-type]
        self.scenario.physicians.append(physician)
        return physician

    def _completion(
        self,
        physician: Physician,
        becomes: str = "accepted",
        course: tuple[str, str, str, dict[str, str]] | None = None,
    ) -> tuple[Physician, str, str, datetime]:
        _, number, _, courses = course or self._random.choice(_COURSES)
        site = self._random.choice(sorted(courses))
        at = self.scenario.now - timedelta(minutes=self._random.randrange(60, 60 * 24 * 20))
        self._emit(becomes, physician, site, courses[site], at)
        self.scenario.course_of[physician.number] = number
        if becomes in {"accepted", "rejected"}:
            self.scenario.credits.add((physician.board_id, number))
        return physician, site, courses[site], at

    def _again(
        self, original: Outgoing, event: tuple[Physician, str, str, datetime], *, later: bool
    ) -> None:
        """The same completion once more, some time after its first event."""
        physician, site, course, at = event
        at += timedelta(minutes=30) if later else timedelta()
        self._emit("duplicate", physician, site, course, at)
        story = self.scenario.events
        first = next(i for i, one in enumerate(story) if one is original)
        story.insert(self._random.randrange(first + 1, len(story)), story.pop())

    def _both_lms(self, physician: Physician) -> None:
        _, number, _, courses = _COURSES[0]
        at = self.scenario.now - timedelta(days=3)
        for becomes, (site, course) in zip(("accepted", "duplicate"), courses.items(), strict=True):
            self._emit(becomes, physician, site, course, at)
        self.scenario.credits.add((physician.board_id, number))

    def _emit(
        self, becomes: str, physician: Physician, site: str, course: str, at: datetime
    ) -> None:
        if site == MOODLE:
            self._say(becomes, _moodle(physician.number, course, at))
        elif site == CANVAS:
            self._say(becomes, _canvas(physician.number, course, at, at))
        else:
            headers = (("ce_type", CERTIFICATE), *_cloud_event(physician.number, at))
            self._say(becomes, _openedx(physician.number, course), headers)

    def _say(self, becomes: str, value: bytes, headers: Headers = ()) -> None:
        self.scenario.expected[becomes] += 1
        self.scenario.events.append(Outgoing(TOPIC, None, value, headers))


def _moodle(learner: int, course: str, at: datetime) -> bytes:
    return orjson.dumps(
        {
            "eventname": "\\core\\event\\course_completed",
            "component": "core",
            "action": "completed",
            "target": "course",
            "objecttable": "course_completions",
            "objectid": str(learner * 10),
            "crud": "u",
            "edulevel": 2,
            "contextid": 411,
            "contextlevel": 50,
            "contextinstanceid": course,
            "userid": "2",
            "courseid": course,
            "relateduserid": str(learner),
            "anonymous": 0,
            "other": {"relateduserid": str(learner)},
            "timecreated": int(at.timestamp()),
            "host": MOODLE,
            "token": "not-a-real-token",
            "extra": "",
        }
    )


def _canvas(learner: int, course: str, at: datetime, completed: datetime | None) -> bytes:
    progress: dict[str, object] = {"error": {"message": "this course is not module based"}}
    if completed is not None:
        progress = {
            "completed_at": completed.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "next_requirement_url": None,
            "requirement_completed_count": 6,
            "requirement_count": 6,
        }
    return orjson.dumps(
        {
            "metadata": {
                "event_name": "course_completed",
                "event_time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "root_account_uuid": CANVAS,
                "producer": "canvas",
            },
            "body": {
                "user": {"id": str(learner), "name": "Somebody", "email": "somebody@example.org"},
                "course": {"id": course, "name": "", "account_id": "1", "sis_source_id": None},
                "progress": progress,
            },
        }
    )


def _cloud_event(learner: int, at: datetime) -> Headers:
    values = {
        "ce_id": f"demo-{learner}-{at.timestamp():.0f}",
        "ce_source": "openedx/lms/web",
        "ce_specversion": "1.0",
        "ce_time": at.isoformat(),
        "sourcehost": OPENEDX,
        "content-type": "application/json",
    }
    return tuple((name, value.encode()) for name, value in values.items())


def _openedx(learner: int, course: str) -> bytes:
    return orjson.dumps(
        {
            "certificate": {
                "user": {
                    "id": learner,
                    "is_active": True,
                    "pii": {"username": f"u{learner}", "email": "", "name": "Somebody"},
                },
                "course": {"course_key": course, "display_name": "", "start": None, "end": None},
                "mode": "honor",
                "grade": "0.92",
                "download_url": "",
                "name": "Somebody",
                "current_status": "downloadable",
                "previous_status": "",
            }
        }
    )
