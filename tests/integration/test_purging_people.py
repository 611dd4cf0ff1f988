"""A person purged: opened with the keys nothing says who it was, and nobody else is touched."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Connection, Row, insert, select, update

from consumer.bus.port import Message, Outgoing
from consumer.credit import State
from consumer.desk import exporting
from consumer.desk.activityreport import report_on
from consumer.desk.aside import may_hold_many
from consumer.desk.auditlines import AuditLines
from consumer.desk.auditscope import find_scope
from consumer.desk.closing import Closing
from consumer.desk.correcting import Correcting
from consumer.desk.correcting import Wanted as Named
from consumer.desk.credits import (
    CreditFilter,
    CreditPurged,
    NoSuchCredit,
    list_credits,
    show_credit,
)
from consumer.desk.deadletters import NotOpen, reveal_letter, show_letter
from consumer.desk.editing import Editing, Wanted
from consumer.desk.explaining import Explaining
from consumer.desk.exporting import export_person
from consumer.desk.looking import Desk
from consumer.desk.parcels import Parcels
from consumer.desk.people import Find, find_people
from consumer.desk.person import reveal_person, show_person
from consumer.desk.purging import NamesThem, Premises, Purging, UnderWay
from consumer.desk.recovering import unsettled
from consumer.desk.restoring import say_restored
from consumer.desk.switching import Switching
from consumer.desk.tabling import TableDesk, Wish
from consumer.desk.trail import remember
from consumer.desk.trailchecking import check_trail
from consumer.desk.withdrawing import withdraw
from consumer.gateway.spool import Spool
from consumer.ledger import links
from consumer.ledger.chain import HEAD
from consumer.ledger.columns import sealed_columns
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import LedgerRefused, set_fact
from consumer.ledger.letters import Status
from consumer.ledger.purgeregister import PurgeRegister
from consumer.ledger.schema import (
    attempts,
    audit,
    completions,
    credits_,
    events,
    letter_edits,
    letters,
    metadata,
    people,
)
from consumer.ledger.searching import search_digest
from consumer.pumps.rejudging import rejudge
from consumer.release import Mode, Subject
from consumer.tables.boards import shipped_boards
from tests.end_to_end.learner import BOARD_ID, EMAIL, FAMILY, GIVEN, NPI, SAYS
from tests.end_to_end.search import Search
from tests.integration.office import DEAD_LETTERS, Office, SimulatedPars
from tests.integration.people import (
    CANVAS,
    DAY,
    EVERYONE,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    moodle,
    openedx,
    raw,
)
from tests.integration.test_purging import everything
from tests.integration.test_several_in_one import ROWS, a_mapping, maps_by, message
from tests.integration.test_several_in_one import done as done_by

BORN = "1968-06-17"
THEM = Physician(77001733, GIVEN, FAMILY, BORN, BOARD_ID)
ALIAS = replace(THEM, number=88002844)
"""Another account of theirs, known by the board's ID alone."""
SEARCH = Search(
    {
        "names": [GIVEN, FAMILY],
        "address": [EMAIL],
        "ids": [BOARD_ID, NPI],
        "accounts": [str(THEM.number), str(ALIAS.number)],
        "birth": [BORN, "19680617", "06/17/1968"],
    }
)
WHY = "asked for it in writing, case 12"
EVENTS = (moodle(THEM), canvas(THEM, emitted=NOON + HOUR), openedx(THEM), moodle(ALIAS, "103"))


def their_rows() -> tuple[dict[str, str], ...]:
    return tuple(one.row(email=EMAIL, npi=NPI) for one in (THEM, ALIAS))


@dataclass(frozen=True, slots=True)
class Case:
    """An office that has something of them in every place there is."""

    office: Office
    pars: SimulatedPars
    unread: str
    letter: str

    @property
    def desk(self) -> Desk:
        return Desk(
            self.office.ledger, self.office.service.premises.house.tables, self.office.clock
        )

    @property
    def premises(self) -> Premises:
        data = self.office.folder / "data"
        register = PurgeRegister(data / "purged.jsonl")
        return Premises(self.office.tables, 20, register, self.office.bus_path, data / "spool.db")

    def purging(self, why: str = WHY) -> Purging:
        return Purging(self.desk, self.premises, "root", why)

    def key(self) -> str:
        (found,) = find_people(self.desk, Find(FAMILY)).people
        return found.key


