"""The intake half of the way, top to bottom: from bytes on the bus to what is to be reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from consumer.board import Boards
from consumer.bus.port import Message, is_blank
from consumer.candidate import Candidate, YearPolicy, awaiting, deadlines, draft
from consumer.decoding.schemas import Reading, SchemasAway
from consumer.edit import Edit
from consumer.event import Envelope, decode
from consumer.fate import Held, Ignored, Judgement, NotReportable, Ready, Refused
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.said import STEPS, Kind, Said
from consumer.reason import Reason, Stage, Stopped
from consumer.rules import completion_date
from consumer.steps import Steps, as_counted, counting, missing
from consumer.tables import Tables
from consumer.tables.activities import Activity
from consumer.tables.learners import Learner


@dataclass(frozen=True, slots=True)
class Provider:
    """Whose credit it is: what the record needs of a provider profile."""

    provider_id: str
    name: str
    without_birth_year: YearPolicy = YearPolicy.HOLD
    transport: str = "xml"


@dataclass(frozen=True, slots=True)
class House:
    """What the journey knows besides the event, all of one moment."""

    catalogue: Catalogue
    tables: Tables
    providers: Mapping[str, Provider]
    payload_limit_bytes: int
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one event: what it said, if it could be read, and its fate.

    Of one event of several in a message, `part` says which, from 0, and `event` holds it.
    `only_if_heard`: it takes something back, and says nothing where nothing was heard of that.
    `named`: its LMS may take it back by its id. `edit`: what a person corrected in it. `trace`:
    the trace that it goes on in, where one was begun for it here.
    """

    judgement: Judgement | Ignored
    said: Said | None = None
    mapping: str = ""
    version: int = 0
    part: int | None = None
    event: Envelope | None = field(default=None, repr=False)
    only_if_heard: bool = False
    named: bool = False
    edit: Edit | None = field(default=None, repr=False)
    trace: str = ""


def hear(message: Message, house: House, now: datetime) -> list[Heard]:
    """One message's whole intake: what became of each event in it, mostly one.

    The unforeseen is a refusal too. Raises SchemasAway alone: the message can be heard once its
    schema registry can be asked.
    """
    if is_blank(message):
        return [Heard(Ignored())]
    try:
        envelope = decode(message, house.payload_limit_bytes, house.reading)
    except SchemasAway:
        raise
    except Exception as error:  # noqa: BLE001  each ends as a refusal
        return [Heard(_refused(error))]
    return _hear_all(envelope, house, now)


def hear_part(event: Envelope, part: int, house: House, now: datetime) -> list[Heard]:
    """One event of several in its message once more, without the others; `part` is its number."""
    heard = [replace(one, event=one.event or event) for one in _hear_all(event, house, now)]
    # Today's mappings may see more than one in it; those are numbered among themselves.
    return [replace(one, part=part) for one in heard] if len(heard) == 1 else heard


def corrected(heard: list[Heard], edit: Edit, house: House, now: datetime) -> list[Heard]:
    """The same once a person has corrected what the one event of a message says."""
    if len(heard) != 1:
        return heard  # nobody can tell which of them was meant
    (one,) = heard
    if set_aside(one.judgement) or (one.said and one.said.kind is Kind.RETRACTION):
        return [replace(one, edit=edit)]
    try:
        said = edit.applied(one.said, one.mapping, one.version)
        judged = judge(said, house, now, (said,) if said.kind in STEPS else ())
    except Exception as error:  # noqa: BLE001  ends as a refusal
        return [replace(one, judgement=_refused(error), edit=edit)]
    return [replace(one, judgement=judged, said=said, edit=edit)]


def _hear_all(envelope: Envelope, house: House, now: datetime) -> list[Heard]:
    try:
        events = house.catalogue.events(envelope)
    except Exception as error:  # noqa: BLE001  each ends as a refusal
        return [Heard(_refused(error))]
    # A list of events with none in it says nothing.
    return [_hear_one(event, house, now) for event in events] or [Heard(Ignored())]


def _hear_one(event: Envelope, house: House, now: datetime) -> Heard:
    heard = _read(event, house, now)
    return heard if event.part is None else replace(heard, part=event.part, event=event)


def _read(event: Envelope, house: House, now: datetime) -> Heard:
    mapping, version = "", 0
    try:
        found = house.catalogue.recognise(event)
        mapping, version = found.name, found.version
        named = found.source in house.catalogue.retracting
        said = found.read(event)
        if isinstance(said, NotReportable):
            return Heard(said, found.glimpse(event), mapping, version, named=named)
        if isinstance(said, Ignored):
            return Heard(said, None, mapping, version)
        judged = judge(said, house, now, (said,) if said.kind in STEPS else ())
        only = found.only_if_heard
        return Heard(judged, said, mapping, version, only_if_heard=only, named=named)
    except Exception as error:  # noqa: BLE001  each ends as a refusal
        return Heard(_refused(error), None, mapping, version)


def judge_again(said: Said, house: House, now: datetime, heard: Iterable[Said] = ()) -> Judgement:
    """As `judge`, for what was read before. Never raises: the unforeseen is a refusal too."""
    try:
        return judge(said, house, now, heard)
    except Exception as error:  # noqa: BLE001  an unforeseen fault refuses this record, no other
        return _refused(error)


