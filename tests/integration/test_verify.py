"""`pars verify` against a PARS of other manners: it says what differs, and cleans up."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consumer.fate import Verdict
from consumer.pars.connect import connect
from consumer.pars.contract import CompletedForm, Placement, Transport, UniqueIDForm
from consumer.pars.port import Action, Pars, Reply
from consumer.pars.profile import ParsProfile
from consumer.pars.simulator import STEM, Policy
from consumer.pars.symptoms import BAD, SAVE, SAVE_ELSE, Class, Move, Row
from consumer.pars.verdicts import row_for
from consumer.pars.verify.bench import Bench
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.fragment import fragment
from consumer.pars.verify.plan import CHECKS, LAST, clean_up, go_through
from consumer.pars.verify.subject import read_subject
from consumer.participant import Record
from consumer.parts import pars_profile
from consumer.settings import load_settings
from tests.end_to_end.office import merged
from tests.fakes import FakeClock
from tests.integration.office import PASSWORD, SimulatedPars
from tests.integration.people import PRIYA
from tests.unit.pars.samples import SCHEMAS
from tests.unit.pars.scripted import DOCUMENTS, RawServer, answering, server

OpenPars = Callable[..., SimulatedPars]
LEARNER = f"""\
[learner]
given_name = "{PRIYA.given_name}"
family_name = "{PRIYA.family_name}"
birth_date = "{PRIYA.birth_date}"
board_id = "{PRIYA.board_id}"
npi = "1234567893"
[activity]
pars_activity_id = "202600001"
title = "Heart Failure Update"
credit_type = "Medical Knowledge"
max_points = 1.5
completed_on = "2026-11-20"
"""
PERSONAL = [PRIYA.given_name, PRIYA.family_name, PRIYA.birth_date, PRIYA.board_id, "1234567893"]


class Verifier:
    """An office that tries out its PARS, with these settings of its profile."""

    def __init__(self, folder: Path, clock: FakeClock, url: str, values: dict[str, Any]) -> None:
        self._folder, self._clock, self._runs = folder, clock, itertools.count()
        main = {"provider_id": "0009999", "name": "Lakeside Academy", "domain": "lakeside.example"}
        main |= {"url": url, "user": "reporter", "password": PASSWORD, "requests_per_second": 50}
        self.values = merged({"profiles": {"main": main}}, values)

    def bench(self, patience: float = 600.0) -> Bench:
        """A fresh start."""
        path = self._folder / "learner.toml"
        path.write_text(LEARNER)
        settings = load_settings(None, **self.values)
        provider = settings.profiles["main"]
        way = partial(connect, documents=DOCUMENTS, schemas_dir=SCHEMAS, clock=self._clock)
        return Bench(
            settings,
            pars_profile("main", provider, settings),
            read_subject(path, "main", provider),
            way,
            self._clock,
            f"run{next(self._runs)}",
            patience,
        )

    def run(self) -> list[Finding]:
        """Everything, as the command does it."""
        bench = self.bench()
        try:
            findings = [*go_through(CHECKS, bench), *clean_up(bench), *go_through(LAST, bench)]
            self.fragment = fragment(findings, "main", bench.profile.transport)
            return findings
        finally:
            bench.close()

    def adopt(self) -> None:
        """Take over the settings that were found to fit."""
        self.values = merged(self.values, tomllib.loads(self.fragment))


@pytest.fixture
def verifier(tmp_path: Path, clock: FakeClock) -> Callable[..., Verifier]:
    """Opens an office that reports to this PARS."""

    def opened(pars: SimulatedPars | RawServer, main: Any = None, **more: Any) -> Verifier:
        values = {"profiles": {"main": main or {}}} | more
        return Verifier(tmp_path, clock, pars.url + STEM, values)

    return opened


Open = Callable[..., Verifier]


def outside(findings: list[Finding]) -> dict[str, str]:
    """What neither passed nor was impossible: each check with what to change."""
    fine = (Outcome.PASS, Outcome.NOT_POSSIBLE)
    return {one.check: one.change for one in findings if one.outcome not in fine}


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in findings}


# ------------------------------------------------------------------ settings that differ

XML, JSON = {"transport": "xml"}, {"transport": "json"}
IN_QUERY = 'profiles.main.credentials_in = "query"'
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "as assumed, XML": (XML, {}, {}),
    "as assumed, JSON": (JSON, {}, {}),
    "credentials in the address, XML": (
        XML,
        {"credentials_in": Placement.QUERY},
        {"credentials_headers": IN_QUERY},
    ),
    "credentials in the body": (
        XML,
        {"credentials_in": Placement.BODY},
        {"credentials_headers": 'profiles.main.credentials_in = "body"'},
    ),
    "credentials in the address, JSON": (
        JSON,
        {"credentials_in": Placement.QUERY},
        {"credentials_headers": IN_QUERY},
    ),
    "credentials in headers": (
        XML | {"credentials_in": "body"},
        {"credentials_in": Placement.HEADERS},
        {"credentials_body": 'profiles.main.credentials_in = "headers"'},
    ),
    "noon, XML": (
        XML,
        {"completed_form": CompletedForm.NOON},
        {"completed_form": 'profiles.main.completed_form = "noon"'},
    ),
    "a plain date, JSON": (
        JSON,
        {"completed_form": CompletedForm.DATE},
        {"completed_form": 'profiles.main.completed_form = "date"'},
    ),
    "one object": (
        JSON,
        {"unique_id_form": UniqueIDForm.OBJECT},
        {"unique_id_form": 'profiles.main.unique_id_form = "object"'},
    ),
    "a list": (
        JSON | {"unique_id_form": "object"},
        {},
        {"unique_id_form": 'profiles.main.unique_id_form = "list"'},
    ),
    "duplicates are a success, XML": (XML, {"duplicate": Policy.SUCCESS}, {}),
    "duplicates are a success, JSON": (JSON, {"duplicate": Policy.SUCCESS}, {}),
    "second credits are refused": (XML, {"second_credit": Policy.REFUSAL}, {}),
    "found late, but within the grace": (JSON, {"visible_after_seconds": 200}, {}),
    "found later than the grace": (
        XML,
        {"visible_after_seconds": 400},
        {"status_by_credit": "sending.grace_seconds = 840"},
    ),
    "a birth date is needed": (
        XML | {"without_birth_year": "omit"},
        {},
        {"without_birth_year": 'profiles.main.without_birth_year = "hold"'},
    ),
    "everything at once": (
        JSON | {"without_birth_year": "placeholder"},
        {
            "credentials_in": Placement.QUERY,
            "completed_form": CompletedForm.DATE,
            "unique_id_form": UniqueIDForm.OBJECT,
            "visible_after_seconds": 400,
            "second_credit": Policy.REFUSAL,
        },
        {
            "credentials_headers": IN_QUERY,
            "completed_form": 'profiles.main.completed_form = "date"',
            "unique_id_form": 'profiles.main.unique_id_form = "object"',
            "status_by_credit": "sending.grace_seconds = 840",
            "without_birth_year": 'profiles.main.without_birth_year = "hold"',
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_tells_exactly_what_differs_and_what_it_wrote_fits(
    open_pars: OpenPars, verifier: Open, case: str
) -> None:
    main, manners, expected = CASES[case]
    pars = open_pars(**manners)
    office = verifier(pars, main)
    findings = office.run()
    assert outside(findings) == expected
    assert {one.outcome for one in findings} >= {Outcome.PASS}
    assert_nothing_is_left(pars)
    office.adopt()
    assert outside(office.run()) == {}
    assert_nothing_is_left(pars)


def assert_nothing_is_left(pars: SimulatedPars, posts: int = 1) -> None:
    assert pars.totals["live"] == 0
    assert pars.totals["stored"] >= posts


def test_what_a_transport_cannot_do_is_not_possible(open_pars: OpenPars, verifier: Open) -> None:
    xml = by_name(verifier(open_pars(), XML).run())
    json = by_name(verifier(open_pars(), JSON).run())
    assert xml["match"].outcome is xml["no_match"].outcome is Outcome.PASS
    assert json["match"].outcome is json["no_match"].outcome is Outcome.NOT_POSSIBLE
    assert {"credentials_body"} == {one for one in xml.keys() - json.keys() if "cred" in one}
    assert xml["off_grid"].outcome is json["off_grid"].outcome is Outcome.NOT_POSSIBLE


@pytest.mark.parametrize("transport", Transport)
def test_each_refusal_is_held_against_the_fate_table(
    open_pars: OpenPars, verifier: Open, transport: Transport
) -> None:
    found = by_name(verifier(open_pars(), {"transport": transport.value}).run())
    read_as = {name: one.seen.rpartition("read as ")[2] for name, one in found.items()}
    assert {name: read_as[name] for name in REFUSALS} == REFUSALS
    assert found["wrong_password"].seen.startswith("HTTP 401")


REFUSALS = {
    "duplicate_add": "duplicate_answer",
    "deleted_again": "credit_id_used_up",
    "wrong_board_id": "identity_mismatch",
    "wrong_birth_date": "identity_mismatch",
    "unknown_activity": "activity_unknown",
    "above_maximum": "points_invalid",
    "future_date": "date_outside_activity",
    "delete_unknown": "record_unknown",
    "malformed": "document_refused",
}


# ------------------------------------------------------------------ words nobody knows

UNHEARD_OF = {
    "Record already exists": "Nope, [Priya] VANTONGEREN (041327) has it (twice?)",
    "Activity does not exist": "Cannot place 000000000 anywhere",
}


def test_unknown_refusals_become_lines_for_the_fate_table(
    open_pars: OpenPars, verifier: Open
) -> None:
    # In JSON a duplicate has a status of its own, which needs no words.
    pars = open_pars(wording=UNHEARD_OF | {"Activity does not exist": "Nowhere, 000000000"})
    findings = verifier(pars, JSON).run()
    assert set(outside(findings)) == {"unknown_activity"}
    row = suggested(by_name(findings)["unknown_activity"])
    assert (row.class_, row.move, row.code) == (Class.ACTIVITY, Move.REFUSE, "activity_unknown")
    told = Reply(status=400, code="400", message="Nowhere,  123456789", understood=True)
    assert row_for(told, SAVE, SAVE_ELSE).code == "refused_by_pars"
    assert row_for(told, (row, *SAVE), SAVE_ELSE) is row


def test_a_suggested_line_knows_the_text_whoever_is_meant(
    open_pars: OpenPars, verifier: Open
) -> None:
    code = {"Report already exists": "Refusal 9"}
    findings = verifier(open_pars(wording=UNHEARD_OF | code), XML).run()
    row = suggested(by_name(findings)["duplicate_add"])
    assert (row.class_, row.move) == (Class.DUPLICATE, Move.ASK)
    for who in ("[Priya] VANTONGEREN (041327)", "[Otis] Fjällström (052441)"):
        told = Reply(status=400, code="any", message=f"Nope, {who} has it (twice?)")
        assert row_for(told, (row,), SAVE_ELSE) is row
    assert row_for(Reply(status=400, message="Nope"), (row,), SAVE_ELSE) is SAVE_ELSE


def suggested(finding: Finding) -> Row:
    """The line as symptoms.py would hold it."""
    names = {"Row": Row, "BAD": BAD, "Class": Class, "Move": Move}
    row: Row = eval(finding.suggested_row, names)  # noqa: S307  it is Python, and ours
    return row


def test_an_unknown_status_word_is_told(open_pars: OpenPars, verifier: Open) -> None:
    findings = verifier(open_pars(wording={"Pending": "Under  Review"}), XML).run()
    assert set(outside(findings)) == {"status_words"}
    line = by_name(findings)["status_words"].suggested_row
    assert eval(f"{{{line}\n}}", {"Verdict": Verdict}) == {"under review": Verdict.PENDING}  # noqa: S307


def test_an_unknown_answer_to_a_deletion_leaves_no_doubt_about_what_was_deleted(
    open_pars: OpenPars, verifier: Open
) -> None:
    pars = open_pars(wording={"Credit record does not exist": "Pardon me"})
    findings = verifier(pars, XML).run()
    assert set(outside(findings)) == {"delete_unknown"}
    assert "'pardon me', Class.DATA, Move.ASK" in by_name(findings)["delete_unknown"].suggested_row
    assert_nothing_is_left(pars)


def test_nothing_personal_and_no_credential_is_shown(open_pars: OpenPars, verifier: Open) -> None:
    said = " ".join([*PERSONAL, "Priya  VANTONGEREN", "09/10/1971", "September 10", PASSWORD])
    echo = dict.fromkeys(
        (
            "Learner data does not match the board's records",
            "Activity does not exist",
            "Pending",
            "Record already exists",
        ),
        f"{said} reporter, no",
    )
    office = verifier(open_pars(wording=echo), XML)
    shown = "\n".join(map(str, office.run())) + office.fragment
    assert "[board ID]" in shown
    assert "no line of the table knows it" in shown
    secret = [*PERSONAL, "VANTONGEREN", "1971", "September 10", PASSWORD, "reporter"]
    assert [one for one in secret if one.lower() in shown.lower()] == []


# ------------------------------------------------------------------ bad days


def test_requests_keep_the_profile_s_pace(
    open_pars: OpenPars, verifier: Open, clock: FakeClock
) -> None:
    before = clock.monotonic()
    findings = verifier(open_pars(), {"requests_per_second": 0.5}).run()
    answers = int(by_name(findings)["pace"].seen.split()[0])
    assert answers > 20
    assert clock.monotonic() - before >= 2 * (answers - 1)


def test_a_busy_pars_is_waited_for_and_asked_more_slowly(
    open_pars: OpenPars, verifier: Open, clock: FakeClock
) -> None:
    pars = open_pars()
    pars.weather({"kind": "retry_after", "seconds": 120})
    office, before = verifier(pars), clock.monotonic()
    findings = office.run()
    assert outside(findings) == {"pace": "profiles.main.requests_per_second = 25"}
    assert "Retry-After up to 120 s" in by_name(findings)["pace"].seen
    assert clock.monotonic() - before >= 120
    office.adopt()
    assert outside(office.run()) == {}
    assert_nothing_is_left(pars)


@pytest.mark.parametrize("kind", ["cut_after_store", "garbage"])
def test_a_record_whose_answer_is_lost_or_unreadable_is_taken_back_too(
    open_pars: OpenPars, verifier: Open, kind: str
) -> None:
    pars = open_pars()
    pars.weather({"kind": kind})
    findings = verifier(pars).run()
    assert set(outside(findings)) == {"add"}
    assert by_name(findings)["clean_up"].outcome is Outcome.PASS
    assert_nothing_is_left(pars)


def test_an_answer_that_cannot_be_read_does_not_end_the_run(
    open_pars: OpenPars, verifier: Open
) -> None:
    pars = open_pars()
    pars.weather({"kind": "garbage"})
    found = by_name(verifier(pars).run())
    assert found["add"].outcome is Outcome.DIFFERS
    assert "Welcome" in found["add"].seen
    assert found["delete"].outcome is Outcome.PASS


def test_what_pars_will_not_delete_is_named(open_pars: OpenPars, verifier: Open) -> None:
    pars = open_pars()
    bench = verifier(pars).bench(patience=10)
    go_until("add", bench)
    pars.weather({"kind": "status", "status": 400})
    (finding,) = clean_up(bench)
    assert finding.outcome is Outcome.FAILED
    (record,) = pars.live
    assert record["credit_id"] in finding.seen
    (finding,) = clean_up(bench)
    assert finding.outcome is Outcome.PASS
    assert_nothing_is_left(pars)


def go_until(name: str, bench: Bench) -> Finding:
    """The findings up to this one, as when somebody interrupts there."""
    return next(one for one in go_through(CHECKS, bench) if one.check == name)


@pytest.mark.parametrize("name", ["add", "second_credit", "next_revision", "wrong_birth_date"])
def test_cleaning_up_after_any_step_leaves_nothing(
    open_pars: OpenPars, verifier: Open, name: str
) -> None:
    pars = open_pars()
    bench = verifier(pars).bench()
    go_until(name, bench)
    assert [one.outcome for one in clean_up(bench)] == [Outcome.PASS]
    assert bench.held == ()
    assert_nothing_is_left(pars)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_an_interruption_between_sending_and_hearing_leaves_nothing(
    open_pars: OpenPars, verifier: Open, nth: int
) -> None:
    pars = open_pars(visible_after_seconds=90)
    bench = verifier(pars).bench()
    give_up_after(nth, bench)
    with pytest.raises(KeyboardInterrupt):
        list(go_through(CHECKS, bench))
    assert pars.totals["posts"] > 0
    assert [one.outcome for one in clean_up(bench)] == [Outcome.PASS]
    assert_nothing_is_left(pars)


def give_up_after(nth: int, bench: Bench) -> None:
    """Somebody presses Ctrl-C when this many reports have left, and before the answer."""
    connect_, left = bench._connect, itertools.count(1)

    def impatient(profile: ParsProfile) -> Pars:
        pars = connect_(profile)
        save = pars.save

        def interrupted(record: Record, credit_id: str, action: Action) -> Reply:
            reply = save(record, credit_id, action)
            if next(left) == nth:
                raise KeyboardInterrupt
            return reply

        pars.save = interrupted  # type: ignore[method-assign]
        return pars

    bench._connect = impatient


def nobody_in(found: dict[str, Finding]) -> set[Outcome]:
    late = [check.name for check in (*CHECKS[1:], *LAST)]
    return {found[name].outcome for name in late}


@pytest.mark.parametrize("main", [{"password": "wrong"}, {"paths": {"status": "nowhere"}}])
def test_where_nobody_is_let_in_nothing_is_sent(
    open_pars: OpenPars, verifier: Open, main: dict[str, Any]
) -> None:
    pars = open_pars()
    findings = verifier(pars, XML | main).run()
    assert "credentials_headers" in outside(findings) or "status_unknown" in outside(findings)
    assert "password" not in main or pars.totals["posts"] == 0
    assert pars.totals["live"] == 0


def test_wrong_credentials_stop_everything(open_pars: OpenPars, verifier: Open) -> None:
    found = by_name(verifier(open_pars(), {"password": "wrong"}).run())
    assert found["credentials_headers"].outcome is Outcome.FAILED
    assert found["credentials_headers"].fits is None
    assert nobody_in(found) == {Outcome.NOT_POSSIBLE}


def test_a_pars_that_is_away_fails_and_is_not_blamed_for_more(verifier: Open) -> None:
    with server(answering("503 Down")) as raw:
        found = by_name(verifier(raw).run())
    assert found["credentials_headers"].outcome is Outcome.FAILED
    assert nobody_in(found) == {Outcome.NOT_POSSIBLE}


def test_a_learner_that_pars_does_not_know_is_suspected(
    open_pars: OpenPars, verifier: Open
) -> None:
    pars = open_pars()
    pars.put_roster(PRIYA.diplomate(month=1, day=1))
    found = by_name(verifier(pars).run())
    assert found["add"].outcome is Outcome.FAILED
    assert "does PARS know the test learner?" in found["add"].seen
    assert found["delete"].outcome is Outcome.NOT_POSSIBLE
    assert pars.totals["stored"] == 0


def test_a_wrong_password_is_sent_once_and_after_everything_is_gone(
    open_pars: OpenPars, verifier: Open
) -> None:
    names = [one.check for one in verifier(open_pars()).run()]
    assert names.index("clean_up") < names.index("wrong_password")
    assert names.count("wrong_password") == 1