@pytest.fixture
def case(reporting: Office, open_pars: Callable[..., SimulatedPars]) -> Case:
    office, pars = reporting, open_pars(people=(*EVERYONE, THEM))
    desk = TableDesk(office.tables, shipped_boards(), office.settings.profiles, office.clock, 20)
    office.put_learners(*their_rows(), PRIYA.row(), OTIS.row())
    office.look()
    office.hear(*EVENTS, moodle(PRIYA), canvas(OTIS))
    office.publish()
    office.drive(lambda: {*office.states()} <= {"accepted", "rejected"})
    office.hear(moodle(THEM, "102", at=NOON + 400 * DAY), moodle(OTIS, "102", at=NOON + 400 * DAY))
    (letter,) = [one for one in office.open_letters() if _is_theirs(office, str(one["letter_id"]))]
    name, house = str(letter["letter_id"]), office.service.premises.house
    Editing(office.ledger, house, office.clock, "mora", SAYS).save(
        name, 0, Wanted({"completed": (NOON + 401 * DAY).isoformat()})
    )
    office.publish()
    office.hear(raw(f'{{"who": "{SAYS}'.encode(), key=EMAIL.encode()), raw(b"{nothing"))
    (unread,) = [r.id for r in office.letters if r.completion_id is None and _says(office, r)]
    Closing(office.ledger, office.clock, "mora", "cannot be read").discard(unread)
    office.hear(moodle(THEM, "104"))  # ready, and not sent
    office.put_learners(*(row | {"consent": ""} for row in their_rows()), PRIYA.row(), OTIS.row())
    office.look()
    office.hear(moodle(ALIAS, "102"))  # held
    with office.ledger.begin() as db:
        _adopted(db, office)
        answer = office.ledger.seal.seal_json({"word": "", "raw": SAYS.encode()})
        db.execute(update(attempts).where(attempts.c.credit_row == 1).values(answer=answer))
        for subject, why in (
            ("c5", SAYS),
            ("ccid:other", f"asked by {GIVEN} {FAMILY}"),
            ("x", "no"),
        ):
            was = {"learner": str(THEM.number)} if subject == "c5" else {"n": "1"}
            now, what = office.clock.now(), "credit.withdrawn"
            remember(db, office.ledger, now, "mora", what, subject, why, before=was)
    desk.apply(desk.preview_bytes("learners", "new.csv", _with_new_address(office), Wish()), "mora")
    (other,) = [one for one in office.letters if one.id != name and one.stage == "rules"]
    Closing(office.ledger, office.clock, "mora", f"not {FAMILY}, {GIVEN}").discard(other.id)
    Switching(office.ledger, office.clock, "mora", SAYS).turn(Subject.SOURCE, ["lms"], Mode.HOLD)
    spool = Spool(office.folder / "data" / "spool.db", office.ledger.seal, office.clock)
    spool.append([moodle(THEM, "105"), moodle(PRIYA, "105")])
    for number in (1, 2):
        spool.set_aside(number)
    spool.close()
    Parcels(office.tables, office.ledger.seal, office.clock).put(
        "mora", "upload", {}, SAYS.encode()
    )
    office.look()
    found = Case(office, pars, unread, name)
    reveal_person(found.desk, found.key(), "mora")
    reveal_letter(office.ledger, name, "mora", office.clock)
    return found


def _with_new_address(office: Office) -> bytes:
    return (office.tables / "learners.csv").read_bytes().replace(b"learner4413307@", b"priya.v@")


def _is_theirs(office: Office, letter: str) -> bool:
    (row,) = [one for one in office.letters if one.id == letter]
    return _says(office, row)


def _says(office: Office, row: object) -> bool:
    opened = office.ledger.seal.open(row.original)  # type: ignore[attr-defined]
    return bool(SEARCH.find(opened))


def _adopted(db: Connection, office: Office) -> None:
    """PARS had one of theirs before this service."""
    book = CreditBook(db, office.ledger, office.clock.now())
    first = db.execute(select(credits_).order_by(credits_.c.id)).first()
    assert first is not None
    record = replace(office.ledger.seal.open_record(first.record), activity="OLD")
    key = office.ledger.identity.credit_key(record)
    values = book.new(key, key, record) | {"state": "accepted", "credit_id": "ccid:old:1-r1"}
    db.execute(insert(credits_).values(values))