def set_aside(judgement: Judgement | Ignored) -> bool:
    """Whether the event's own mapping says that it is not to be reported."""
    return isinstance(judgement, NotReportable) and judgement.reason.stage is Stage.MAP


def judge(said: Said, house: House, now: datetime, heard: Iterable[Said] = ()) -> Judgement:
    """What the tables and the rules make of what was said; asked again when a table changes.

    `heard` are the evaluations and claims of the same learner and course, as they came.
    """
    if said.kind is Kind.RETRACTION:
        return NotReportable(Reason(Stage.REVIEW, "retracted"))
    rows = house.tables.activities.find(said.site, said.course, said.occurrence)
    if not rows:
        return Held((Reason(Stage.LOOK_UP, "activity_not_found", "course"),))
    steps = counting(said, heard)
    counts = [_count(said, steps, row) for row in rows]
    # A course may change hands: the rows of that day decide, where there are any.
    within = [one for one in counts if one.within]
    if not any(one.row.ours for one in within or counts):
        return NotReportable(Reason(Stage.LOOK_UP, "not_ours", "course"))
    if not any(kind in row.requires for row in rows for kind in steps):
        return NotReportable(Reason(Stage.LOOK_UP, "step_not_required", "course"))
    # Until its last step is there nobody knows the day.
    if not within and not any(one.awaited for one in counts):
        return Refused((Reason(Stage.RULES, "date_outside_activity", "completed"),))
    return _judge_learner(said, [one for one in within or counts if one.row.ours], house, now)


@dataclass(frozen=True, slots=True)
class _Count:
    """What was heard, as one row of the course counts it; `awaited` are the steps it lacks."""

    row: Activity
    said: Said
    day: date
    awaited: tuple[Kind, ...]

    @property
    def within(self) -> bool:
        """Whether the credit's day is one of the row's."""
        return self.row.starts <= self.day <= self.row.ends


def _count(said: Said, steps: Steps, row: Activity) -> _Count:
    counted = as_counted(said, steps, row)
    return _Count(row, counted, completion_date(counted.completed, row.zone), missing(row, steps))


def _judge_learner(said: Said, ours: list[_Count], house: House, now: datetime) -> Judgement:
    boards = house.tables.boards
    learners = house.tables.learners.find(said.site, said.learner)
    if not learners:
        return _held(Reason(Stage.LOOK_UP, "learner_not_found", "learner"), ours, boards)
    certified = {learner.board: learner for learner in learners if learner.board_id}
    pairs = [one for one in ours if one.row.board in certified]
    if not pairs:
        return _held(Reason(Stage.LOOK_UP, "no_board_id", "board_id"), ours, boards)
    drafts: list[Ready | Held | Refused] = [
        draft(_candidate(one, certified, boards), house.providers[one.row.profile], now)
        for one in pairs
    ]
    # A row of the table that lacks its board ID says that this board's credit is awaited too.
    awaited = sorted(
        {one.row.board for one in ours} & {one.board for one in learners} - {*certified}
    )
    drafts += [
        Held((Reason(Stage.LOOK_UP, "no_board_id", "board_id", boards[b].spelled("prose")),))
        for b in awaited
    ]
    return _together(drafts, unfinished=len(pairs) < len(ours))


def _candidate(one: _Count, certified: Mapping[str, Learner], boards: Boards) -> Candidate:
    board = one.row.board
    return Candidate(one.said, one.row, one.day, certified[board], boards[board], one.awaited)


def _held(reason: Reason, ours: list[_Count], boards: Boards) -> Held:
    """For that reason, and for the steps that are awaited as well."""
    each = [(boards[one.row.board], one) for one in ours]
    waiting = [why for board, one in each for why in awaiting(board, one.awaited)]
    until = [deadlines(board, one.row, one.day) for board, one in each]
    return Held(
        (reason, *waiting), _earliest(day for day, _ in until), _earliest(day for _, day in until)
    )


def _together(drafts: list[Ready | Held | Refused], *, unfinished: bool) -> Judgement:
    """One broken board's record stops the event; a waiting one does not stop its siblings."""
    if refused := [reason for d in drafts if isinstance(d, Refused) for reason in d.reasons]:
        return Refused(tuple(refused))
    held = [d for d in drafts if isinstance(d, Held)]
    waiting = tuple(reason for d in held for reason in d.reasons)
    if ready := [record for d in drafts if isinstance(d, Ready) for record in d.records]:
        return Ready(tuple(ready), waiting, unfinished=unfinished or bool(waiting))
    report_by, closes_on = (d.report_by for d in held), (d.closes_on for d in held)
    learner = next((d.learner for d in held if d.learner), None)
    return Held(waiting, _earliest(report_by), _earliest(closes_on), learner)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _refused(error: Exception) -> Refused:
    """What went wrong with one event; the unforeseen refuses that one too, and no other."""
    if isinstance(error, Stopped):
        return Refused(error.reasons)
    # The type only: an exception's text may repeat what it choked on.
    return Refused((Reason(Stage.INTERNAL, "internal", detail=type(error).__name__),))
