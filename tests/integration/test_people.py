"""Anyone is found by anything, as one person, with everything that was heard of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from consumer.bus.port import Outgoing
from consumer.credit import WORDS, State
from consumer.desk.looking import Desk
from consumer.desk.people import Find, Person, find_people
from consumer.desk.person import NoSuchPerson, PersonPage, Told, reveal_person, show_person
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import audit, completion_credits, credits_, lines
from consumer.reason import Reason, Stage
from tests.fakes import FakeClock
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    CANVAS,
    COURSES,
    EVERYONE,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    course,
    moodle,
    openedx,
    raw,
    revoked,
)
from tests.integration.test_desk import settle

NPI = "1245319599"
MARRIED = Physician(777_001, "Priya", "Vantongeren-Oyelaran", PRIYA.birth_date, PRIYA.board_id)


def desk(office: Office, **changed: Any) -> Desk:
    return Desk(office.ledger, office.service.premises.house.tables, office.clock, **changed)


def found(office: Office, text: str = "", **wanted: Any) -> tuple[Person, ...]:
    return find_people(desk(office), Find(text, **wanted)).people


def the_one(office: Office, text: str) -> PersonPage:
    (person,) = found(office, text)
    return show_person(desk(office), person.key)


def standings(page: PersonPage) -> list[str]:
    return [case.standing for case in page.cases]


def only(page: PersonPage) -> Told:
    (case,) = page.cases
    return case


# ---------------------------------------------------------------- found by anything


@pytest.mark.parametrize(
    "text",
    [
        "Vantongeren", "priya", "vanton", "PRIYA vantongeren", "Vantongeren, Priya",
        "learner4413307@lakeside.example", "learner4413307@", PRIYA.board_id, str(PRIYA.number),
        NPI, "priya hf-update", "heart failure", "HF-UPDATE", "101", "c1", "p1", "Ready", "ready",
        "priya learner4413307@lakeside.example heart",
    ],
)  # fmt: skip
def test_anyone_is_found_by_anything(office: Office, text: str) -> None:
    office.put_learners(PRIYA.row(npi=NPI), OTIS.row(), LENA.row())
    office.look()
    office.hear(moodle(PRIYA), openedx(LENA))
    office.take_for_sent()
    with office.ledger.begin() as db:  # one that is ready still, among those that are not
        db.exec_driver_sql("UPDATE credits SET state = 'ready' WHERE id = 1")
    assert [person.key for person in found(office, text)] == ["p1"]


@pytest.mark.parametrize("text", ["pri x", "an", "otis", "04132", "priya sepsis", "•", "%", "'"])
def test_nobody_is_found_by_what_is_not_theirs(office: Office, text: str) -> None:
    office.hear(moodle(PRIYA))
    assert [person.key for person in found(office, text) if person.cases] == []


def test_a_credit_is_found_by_its_id_of_any_revision_and_by_its_letter(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    reporting.drive(lambda: "rejected" in reporting.states())
    first = next(row.credit_id for row in reporting.credits if row.state == "rejected")
    letter = str(reporting.letter["letter_id"])
    assert the_one(reporting, letter).person.standing == "Rejected by the board"
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive_to("accepted", "accepted")
    assert [p.key for p in found(reporting, first)] == [p.key for p in found(reporting, letter)]
    assert standings(the_one(reporting, first)) == ["Accepted by the board"]


def test_people_are_found_by_state_and_activity_together(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS, "102"), moodle(LENA, "999"), moodle(OTIS, "998"))

    def keys(**wanted: Any) -> set[str]:
        return {person.key for person in found(office, **wanted)}

    assert keys(activity="SEPSIS") == keys(activity="102") == {"p2"}
    assert keys(state="held") == keys(state="Waiting for learner") == {"p2", "p3"}
    assert keys(state="held", activity="SEPSIS", text="otis") == set()
    assert keys(state="held", activity="998", text="otis") == {"p2"}
    assert keys(state="accepted") == set()


def test_whoever_was_never_heard_of_is_found_in_the_table(office: Office) -> None:
    (lena,) = found(office, "quill")
    assert (lena.standing, lena.cases, lena.listed) == ("Nothing heard", 0, True)
    page = show_person(desk(office), lena.key)
    assert page.note.startswith("nothing heard from any LMS for this person yet; check that")
    office.hear(moodle(LENA))
    # The address that somebody kept leads to her still, now that something was heard.
    assert standings(show_person(desk(office), lena.key)) == ["Ready"]


def test_one_whose_board_id_nobody_knows_is_told_from_everybody_else(office: Office) -> None:
    unknown = {"board_id": "unknown", "birth_date": ""}
    office.put_learners(OTIS.row(**unknown), LENA.row(**unknown))
    office.look()
    office.hear(moodle(OTIS), moodle(LENA))
    assert len(found(office, "unknown")) == 2


# ---------------------------------------------------------------- who is one person


def test_two_accounts_of_one_physician_are_one_person(office: Office) -> None:
    office.put_learners(PRIYA.row(), MARRIED.row(site=CANVAS), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA), canvas(MARRIED, "731"), moodle(PRIYA, "102"), moodle(OTIS))
    for text in ("oyelaran", "777001", str(PRIYA.number), "c1", "learner777001@lakeside.example"):
        page = the_one(office, text)
        assert [account.site for account in page.identity.accounts] == [MOODLE, CANVAS]
        assert {number for case in page.cases for number in case.completions} == {1, 2, 3}


def test_one_user_of_two_lmss_is_one_person_by_the_row_that_serves_both(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id=""))
    office.look()
    office.hear(moodle(PRIYA), canvas(PRIYA))
    assert standings(the_one(office, "priya")) == ["Waiting for learner"] * 2


def test_the_same_user_number_at_two_lmss_is_two_people(office: Office) -> None:
    office.put_learners(PRIYA.row(site=MOODLE), OTIS.row(site=CANVAS, learner=str(PRIYA.number)))
    office.look()
    office.hear(moodle(PRIYA), canvas(PRIYA))
    both = found(office, str(PRIYA.number))
    assert [person.cases for person in both] == [1, 1]
    assert {person.name for person in both} == {"P••• V•••", "O••• F•••-N•••"}


def test_two_people_in_whose_rows_one_id_stands_stay_two(office: Office) -> None:
    office.put_learners(PRIYA.row(), OTIS.row(board_id=PRIYA.board_id))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS, "102"))
    assert [person.cases for person in found(office, PRIYA.board_id)] == [1, 1]


def test_a_corrected_row_parts_whom_a_wrong_one_joined(office: Office) -> None:
    twin = replace(OTIS, birth_date=PRIYA.birth_date)
    office.put_learners(PRIYA.row(), twin.row(board_id=PRIYA.board_id))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS, "999"))
    assert len(found(office, "otis")[0].accounts) == 2
    office.put_learners(PRIYA.row(), twin.row())
    office.look()
    assert len(found(office, "otis")[0].accounts) == 1


# ---------------------------------------------------------------- what is shown


def test_dr_vantongeren_says_her_points_are_missing(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="", consent="no"), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    case = only(the_one(office, "vantongeren"))
    assert (case.title, case.completed_on) == ("Heart Failure Update", "2026-11-20")
    assert (case.standing, case.happened) == ("Waiting for learner", ("no board ID is known",))
    assert case.next.who == "learner"
    assert "ask the learner" in case.next.what
    assert [step.what for step in case.timeline] == ["heard from Moodle: it waits for something"]


def test_a_timeline_is_told_in_plain_words(reporting: Office, pars: SimulatedPars) -> None:
    pars.weather({"kind": "cut_after_store"})
    reporting.hear(moodle(PRIYA), canvas(PRIYA))
    reporting.drive_to("accepted")
    case = only(the_one(reporting, "priya"))
    told = [step.what for step in case.timeline]
    assert told[:3] == [
        "heard from Moodle: it can be reported",
        "heard from Canvas: nothing new in it",
        "sending it to PARS failed: the connection to PARS broke off",
    ]
    assert told[-1] == "accepted by the board"
    assert "PARS has it; the board has not decided yet" in told
    assert case.next.what == "nothing to do"
    assert (case.heard_from, case.next.by_itself) == ("Moodle, Canvas", True)


def test_what_people_did_stands_in_the_timeline(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(moodle(PRIYA))
    page = the_one(office, "priya")
    assert (page.person.standing, only(page).next.who) == ("Needs attention", "coordinator")
    office.replay()
    told = [step.what for step in only(the_one(office, "priya")).timeline]
    assert "mora: sent it round again" in told


def test_while_pars_is_away_everybody_waits_for_it(office: Office) -> None:
    office.hear(moodle(PRIYA))
    now = office.clock.now()
    line = {"profile": "main", "permits": 1.0, "filled_at": now, "failures": 9}
    away = {"open_until": now + HOUR, "stopped": False, "last_success_at": now - timedelta(days=2)}
    with office.ledger.begin() as db:
        db.execute(lines.insert().values(line | away))
    case = only(the_one(office, "priya"))
    assert case.standing == "Waiting for PARS"
    assert case.next.what == "no answer since 2026-11-20 15:15 UTC; it goes by itself"
    assert (case.next.by_itself, case.next.when) == (True, "2026-11-22 16:15 UTC")


def test_what_is_reported_by_file_waits_for_the_file(office: Office) -> None:
    office.hear(moodle(PRIYA))
    (person,) = found(office, "priya")
    case = only(show_person(desk(office, by_file=frozenset({"main"})), person.key))
    assert case.next.who == "coordinator"
    assert "report by file" in case.next.what


def test_a_boards_no_leads_to_the_letter(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    settle(office, State.REJECTED, Reason(Stage.BOARD, "board_rejected"))
    case = only(the_one(office, "rejected by the board"))
    assert (case.standing, case.letters) == ("Rejected by the board", (office.letter["letter_id"],))


def test_a_deadline_that_is_near_is_told(office: Office) -> None:
    office.hear(moodle(PRIYA, at=NOON - timedelta(days=25)), moodle(OTIS))
    near = [(p.key, p.report_by is not None, p.at_risk) for p in found(office)]
    assert near == [("p2", True, ""), ("p1", True, "3 days left")]


# ---------------------------------------------------------------- what nobody may read


def test_nothing_readable_is_shown_of_anybody_who_was_not_revealed(office: Office) -> None:
    office.put_learners(PRIYA.row(npi=NPI, licence="MD123456", licence_state="NY"), LENA.row())
    office.look()
    office.hear(moodle(PRIYA), moodle(PRIYA, "999"), moodle(Physician(5, "", "", "", "")))
    pages = [show_person(desk(office), person.key) for person in found(office)]
    listed = [asdict(one) for one in found(office, "quillfeather")]
    told = orjson.dumps([*map(asdict, pages), *listed]).decode()
    private = [
        *("Priya", "Vantongeren", PRIYA.board_id, str(PRIYA.number), NPI, "MD123456", "1971"),
        *("learner4413307", "Quillfeather", LENA.board_id),
    ]
    assert [mark for mark in private if mark in told] == []


def test_who_looks_at_a_person_is_remembered(office: Office) -> None:
    office.hear(moodle(PRIYA))
    page = reveal_person(desk(office), "p1", "mora")
    assert (page.identity.name, page.identity.board_ids) == ("Priya Vantongeren", ("ABIM 041327",))
    with office.ledger.read() as db:
        (row,) = db.execute(select(audit)).all()
    assert (row.who, row.what, row.subject) == ("mora", "learner.revealed", "p1")
    # Looking at a list, or at a masked page, leaves no trace.
    show_person(desk(office), "p1")
    with office.ledger.read() as db:
        assert len(db.execute(select(audit)).all()) == 1


@pytest.mark.parametrize("key", ["p999", "p", "p²", "", "t", "t" + "0" * 24, "x1", "p-1"])
def test_a_key_that_nobody_has_is_said_to_be_so(office: Office, key: str) -> None:
    office.hear(moodle(PRIYA))
    with pytest.raises(NoSuchPerson):
        show_person(desk(office), key)
    with pytest.raises(NoSuchPerson):
        reveal_person(desk(office), key, "mora")


# ---------------------------------------------------------------- laws

ACCOUNTS = (*EVERYONE, MARRIED, Physician(12, "Ana", "Li", "1980-01-02", "123456"))


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, str]]:
    """A learners table: anybody may be in it, with or without what is needed, or as another."""
    told = []
    for one in ACCOUNTS:
        if draw(st.booleans()):
            wrong = draw(st.sampled_from([{}, {}, {"board_id": ""}, {"board_id": "n/a"},
                {"consent": "no"}, {"board_id": PRIYA.board_id}, {"npi": NPI}]))  # fmt: skip
            told.append(one.row(site=draw(st.sampled_from(["", "", MOODLE, CANVAS])), **wrong))
    return told or [LENA.row()]


@st.composite
def events(draw: st.DrawFn) -> list[Outgoing]:
    """What LMSs may say of them, in any order; also what is no completion, or taken back."""
    told = []
    for _ in range(draw(st.integers(1, 12))):
        who = draw(st.sampled_from(ACCOUNTS))
        told.append(draw(st.sampled_from([
            moodle(who), moodle(who, "102"), moodle(who, "999"), moodle(who, "1"),
            moodle(who, at=NOON + timedelta(days=400)), canvas(who), canvas(who, "77"),
            openedx(who), revoked(who, NOON + HOUR), raw(b"no event"),
        ])))  # fmt: skip
    return told


@given(rows(), events(), rows(), events())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_completion_is_one_persons_and_found_by_all_that_names_it(
    before: list[dict[str, str]],
    first: list[Outgoing],
    after: list[dict[str, str]],
    more: list[Outgoing],
) -> None:
    with TemporaryDirectory() as folder, closing(Office(Path(folder), FakeClock())) as office:
        for table, said in ((before, first), (after, more)):
            office.put_learners(*table)
            office.look()
            office.hear(*said)
            office.take_for_sent()
        everybody = pages(office, "", limit=3)
        owner = owners(office, everybody)
        assert [number for number, count in owner.items() if count != 1] == []
        assert set(owner) == {row.id for row in office.completions}
        for number, terms in identifiers(office):
            for term in terms:
                assert number in owners(office, pages(office, term)), term


def pages(office: Office, text: str, limit: int = 100) -> list[Person]:
    """Everybody who is found, page by page."""
    people: list[Person] = []
    after = "-"
    while after:
        page = find_people(desk(office), Find(text, limit=limit, after=after.strip("-")))
        people += page.people
        after = page.after
    assert len({person.key for person in people}) == len(people)
    return people


def owners(office: Office, people: list[Person]) -> Counter[int]:
    """How many of these people show each completion."""
    shown = [show_person(desk(office), person.key) for person in people]
    return Counter(n for page in shown for n in {n for one in page.cases for n in one.completions})


def identifiers(office: Office) -> Iterator[tuple[int, set[str]]]:
    """All that each completion can be asked for by."""
    tables = office.service.premises.house.tables
    names = credit_names(office.ledger)
    for row in office.completions:
        said = office.ledger.seal.open_said(row.said)
        terms = {said.learner, f"c{row.id}", f"p{row.id}", said.course, *names.get(row.id, ())}
        terms |= {WORDS[row.state]} if row.state in WORDS else set()
        for one in tables.learners.find(said.site, said.learner):
            terms |= {one.family_name, one.given_name, one.email, one.board_id, one.npi}
            terms |= {f"{one.given_name} {one.family_name}"}
        terms |= {one.title for one in tables.activities.find(said.site, said.course)}
        letters = [one.id for one in office.letters if one.completion_id == row.id]
        yield row.id, {*terms, *letters} - {""}


def credit_names(ledger: Ledger) -> dict[int, list[str]]:
    """CreditID, activity, board ID and names of the credits that each completion stands behind."""
    link, k = completion_credits.c, credits_.c
    query = select(link.completion_id, k.credit_id, k.activity, k.record).where(link.stands)
    told: dict[int, list[str]] = {}
    with ledger.read() as db:
        for number, name, activity, record in db.execute(query.where(k.id == link.credit_id)):
            one = ledger.seal.open_record(record)
            told.setdefault(number, []).extend(
                filter(None, [name, activity, one.board_id, one.family_name, one.npi or ""])
            )
    return told


def test_pages_tell_everybody_once_and_in_the_same_order(office: Office) -> None:
    extra = [Physician(9000 + n, f"Ada{n}", "Quill", "1970-01-01", "") for n in range(30)]
    office.put_learners(*(one.row() for one in extra), PRIYA.row(), OTIS.row())
    office.look()
    office.hear(*(moodle(one, number) for number in ("101", "102") for one in (*extra[:14], PRIYA)))
    whole = pages(office, "quill")
    assert len(whole) == 30
    assert [one.key for one in pages(office, "quill", limit=4)] == [one.key for one in whole]


def test_courses_are_known_by_their_titles(office: Office) -> None:
    office.put_activities(*COURSES, course(MOODLE, "555", activity="X", title="Heart matters"))
    office.look()
    office.hear(moodle(PRIYA, "555"), moodle(OTIS))
    assert {one.key for one in found(office, "heart")} == {"p1", "p2"}
    assert {one.key for one in found(office, "heart matters")} == {"p1"}