def files(case: Case) -> Iterator[tuple[str, bytes]]:
    """Every file of the office but the ledger's own, and what is sealed in them opened."""
    for file in sorted(case.office.folder.rglob("*")):
        if file.is_file() and not file.name.startswith("ledger.db"):
            yield str(file.relative_to(case.office.folder)), _opened(case, file.read_bytes())


def spooled(case: Case) -> Iterator[bytes]:
    """What waits in the spool, opened."""
    if not (case.office.folder / "data" / "spool.db").exists():
        return
    with closing(sqlite3.connect(case.office.folder / "data" / "spool.db")) as file:
        for (sealed,) in file.execute("SELECT sealed FROM waiting"):
            yield case.office.ledger.seal.open(sealed)


def _opened(case: Case, content: bytes) -> bytes:
    return case.office.ledger.seal.open(content) if content.startswith(b"\x01") else content


def traces_left(case: Case) -> dict[str, set[str]]:
    """Where they still stand, after everything is opened with the keys."""
    found = {name: SEARCH.find(content) for name, content in files(case)}
    found["spool"] = SEARCH.find(b"".join(spooled(case)))
    found["ledger"] = SEARCH.find(everything(case.office).encode())
    terms = [("name", GIVEN.lower()), ("name", FAMILY.lower()), ("board_id", BOARD_ID)]
    terms += [("user", str(one.number)) for one in (THEM, ALIAS)]
    hashed = {search_digest(case.office.ledger, *term) for term in terms}
    if hashed & {row.digest for row in case.office.rows(people)}:
        found["search keys"] = {"hash"}
    return {name: what for name, what in found.items() if what}


def behind(office: Office, credit: int) -> int | None:
    """The completion that stands behind a credit."""
    with office.ledger.read() as db:
        return links.behind(db, credit)


def others(case: Case) -> dict[str, list[Any]]:
    """Everything in the ledger that says nothing of them, byte for byte, by its table."""
    kept = {}
    for table in (completions, credits_, letters):
        rows = case.office.rows(table)
        kept[table.name] = [row for row in rows if not _tells(case.office, row)]
    return kept


def _tells(office: Office, row: Row[Any]) -> bool:
    cells = [one for one in row if isinstance(one, bytes)]
    return any(SEARCH.find(office.ledger.seal.open(one)) for one in cells)


# ---------------------------------------------------------------- what goes


def test_after_a_purge_nothing_anywhere_says_who_it_was(case: Case) -> None:
    before, places = others(case), traces_left(case)
    assert {"ledger", "search keys", "tables/learners.csv"} <= {*places}
    assert any("bus.db" in name for name in places)
    assert any(".history" in name for name in places)
    assert "spool" in places
    assert any(".waiting" in name for name in places)
    plan = case.purging().go(case.key())
    case.office.publish()
    assert traces_left(case) == {}
    counts = {line.place: line.count for line in plan.lines}
    assert (counts["completions"], counts["credits"], counts["dead letters"]) == (7, 6, 6)
    for name, rows in before.items():
        now = {row.id: row for row in case.office.rows(metadata.tables[name])}
        assert [now[row.id] for row in rows] == rows
    assert check_trail(case.office.ledger).problems == ()
    assert len([*spooled(case)]) == 1
    assert case.office.rows(letter_edits) == []
    told = {row.subject: row for row in case.office.rows(audit)}
    assert case.office.ledger.seal.open(told["x"].why.encode()) == b"no"
    assert told["ccid:other"].why == ""
    assert (told["c5"].change, told["c5"].who) == (None, "mora")


def test_no_sealed_column_is_forgotten(case: Case) -> None:
    """Whoever seals something new has it purged too, and puts it into this office."""
    elsewhere = {"steps.said", "steps.original", "letter_edits.edit"}  # other tests have these
    assert columns_with_them(case.office) | elsewhere == {
        f"{one.table.name}.{one.name}" for one in sealed_columns()
    }
    case.purging().go(case.key())
    assert columns_with_them(case.office) == set()


def columns_with_them(office: Office) -> set[str]:
    """The sealed columns in which they stand."""
    found = set()
    with office.ledger.read() as db:
        for column in sealed_columns():
            for value in filter(None, db.scalars(select(column))):
                sealed = value.encode() if isinstance(value, str) else value
                if SEARCH.find(office.ledger.seal.open(sealed)):
                    found.add(f"{column.table.name}.{column.name}")
    return found


