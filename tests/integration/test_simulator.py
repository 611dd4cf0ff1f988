"""The simulated PARS over real HTTP: what it takes, refuses, decides, breaks and remembers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from lxml import etree

from consumer.cli import main
from consumer.fate import (
    Absent,
    Done,
    Found,
    Refused,
    Retry,
    SendFate,
    StatusFate,
    Unclear,
    Verdict,
)
from consumer.pars.contract import Transport
from consumer.pars.document import Submission, created_at, report_of
from consumer.pars.port import Action, Broke, Pars
from consumer.pars.schema import Schema
from consumer.pars.simulator import Policy, running
from consumer.pars.verdicts import fate_of_save, fate_of_status
from consumer.participant import BirthDate, Record
from tests.fakes import FakeClock
from tests.unit.pars.samples import ADA, CREDIT, PASSWORD, REPOSITORY, SCHEMAS, record
from tests.unit.pars.samples import simulator as simulated
from tests.unit.pars.scripted import DOCUMENTS, TRUST, client

ANSWERS = Schema(SCHEMAS / "pars" / "pars-answers.xsd")
BEN = record(
    given_name="Ben", family_name="Sample", board_id="000123", birth_date=BirthDate(2, 29, 1972)
)
CY = record(
    given_name="Cy", family_name="Stray", board_id="000456", birth_date=BirthDate(1, 2, 1980)
)
SECOND = CREDIT[:-1] + "2"
OK = -1  # whichever of 200 and 201 the language says


class Desk:
    """A running simulator, its clock, and one client of it in one language."""

    def __init__(self, url: str, clock: FakeClock, transport: Transport) -> None:
        self.url, self.clock, self._transport = url, clock, transport
        self._open = ExitStack()
        self._http = self._open.enter_context(httpx.Client(base_url=url, verify=TRUST))
        self.pars = self.client()

    def client(self, **changes: Any) -> Pars:
        """Another client."""
        one = client(self.url, self._transport, clock=self.clock, **changes)
        return self._open.enter_context(one)

    def close(self) -> None:
        self._open.close()

    def save(
        self, one: Record = ADA, credit: str = CREDIT, action: Action = Action.ADD
    ) -> SendFate:
        return fate_of_save(self.pars.save(one, credit, action))

    def status(self, credit: str = CREDIT) -> StatusFate:
        return fate_of_status(self.pars.status(credit), credit)

    def books(self) -> dict[str, Any]:
        books: dict[str, Any] = self._http.get("/_books").json()
        return books

    def totals(self) -> dict[str, int]:
        totals: dict[str, int] = self.books()["totals"]
        return totals

    def put(self, what: str, wanted: object) -> int:
        return self._http.put(f"/_{what}", json=wanted).status_code

    def faults(self, *due: dict[str, Any]) -> None:
        assert self.put("faults", {"faults": due}) == 204


Opening = Callable[..., Desk]


@contextmanager
def opened(transport: Transport, **manners: Any) -> Iterator[Desk]:
    clock = FakeClock()
    with running(simulated(clock, **manners)) as url, closing(Desk(url, clock, transport)) as desk:
        yield desk


@pytest.fixture(params=Transport)
def opening(request: pytest.FixtureRequest) -> Iterator[Opening]:
    """Opens a simulator with these manners, to be spoken to in either language."""
    with ExitStack() as open_:
        yield lambda **manners: open_.enter_context(opened(request.param, **manners))


@pytest.fixture
def xml_desk() -> Iterator[Desk]:
    """For what only the XML language can say."""
    with opened(Transport.XML) as desk:
        yield desk


@pytest.fixture
def desk(opening: Opening) -> Desk:
    return opening()


def refused(fate: SendFate) -> str:
    assert isinstance(fate, Refused)
    return fate.reasons[0].code


# ------------------------------------------------------------------ the first gate

BROKEN = {
    "identity_mismatch": [
        record(family_name="Other"),
        record(board_id="000000"),
        record(birth_date=BirthDate(10, 9, 1971)),
        record(birth_date=BirthDate(9, 10, 1972)),
        record(birth_date=None),
        record(board_id="000123"),
    ],
    "activity_unknown": [record(pars_activity_id="202699999")],
    "activity_not_ours": [record(pars_activity_id="202600001")],
    "reporting_closed": [record(pars_activity_id="202600002")],
    "activity_not_registered": [record(board="ABA")],
    "credit_type_not_registered": [record(certification="Patient Safety")],
    "points_invalid": [record(points=Decimal("10.25"))],
    "date_outside_activity": [
        record(completed_on=date(2025, 12, 31)),
        record(pars_activity_id="202600003", completed_on=date(2026, 11, 24)),
    ],
    "provider_mismatch": [record(provider_id="0001111")],
}


@pytest.mark.parametrize(
    ("code", "one"), [(code, one) for code, all_ in BROKEN.items() for one in all_]
)
def test_a_record_that_breaks_a_rule_is_refused_and_not_stored(
    desk: Desk, code: str, one: Record
) -> None:
    assert refused(desk.save(one)) == code
    assert (desk.totals()["stored"], desk.totals()["refused"]) == (0, 1)


@pytest.mark.parametrize(
    "one",
    [
        ADA,
        record(family_name="EXAMPLE"),
        record(family_name="Éxample"),
        record(given_name="A."),
        record(npi="1234567893"),
        record(points=Decimal(10)),
        record(completed_on=date(2026, 1, 1)),
        record(pars_activity_id="202600003", completed_on=date(2026, 11, 23)),
        BEN,
    ],
)
def test_a_record_that_agrees_is_stored(desk: Desk, one: Record) -> None:
    assert desk.save(one) == Done()
    assert desk.totals()["live"] == 1


def test_only_the_right_credentials_open_the_door(xml_desk: Desk) -> None:
    desk = xml_desk
    right = {"ProviderId": "0009999", "User": "reporter", "Password": PASSWORD}
    xml = {"Content-Type": "application/xml; charset=utf-8"}
    body = DOCUMENTS.status(CREDIT)

    def knock(path: str, headers: dict[str, str]) -> int:
        return httpx.post(f"{desk.url}/{path}", content=body, headers=headers).status_code

    for path in ("SaveLearnerActivity", "GetLearnerStatusByCreditId", "GetLearnerMatch"):
        assert knock(path, xml) == 401
        assert knock(path, xml | right | {"User": "other"}) == 401
        assert knock(path, xml | right | {"ProviderId": "0001111"}) == 401
        assert knock(path, right | {"Content-Type": "text/plain"}) == 415
    assert knock("GetLearnerStatusByCreditId", xml | right) == 404
    assert httpx.get(f"{desk.url}/SaveLearnerActivity").status_code == 405


def test_what_our_schema_refuses_is_refused(xml_desk: Desk) -> None:
    desk = xml_desk
    good = DOCUMENTS.save(ADA, CREDIT, Action.ADD, created_at(desk.clock.now()))
    headers = {"ProviderId": "0009999", "User": "reporter", "Password": PASSWORD}
    headers["Content-Type"] = "application/xml"
    two = DOCUMENTS.batch(
        Submission(created_at(desk.clock.now()), (report_of(ADA, CREDIT, Action.ADD),) * 2)
    )
    bad = [
        b"",
        b"<a/>",
        good[:-9],
        good.replace(b">1.5<", b">1.3<"),
        good.replace(b"<Status>Completed</Status>", b""),
        good.replace(b"UTF-8", b"ISO-8859-1"),
        DOCUMENTS.status(CREDIT),
        b"<!DOCTYPE a>" + good.partition(b"?>")[2],
        b"<ProviderID>0009999</ProviderID>",
        two,
    ]
    for body in bad:
        answer = httpx.post(f"{desk.url}/SaveLearnerActivity", content=body, headers=headers)
        assert answer.status_code == 400
        assert ANSWERS.accepts(etree.fromstring(answer.content))
    assert desk.totals()["stored"] == 0


# ------------------------------------------------------------------ duplicates and deletions


def test_the_same_credit_id_again_is_refused_and_asking_finds_it(desk: Desk) -> None:
    assert desk.save() == Done()
    assert isinstance(desk.save(), Unclear)
    assert desk.status() == Found(Verdict.ACCEPTED)
    (stored,) = desk.books()["records"]
    assert (stored["posts"], stored["history"]) == (2, ["add"])


def test_the_same_credit_id_again_may_be_a_success_but_is_stored_once(opening: Opening) -> None:
    desk = opening(duplicate=Policy.SUCCESS)
    assert [desk.save(), desk.save()] == [Done(), Done()]
    assert (desk.totals()["stored"], desk.totals()["posts"], desk.totals()["doubled"]) == (1, 2, 0)


def test_the_same_credit_under_another_id_convicts_us(desk: Desk) -> None:
    assert [desk.save(), desk.save(credit=SECOND)] == [Done(), Done()]
    assert (desk.totals()["live"], desk.totals()["doubled"]) == (2, 1)


@pytest.mark.parametrize(
    "other", [BEN, record(completed_on=date(2026, 5, 15)), record(pars_activity_id="202600003")]
)
def test_another_learner_date_or_activity_is_not_doubling(desk: Desk, other: Record) -> None:
    assert [desk.save(), desk.save(other, SECOND)] == [Done(), Done()]
    assert desk.totals()["doubled"] == 0


def test_the_same_credit_under_another_id_may_be_refused(opening: Opening) -> None:
    desk = opening(second_credit=Policy.REFUSAL)
    assert desk.save() == Done()
    assert isinstance(desk.save(credit=SECOND), Unclear)
    assert desk.status(SECOND) == Absent()
    assert desk.totals()["doubled"] == 0


def test_withdrawn_then_added_under_the_next_revision(desk: Desk) -> None:
    assert desk.save() == Done()
    assert desk.save(action=Action.DELETE) == Done()
    assert desk.status() == Absent()
    assert desk.save(credit=SECOND) == Done()
    first, second = desk.books()["records"]
    assert (first["state"], first["history"], first["sequence"]) == (
        "deleted",
        ["add", "delete"],
        [1, 2],
    )
    assert (second["state"], second["sequence"]) == ("accepted", [3])
    assert (desk.totals()["live"], desk.totals()["doubled"]) == (1, 0)


def test_a_deleted_credit_id_is_used_up(desk: Desk) -> None:
    desk.save()
    desk.save(action=Action.DELETE)
    assert refused(desk.save()) == "credit_id_used_up"
    assert isinstance(desk.save(action=Action.DELETE), Unclear)


def test_what_is_unknown_or_differs_cannot_be_deleted(desk: Desk) -> None:
    assert isinstance(desk.save(action=Action.DELETE), Unclear)
    desk.save()
    assert refused(desk.save(BEN, action=Action.DELETE)) == "refused_by_pars"
    assert desk.totals()["live"] == 1


def test_a_record_can_be_deleted_though_its_learner_has_left_the_roster(desk: Desk) -> None:
    desk.save()
    left = {"board": "ABIM", "board_id": "099999", "given_name": "X", "family_name": "Y"}
    assert desk.put("roster", [left | {"month": 1, "day": 1}]) == 204
    assert desk.save(action=Action.DELETE) == Done()


def test_another_provider_sees_and_deletes_nothing_of_ours(desk: Desk) -> None:
    desk.save()
    stranger = desk.client(provider_id="0001111", user="other", password="secret")
    assert stranger.status(CREDIT).status == 404
    assert stranger.status_by_learner(ADA).status == 404
    assert stranger.save(ADA, CREDIT, Action.DELETE).status == 400
    assert desk.totals()["live"] == 1


# ------------------------------------------------------------------ the board


def test_the_board_decides_after_its_delay(opening: Opening) -> None:
    desk = opening(board_delay_seconds=3600)
    desk.save()
    assert desk.status() == Found(Verdict.PENDING)
    desk.clock.advance(3599)
    assert desk.status() == Found(Verdict.PENDING)
    desk.clock.advance(1)
    assert desk.status() == Found(Verdict.ACCEPTED)
    assert (desk.totals()["pending"], desk.totals()["accepted"]) == (0, 1)


def test_the_board_rejects_for_a_reason(desk: Desk) -> None:
    assert desk.save(CY) == Done()
    fate = desk.status()
    assert isinstance(fate, Found)
    assert fate.verdict is Verdict.REJECTED
    assert fate.reason is not None
    assert fate.reason.code == "board_identity"
    assert desk.totals()["rejected"] == 1


def test_an_early_404_proves_nothing(opening: Opening) -> None:
    desk = opening(visible_after_seconds=60)
    desk.save()
    assert desk.status() == Absent()
    desk.clock.advance(60)
    assert desk.status() == Found(Verdict.ACCEPTED)


@pytest.mark.parametrize("birth_date", [BirthDate(9, 10, 1971), BirthDate(9, 10)])
def test_asking_by_learner_finds_every_live_revision(desk: Desk, birth_date: BirthDate) -> None:
    for credit in (CREDIT, SECOND):
        desk.save(credit=credit)
    desk.save(BEN, CREDIT[:-1] + "3")
    asked = replace(ADA, birth_date=birth_date)
    assert [one.credit_id for one in desk.pars.status_by_learner(asked).credits] == [CREDIT, SECOND]
    desk.save(action=Action.DELETE)
    assert [one.credit_id for one in desk.pars.status_by_learner(asked).credits] == [SECOND]
    assert desk.pars.status_by_learner(replace(asked, completed_on=date(2026, 5, 1))).status == 404
    assert desk.pars.status_by_learner(replace(ADA, birth_date=BirthDate(9, 11))).status == 404


# ------------------------------------------------------------------ a bad day


@pytest.mark.parametrize(
    ("fault", "broke", "status", "stored"),
    [
        ({"kind": "cut_before"}, Broke.CUT, None, 0),
        ({"kind": "cut_after_store"}, Broke.CUT, None, 1),
        ({"kind": "garbage"}, None, 200, 1),
        ({"kind": "status", "status": 500}, None, 500, 0),
        ({"kind": "status", "status": 403}, None, 403, 0),
        ({"kind": "status", "status": 204}, None, 204, 0),
        ({"kind": "retry_after", "seconds": 7}, None, 429, 0),
        ({"kind": "retry_after", "seconds": 7, "date": True}, None, 429, 0),
        ({"kind": "redirect"}, None, 307, 0),
        ({"kind": "redirect", "status": 302}, None, 302, 0),
        ({"kind": "half"}, Broke.CUT, None, 1),
        ({"kind": "wrong_type"}, None, OK, 1),
        ({"kind": "garbage", "status": 502}, None, 502, 1),
        ({"kind": "huge", "megabytes": 2}, None, OK, 1),
        ({"kind": "bomb"}, None, OK, 1),
        ({"kind": "entity"}, None, OK, 1),
        ({"kind": "encoding"}, None, OK, 1),
        ({"kind": "trickle", "seconds": 0}, None, OK, 1),
        ({"kind": "hang", "seconds": 0.01}, None, OK, 1),
    ],
)
def test_each_fault_spoils_one_request(
    desk: Desk, fault: dict[str, Any], broke: Broke | None, status: int | None, stored: int
) -> None:
    desk.faults(fault)
    reply = desk.pars.save(ADA, CREDIT, Action.ADD)
    assert (reply.broke, desk.totals()["stored"]) == (broke, stored)
    assert reply.status == status or (status == OK and reply.status in (200, 201))
    assert reply.retry_after_seconds == fault.get("seconds") or status != 429
    assert desk.save(BEN, SECOND) == Done()


@pytest.mark.parametrize("kind", ["wrong_type", "garbage", "huge", "bomb", "entity", "encoding"])
def test_a_spoilt_answer_is_never_understood(desk: Desk, kind: str) -> None:
    desk.faults({"kind": kind, "on": "any", "times": 3})
    replies = [
        desk.pars.save(ADA, CREDIT, Action.ADD),
        desk.pars.status(CREDIT),
        desk.pars.status_by_learner(ADA),
    ]
    assert [reply.understood for reply in replies] == [False] * 3
    assert all(len(reply.raw) <= 1024 * 1024 for reply in replies)


def test_a_fault_keeps_to_its_operation_and_what_is_left_is_shown(xml_desk: Desk) -> None:
    desk = xml_desk
    desk.faults({"kind": "cut_before", "on": "match", "times": 2}, {"kind": "bomb", "nth": 2})
    assert desk.save() == Done()
    assert desk.pars.match(ADA).broke is Broke.CUT
    shown = httpx.get(f"{desk.url}/_faults").json()["faults"]
    assert [(one["kind"], one["seen"], one["left"]) for one in shown] == [
        ("cut_before", 1, 1),
        ("bomb", 1, 1),
    ]
    assert isinstance(desk.save(BEN, SECOND), Unclear)


def test_a_request_that_hangs_is_stored_behind_our_back(desk: Desk) -> None:
    desk.faults({"kind": "hang", "seconds": 0.4})
    hasty = desk.client(read_timeout_seconds=0.1)
    assert hasty.save(ADA, CREDIT, Action.ADD).broke is Broke.CUT
    desk.faults({"kind": "hang", "seconds": 0.5})
    assert isinstance(desk.save(), Unclear)
    assert desk.totals()["stored"] == 1


def test_an_outage_answers_503_until_it_is_over(desk: Desk) -> None:
    assert desk.put("faults", {"faults": [{"kind": "down", "seconds": 30}]}) == 204
    desk.clock.advance(9.5)
    for reply in (desk.pars.save(ADA, CREDIT, Action.ADD), desk.pars.status(CREDIT)):
        assert (reply.status, reply.retry_after_seconds) == (503, 21.0)
    assert isinstance(desk.save(), Retry)
    desk.clock.advance(20.5)
    assert desk.save() == Done()


def test_faults_can_be_cleared(desk: Desk) -> None:
    desk.faults({"kind": "cut_before"})
    desk.faults({"kind": "down", "seconds": 30})
    assert httpx.delete(f"{desk.url}/_faults").status_code == 204
    assert desk.save() == Done()


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ("faults", {"faults": [{"kind": "earthquake"}]}),
        ("faults", {"faults": [{"kind": "cut_before"}, {}]}),
        ("faults", {"faults": [{"kind": "down", "seconds": "long"}]}),
        ("faults", {"faults": []} | {"next": []}),
        ("faults", ["x"]),
        ("roster", [{"board": "ABIM"}]),
        ("activities", [{"activity_id": "1"}]),
        ("activities", "x"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(desk: Desk, what: str, wanted: object) -> None:
    assert desk.put(what, wanted) == 400
    assert desk.save() == Done()


def test_activities_can_be_added_while_it_runs(desk: Desk) -> None:
    new = {
        "activity_id": "202655555",
        "provider_id": "0009999",
        "starts": "2026-01-01",
        "ends": "2026-12-31",
        "boards": {"ABIM": {"Medical Knowledge": "2"}},
    }
    one = record(pars_activity_id="202655555")
    assert refused(desk.save(one)) == "activity_unknown"
    assert desk.put("activities", [new]) == 204
    assert desk.save(one) == Done()


# ------------------------------------------------------------------ one set of books


def test_both_languages_speak_of_the_same_books(xml_desk: Desk) -> None:
    with client(xml_desk.url, Transport.JSON, clock=xml_desk.clock) as other:
        assert xml_desk.save() == Done()
        assert fate_of_status(other.status(CREDIT), CREDIT) == Found(Verdict.ACCEPTED)
        assert isinstance(fate_of_save(other.save(ADA, CREDIT, Action.ADD)), Unclear)
        assert fate_of_save(other.save(ADA, CREDIT, Action.DELETE)) == Done()
        assert xml_desk.status() == Absent()
        assert fate_of_save(other.save(ADA, SECOND, Action.ADD)) == Done()
        found = xml_desk.pars.status_by_learner(ADA)
    assert [one.credit_id for one in found.credits] == [SECOND]
    assert [one["history"] for one in xml_desk.books()["records"]] == [["add", "delete"], ["add"]]


def test_points_are_kept_to_the_decimal(desk: Desk) -> None:
    assert desk.save(record(points=Decimal("2.750"))) == Done()
    (stored,) = desk.books()["records"]
    assert stored["points"] == "2.75"


# ------------------------------------------------------------------ as a process


def test_a_plan_with_mistakes_starts_nothing_and_tells_them_all(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[faults]]\nkind = "hnag"\n[[faults]]\nkind = "down"\n', encoding="utf-8")
    words = ["simulate", "--port", "0", "--faults", str(plan), "--fault", "bomb seconds=3"]
    done = CliRunner().invoke(main, words)
    told = done.stderr.splitlines()
    assert (done.exit_code, len(told), done.stdout) == (2, 3, "")
    assert [": entry 1: " in told[0], ": entry 2: " in told[1]] == [True, True]
    assert told[2] == 'error: --fault "bomb seconds=3": bomb takes no seconds'


PROCESS = """
from consumer.pars.simulator import serve
from tests.unit.pars.samples import simulator
from tests.fakes import FakeClock
serve(simulator(FakeClock()), port=0, announce=lambda url: print(url, flush=True))
print("closed", flush=True)
"""


def test_a_process_of_its_own_ends_cleanly_on_sigterm() -> None:
    command = [sys.executable, "-c", PROCESS]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/_books").json()["totals"]["stored"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closed\n"
        assert process.wait(10) == 0