def test_a_table_without_them_is_the_same_for_everybody_else(case: Case) -> None:
    before = (case.office.tables / "learners.csv").read_bytes()
    case.purging().go(case.key())
    after = (case.office.tables / "learners.csv").read_bytes()
    assert after.splitlines() == [line for line in before.splitlines() if not SEARCH.find(line)]
    desk = TableDesk(case.office.tables, shipped_boards(), case.office.settings.profiles,
                     case.office.clock, 20)  # fmt: skip
    desk.apply(desk.preview_undo("learners"), "mora")
    assert traces_left(case) == {}


@pytest.mark.parametrize("site", [None, MOODLE], ids=["gone", "of one site now"])
def test_a_row_that_served_every_site_once_goes_from_earlier_versions(
    case: Case, site: str | None
) -> None:
    now = [row | {"site": site} for row in their_rows() if site]
    case.office.put_learners(*now, PRIYA.row(), OTIS.row())
    case.office.look()
    exported = _exported(case, case.key())
    assert BOARD_ID in _versions(exported)
    assert (BOARD_ID in exported["learners.csv"]) == bool(site)
    case.purging().go(case.key())
    assert traces_left(case) == {}


def test_nobody_is_handed_what_may_have_been_another_sites_user(office: Office) -> None:
    """Two LMSs give out the same numbers: the table was told apart by site when that was seen."""
    other = replace(LENA, number=PRIYA.number)
    case = Case(office, None, "", "")  # type: ignore[arg-type]
    office.put_learners(PRIYA.row())
    office.look()
    desk = TableDesk(office.tables, shipped_boards(), office.settings.profiles, office.clock, 20)
    desk.apply(desk.preview_bytes("learners", "new.csv", _with_new_address(office), Wish()), "mora")
    office.put_learners(PRIYA.row(site=MOODLE), other.row(site=CANVAS))
    office.look()
    office.hear(moodle(PRIYA), canvas(other))
    theirs, others = (_exported(case, _key(case, one)) for one in (other, PRIYA))
    assert PRIYA.board_id not in "".join(theirs.values())
    assert other.board_id in theirs["learners.csv"]
    assert PRIYA.board_id in others["learners.csv"]


def _key(case: Case, who: Physician) -> str:
    (found,) = find_people(case.desk, Find(who.family_name)).people
    return found.key


def _exported(case: Case, key: str) -> dict[str, str]:
    """Each file of an export, by its name; nothing of it stays."""
    file = case.office.folder / "theirs.zip"
    export_person(case.desk, case.premises, key, file, "root")
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    file.unlink()
    return parts


def _versions(exported: dict[str, str]) -> str:
    return "".join(text for name, text in exported.items() if name.startswith("versions/"))


def test_the_same_events_again_are_duplicates_and_leave_nothing(case: Case) -> None:
    live = len(case.pars.live)
    case.purging().go(case.key())
    case.office.put_learners(*their_rows(), PRIYA.row(), OTIS.row())
    case.office.look()
    again = [
        *EVENTS,
        moodle(THEM, "104"),
        moodle(ALIAS, "102"),
        moodle(THEM, "103", at=NOON + HOUR),
    ]
    assert case.office.hear(*again[:6]) == {"duplicate": 6}
    case.office.put_learners(PRIYA.row(), OTIS.row())
    assert SEARCH.find(everything(case.office).encode()) == set()
    case.office.pass_time(3 * 86_400)
    assert (len(case.pars.live), case.pars.totals["doubled"]) == (live, 0)
    # What the LMS said again lies in the log: the same command empties that too.
    assert [*traces_left(case)] in (["data/bus.db-wal"], ["data/bus.db"])
    for row in case.office.completions:
        if row.purged_at is not None:
            case.purging().go(f"p{row.id}")
    assert traces_left(case) == {}


def test_a_correction_that_leads_to_a_purged_course_writes_nothing_there(case: Case) -> None:
    office = case.office
    case.purging().go(case.key())
    before = [row for row in office.completions if row.purged_at]
    office.hear(moodle(PRIYA, "102", at=NOON + 400 * DAY))
    (letter,) = [str(row["letter_id"]) for row in office.open_letters(stage="rules")]
    theirs = {"learner": str(THEM.number), "course": "101", "completed": NOON.isoformat()}
    house = office.service.premises.house
    Editing(office.ledger, house, office.clock, "mora", "x").save(letter, 0, Wanted(theirs))
    assert office.replay(letter) == "duplicate"
    assert [row for row in office.completions if row.purged_at] == before


def test_another_account_brings_no_purged_credit_back(case: Case) -> None:
    live = len(case.pars.live)
    case.purging().go(case.key())
    another = replace(THEM, number=99003955)
    case.office.put_learners(another.row(), PRIYA.row(), OTIS.row())
    case.office.look()
    before = [row for row in case.office.credits if row.purged_at]
    later = NOON + DAY
    said = case.office.hear(
        moodle(another), moodle(another, "104"), moodle(another, "103", at=later)
    )
    assert said == {"duplicate": 3}
    case.office.pass_time(3 * 86_400)
    assert (len(case.pars.live), case.pars.totals["doubled"]) == (live, 0)
    assert [row for row in case.office.credits if row.purged_at] == before


def test_a_later_course_of_theirs_is_a_new_completion(case: Case) -> None:
    case.purging().go(case.key())
    assert case.office.hear(moodle(THEM, "103")) == {"held": 1}
    assert find_people(case.desk, Find(str(THEM.number))).people[0].cases == 1


def test_what_the_lms_takes_back_of_a_purged_course_asks_nobody(case: Case) -> None:
    case.purging().go(case.key())
    before = case.office.letters
    assert case.office.hear(openedx(THEM, kind="org.openedx.learning.certificate.revoked.v1",
                                    at=NOON + DAY)) == {"duplicate": 1}  # fmt: skip
    assert case.office.letters == before
    assert SEARCH.find(everything(case.office).encode()) == set()


# ---------------------------------------------------------------- what does not go


def test_while_a_credit_is_under_way_nothing_is_purged(case: Case) -> None:
    case.office.put_learners(*their_rows(), PRIYA.row(), OTIS.row())
    case.office.look()
    case.office.take_for_sent(State.SUBMITTED)
    before, places = everything(case.office), traces_left(case)
    plan = case.purging().plan(case.key())
    assert [one.standing for one in plan.hindrances] == ["Sent to PARS"] * 2
    with pytest.raises(UnderWay) as refused:
        case.purging().go(case.key())
    assert refused.value.hindrances == plan.hindrances
    assert (everything(case.office), traces_left(case)) == (before, places)


@pytest.mark.parametrize("status", [Status.OPEN, Status.REPLAYED])
def test_a_letter_of_many_that_nobody_has_read_holds_it_up(case: Case, status: Status) -> None:
    office = case.office
    known = {one.id for one in office.letters}
    office.hear(raw(f'[{{"user": {THEM.number}}}, {{"user": {PRIYA.number}'.encode()))
    (letter,) = [one for one in office.letters if one.id not in known]
    with office.ledger.begin() as db:
        db.execute(update(letters).where(letters.c.id == letter.id).values(status=status.value))
    before, places = everything(office), traces_left(case)
    (hindrance,) = case.purging().plan(case.key()).hindrances
    assert (hindrance.name, hindrance.standing) == (letter.id, "Needs attention")
    with pytest.raises(UnderWay):
        case.purging().go(case.key())
    assert (everything(office), traces_left(case)) == (before, places)
    with office.ledger.begin() as db:
        db.execute(update(letters).where(letters.c.id == letter.id).values(status="open"))
    Closing(office.ledger, office.clock, "mora", "not ours").discard(letter.id)
    assert case.purging().go(case.key()).hindrances == ()
    assert traces_left(case) == {}


def test_a_post_set_aside_in_which_others_may_stand_holds_it_up(case: Case) -> None:
    office = case.office
    spool = Spool(office.folder / "data" / "spool.db", office.ledger.seal, office.clock)
    both = b'{"events": [%b, %b]}' % (moodle(THEM).value, moodle(PRIYA).value)
    spool.append([Outgoing("lms.events", b"lms", both)])
    spool.set_aside(3)
    before, places = everything(office), traces_left(case)
    (hindrance,) = case.purging().plan(case.key()).hindrances
    assert (hindrance.name, hindrance.standing) == ("post 3", "set aside")
    with pytest.raises(UnderWay):
        case.purging().go(case.key())
    assert (everything(office), traces_left(case)) == (before, places)
    spool.drop([3])
    spool.close()
    assert case.purging().go(case.key()).hindrances == ()
    assert traces_left(case) == {}


@pytest.mark.parametrize(
    ("body", "many"),
    [
        (b'{"user": 7, "tags": ["a", "b"], "marks": [{"m": 1}]}', False),
        (b'[{"user": 7}]', True), (b'{"events": [{"user": 7}, {"user": 8}]}', True),
        (b'{"a": {"b": [[{}, {}]]}}', True), (b"userid=7&courseid=3", True), (b'"text"', True),
    ],
)  # fmt: skip
def test_a_post_is_of_one_event_only_where_that_is_sure(body: bytes, many: bool) -> None:
    assert may_hold_many(body) == many


def test_a_message_of_somebody_else_alone_stays_in_the_log(case: Case) -> None:
    """Such as one whose letter was corrected: it was another learner's."""
    office = case.office
    (mine,) = [row for row in office.letters if row.id == case.letter]
    heard = {office.ledger.seal.open_said(row.said).learner: row.id for row in office.completions}
    place = (events.c.topic == mine.topic, events.c.offset == mine.offset)
    with office.ledger.begin() as db:
        db.execute(update(events).where(*place).values(completion_id=heard[str(PRIYA.number)]))
    plan = case.purging().go(case.key())
    assert "1 messages of the embedded log that hold events of other people too" in plan.stays
    assert {name.partition("-")[0] for name in traces_left(case)} == {"data/bus.db"}


def test_a_reason_that_names_them_is_refused(case: Case) -> None:
    with pytest.raises(NamesThem):
        case.purging(f"for {GIVEN} {FAMILY}").go(case.key())
    assert "ledger" in traces_left(case)


def test_what_a_trail_that_is_not_whole_refuses_is_not_remembered_as_purged(case: Case) -> None:
    with case.office.ledger.begin() as db:
        set_fact(db, HEAD, "changed by somebody")
    before = everything(case.office)
    with pytest.raises(LedgerRefused):
        case.purging().go(case.key())
    assert everything(case.office) == before
    assert not (case.office.folder / "data" / "purged.jsonl").exists()


def test_a_plan_changes_nothing(case: Case) -> None:
    before, places = everything(case.office), traces_left(case)
    plan = case.purging().plan(case.key())
    assert (everything(case.office), traces_left(case)) == (before, places)
    assert SEARCH.find(repr(plan).encode()) == set()


# ---------------------------------------------------------------- what is told of it


def test_every_reader_tells_that_it_was_purged(case: Case) -> None:
    office = case.office
    names = [row["id"] for row in list_credits(office.ledger, CreditFilter(limit=100))]
    case.purging().go(case.key())
    on = f"purged on {office.clock.now():%Y-%m-%d}: nothing of the learner is kept"
    gone = [row for row in office.credits if row.purged_at]
    assert len(gone) == 6
    house = office.service.premises.house
    explaining = Explaining(office.ledger, house, office.tables, office.clock)
    correcting = Correcting(office.ledger, house, office.clock, "mora", "x")
    for row in gone:
        name = row.credit_id or f"c{behind(office, row.id)}"
        shown = show_credit(office.ledger, name)
        assert (shown["what_happened"], shown["state"]) == (on, row.state)
        for do in (
            lambda name: [*withdraw(office.ledger, [name], "mora", "x", office.clock)],
            explaining.explain,
            lambda name: correcting.select(Named((name,))),
        ):
            with pytest.raises(CreditPurged if row.credit_id else NoSuchCredit):
                do(name)
    for row in office.completions:
        if row.purged_at:
            page = show_person(case.desk, f"p{row.id}")
            assert all(on in told.happened for told in page.cases)
    for letter in (case.letter, case.unread):
        assert show_letter(office.ledger, letter)["what_happened"] == on
        assert reveal_letter(office.ledger, letter, "mora", office.clock) == b""
        with pytest.raises(NotOpen):
            office.replay(letter)
        with pytest.raises(NotOpen):
            Editing(office.ledger, house, office.clock, "mora").open(letter)
        with pytest.raises(NotOpen):
            Closing(office.ledger, office.clock, "mora", "x").meaning(letter, Status.DISCARDED)
    report_on(office.ledger, house.tables, "HF-UPDATE", office.clock)
    with office.ledger.read() as db:
        lines = AuditLines(
            db, office.ledger, house.tables, find_scope(db, house.tables, "HF-UPDATE")
        )
        learners = [line.learner for line in lines.reported()]
    assert (learners.count(on), len(learners)) == (1, 3)
    rejudge(office.ledger, office.service.premises, office.clock)
    assert all(row.state != "ready" for row in office.credits)
    assert len(names) > 7
    # Nobody knows any more that two of them were the same person's.
    alike = [row for row in office.completions if row.course == "102"]
    assert len(find_people(case.desk, Find(activity="102")).people) == len(alike) == 3
    office.look()
    assert not find_people(case.desk, Find(FAMILY)).people


def test_on_a_topic_that_is_not_compacted_yet_the_last_word_counts(case: Case) -> None:
    told = [one for one in case.office.published() if one.key == case.letter.encode()]
    assert [one.letter_id for one in unsettled(told, case.office.ledger.seal)] == [case.letter]
    gone = Message(DEAD_LETTERS, 0, 99, case.letter.encode(), None)
    assert unsettled([*told, gone], case.office.ledger.seal) == []


def test_a_letter_that_was_purged_does_not_come_back_from_its_topic(case: Case) -> None:
    case.purging().go(case.key())
    case.office.publish()
    back = unsettled(case.office.published(), case.office.ledger.seal)
    assert not {one.letter_id for one in back} & {case.letter, case.unread}
    assert back


# ---------------------------------------------------------------- after a backup


def test_after_a_restore_pars_is_asked_of_nobody_who_was_purged(case: Case) -> None:
    case.purging().go(case.key())
    before = [row for row in case.office.credits if row.purged_at]
    say_restored(case.office.ledger, "root", case.office.clock.now())
    case.office.pass_time(3 * 86_400)
    assert [row for row in case.office.credits if row.purged_at] == before
    assert not [row for row in case.office.credits if row.restored_at]


def test_the_emptied_log_is_heard_without_a_letter(case: Case) -> None:
    case.purging().go(case.key())
    known = {row.id for row in case.office.letters}
    case.office.lose_ledger()
    case.office.hear()
    assert len(case.office.completions) == 3  # of the two others
    assert {row.id for row in case.office.letters} <= known
    assert SEARCH.find(everything(case.office).encode()) == set()


# ---------------------------------------------------------------- export


def test_an_export_holds_everything_in_clear(case: Case) -> None:
    file = case.office.folder / "theirs.zip"
    done = export_person(case.desk, case.premises, case.key(), file, "root")
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    file.unlink()
    assert {"README.txt", "summary.csv", "person.json", "learners.csv", "audit.csv"} <= {*parts}
    assert len(json.loads(parts["completions.json"])) == done.counts["completions"] == 7
    text = b"\n".join(parts.values()).decode()
    for word in (
        GIVEN,
        FAMILY,
        EMAIL,
        BOARD_ID,
        NPI,
        str(ALIAS.number),
        "mora",
        "course_completed",
    ):
        assert word in text, word
    for other in (PRIYA, OTIS):
        assert other.family_name not in text
    sent = [one for one in json.loads(parts["credits.json"]) if one["sent_to_pars"]]
    assert all(
        one["requests_to_pars"] for one in sent if not one["credit_id"].startswith("ccid:old")
    )
    assert case.office.rows(audit)[-1].what == "learner.exported"
    file.touch()
    with pytest.raises(FileExistsError):
        export_person(case.desk, case.premises, case.key(), file, "root")


def test_while_an_export_is_put_together_others_write(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, ours = case.office.ledger, exporting._packed

    def write() -> None:
        with ledger.begin() as db:
            set_fact(db, "tried", "by another")

    with ThreadPoolExecutor(1) as pool:

        def packed(parts: Mapping[str, bytes]) -> bytes:
            pool.submit(write).result(timeout=5)
            return ours(parts)

        monkeypatch.setattr(exporting, "_packed", packed)
        assert "README.txt" in _exported(case, case.key())
    assert case.office.rows(audit)[-1].what == "learner.exported"


def test_a_message_of_several_people_stays_for_the_others(office: Office) -> None:
    office.put_learners(*their_rows(), PRIYA.row(), OTIS.row())
    maps_by(office, a_mapping(ROWS))
    office.hear(
        message(done_by(THEM), done_by(PRIYA)), message(done_by(THEM, at="2026-11-19T18:00:00Z"))
    )
    case = Case(office, None, "", "")  # type: ignore[arg-type]
    key = case.key()
    plan = case.purging().go(key)
    assert "1 messages of the embedded log that hold events of other people too" in plan.stays
    left = traces_left(case)
    assert {name.partition("-")[0] for name in left} == {"data/bus.db"}
    office.lose_ledger()
    office.hear()
    assert len(office.completions) == 2  # both of the message that stayed: nobody's is lost
