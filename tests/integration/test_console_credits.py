"""One credit in the console: what PARS said, what made it, corrected, withdrawn, done by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from consumer.console.role import Role
from consumer.credit import State
from consumer.desk.credits import _beside_their_credits, lines_of
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.pars.port import Action
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import LENA, PRIYA, moodle, openedx
from tests.integration.test_by_hand import THEIRS, web_pages
from tests.integration.test_by_hand import refused as refused_by_pars
from tests.integration.test_console_letters import deeds
from tests.integration.test_console_privacy import busy
from tests.integration.test_letters import mend
from tests.integration.visitor import Visitor, text_of


@pytest.fixture
def mora(reporting: Office) -> Visitor:
    return Visitor(reporting, Role.COORDINATOR)


def at(office: Office, mora: Visitor) -> str:
    """The credit's page, for whom time has signed out meanwhile."""
    mora.client.sign_in(mora.name)
    return f"/credits/{office.credit.credit_id}"


# ------------------------------------------------------------ done in PARS by hand


def test_entered_by_hand_it_stands_as_pars_says(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    refused_by_pars(reporting, pars)
    web_pages(reporting, Action.ADD, THEIRS)
    mora.get(at(reporting, mora))
    answer = mora.press("/done", what="added", why="typed it in")
    assert "PARS was asked, and it is so. It stands as: Sent to PARS." in text_of(answer)
    assert (reporting.credit.credit_id, reporting.open_letters()) == (THEIRS, [])
    assert deeds(reporting) == [("mora", "credit.entered_by_hand", THEIRS)]


def test_deleted_by_hand_it_is_withdrawn(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.clock.advance(3600)
    name, place = reporting.credit.credit_id, at(reporting, mora)
    still = mora.send(f"{place}/done", {"what": "deleted", "why": "I think"})
    assert still.status_code == 409
    assert "PARS still has it" in text_of(still)
    assert "Nothing was changed." in text_of(still)
    assert (reporting.states(), deeds(reporting)) == (["accepted"], [])
    web_pages(reporting, Action.DELETE, name)
    reporting.clock.advance(3600)
    mora.send(f"{at(reporting, mora)}/done", {"what": "deleted", "why": "the board asked"})
    assert (reporting.states(), pars.live) == (["withdrawn"], [])
    assert deeds(reporting) == [("mora", "credit.deleted_by_hand", name)]


def test_without_a_reason_pars_is_not_asked_and_what_was_filled_in_stays(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    refused_by_pars(reporting, pars)
    web_pages(reporting, Action.ADD, THEIRS)
    place = at(reporting, mora)
    answer = mora.send(f"{place}/done", {"what": "deleted", "pars_id": THEIRS, "why": " "})
    assert answer.status_code == 422
    assert "Say why" in text_of(answer)
    assert f'value="{THEIRS}"' in answer.text
    assert 'value="deleted" checked' in answer.text
    assert (reporting.states(), deeds(reporting)) == (["attention"], [])


def test_pars_being_away_is_said_calmly_and_changes_nothing(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    refused_by_pars(reporting, pars)
    pars.weather(down_seconds=600)
    place = at(reporting, mora)
    for what in ("added", "deleted"):
        answer = mora.send(f"{place}/done", {"what": what, "why": "typed it in"})
        assert answer.status_code == 409
        assert "PARS cannot be asked now" in text_of(answer)
        assert "try again later" in text_of(answer)
        assert "_" not in text_of(answer).partition("PARS cannot")[2].partition("again later")[0]
    assert (reporting.states(), deeds(reporting)) == (["attention"], [])
    pars.clear()
    reporting.replay()
    reporting.drive_to("accepted")


def test_what_pars_shows_twice_is_chosen_on_the_page(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    refused_by_pars(reporting, pars)
    web_pages(reporting, Action.ADD, THEIRS)
    web_pages(reporting, Action.ADD, f"{THEIRS}-b")
    place = at(reporting, mora)
    answer = mora.send(f"{place}/done", {"what": "added", "why": "typed it in"})
    told = text_of(answer)
    assert (answer.status_code, f"{THEIRS}-b" in told, "--" in told) == (409, True, False)
    mora.send(f"{place}/done", {"what": "added", "pars_id": THEIRS, "why": "typed it in"})
    assert reporting.credit.credit_id == THEIRS


def test_what_is_reported_by_file_is_not_asked_about(
    open_office: Callable[..., Office],
) -> None:
    office = open_office(by_file=True)
    office.hear(moodle(PRIYA))
    mora = Visitor(office, Role.COORDINATOR)
    for what in ("added", "deleted"):
        answer = mora.send("/credits/c1/done", {"what": what, "why": "typed it in"})
        assert (answer.status_code, "reported by file" in text_of(answer)) == (409, True)
    assert (office.states(), deeds(office)) == (["ready"], [])


# ------------------------------------------------------------ withdrawn, corrected


def test_withdrawn_with_a_reason_it_goes_from_pars(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    name, place = reporting.credit.credit_id, at(reporting, mora)
    assert "PARS is asked to delete it" in mora.see(place)
    blank = mora.press("/withdraw")
    assert (blank.status_code, "Say why" in text_of(blank)) == (422, True)
    assert (reporting.states(), deeds(reporting)) == (["accepted"], [])
    assert "It is being withdrawn." in text_of(mora.press("/withdraw", why="not hers"))
    assert deeds(reporting) == [("mora", "credit.withdrawn", name)]
    reporting.drive_to("withdrawn")
    assert pars.live == []


def test_withdrawn_twice_it_is_said_once(reporting: Office, mora: Visitor) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    place = at(reporting, mora)
    for _ in range(2):
        mora.send(f"{place}/withdraw", {"why": "not hers"})
    assert len(deeds(reporting)) == 1
    assert "Nothing changes: it is" in text_of(mora.page)


def test_corrected_it_is_deleted_at_pars_then_sent_as_the_tables_say(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    place = at(reporting, mora)
    assert "Correct it at PARS" not in mora.see(place)
    same = mora.send(f"{place}/correct", {"accepted": "yes"})
    assert "it stands as the tables say" in text_of(same)
    pars.put_roster(PRIYA.diplomate(board_id="041328"))
    reporting.put_learners(PRIYA.row(board_id="041328"))
    reporting.look()
    assert "Correct it at PARS" in mora.see(place)
    unsure = mora.send(f"{place}/correct", {"why": "a typo"})
    assert "Nothing was corrected" in text_of(unsure)
    assert (reporting.states(), deeds(reporting)) == (["accepted"], [])
    done = mora.send(f"{place}/correct", {"why": "a typo", "accepted": "yes"})
    assert "It is being corrected" in text_of(done)
    assert [one[:2] for one in deeds(reporting)] == [("mora", "credit.corrected")]
    reporting.drive(lambda: [r["board_id"] for r in pars.live] == ["041328"])
    assert pars.totals["doubled"] == 0


# ------------------------------------------------------------ what PARS said, what made it


def test_what_pars_said_and_what_made_it_are_shown_and_remembered(
    reporting: Office, pars: SimulatedPars, mora: Visitor
) -> None:
    name = refused_by_pars(reporting, pars)
    mora.get(at(reporting, mora))
    assert "What PARS said" in text_of(mora.press("/answers"))
    mora.get(at(reporting, mora))
    made = mora.press("/explain")
    assert str(PRIYA.number) in made.text
    assert "moodle" in text_of(made)
    assert "lms.events" not in text_of(made)
    told = [one[1] for one in deeds(reporting)]
    assert told == ["answers.revealed", "credit.revealed"]
    assert {one[2] for one in deeds(reporting)} == {name}
    assert str(PRIYA.number) not in mora.get(at(reporting, mora)).text


def test_of_what_was_never_sent_there_is_no_answer(office: Office) -> None:
    office.hear(moodle(PRIYA))
    mora = Visitor(office, Role.COORDINATOR)
    answer = mora.send("/credits/c1/answers", {})
    assert "No answer of PARS about it was kept." in text_of(answer)
    mora.send("/credits/c1/withdraw", {"why": "not hers"})
    assert office.states() == [State.WITHDRAWN]


@pytest.mark.parametrize("name", ["c77", "c" + "9" * 30, "ccid:x", "c²", "%FF"])
@pytest.mark.parametrize("form", ["", "answers", "explain", "correct", "withdraw", "done"])
def test_one_that_is_none_is_not_found(two: tuple[Office, Visitor], name: str, form: str) -> None:
    office, mora = two
    path = f"/credits/{name}/{form}".rstrip("/")
    answer = mora.send(path, {"why": "why not"}) if form else mora.get(path)
    assert (answer.status_code, "No such credit" in text_of(answer)) == (404, True)
    assert deeds(office) == []


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, Visitor]:
    """An office in which these tests change nothing."""
    from tests.fakes import FakeClock

    office = Office(tmp_path_factory.mktemp("credits"), FakeClock())
    return office, Visitor(office, Role.COORDINATOR)


def test_a_viewer_sees_it_and_does_nothing(office: Office) -> None:
    office.hear(moodle(PRIYA))
    vera = Visitor(office, Role.VIEWER)
    assert "Withdraw" not in vera.see("/credits/c1")
    for form in ("answers", "explain", "correct", "withdraw", "done"):
        assert vera.send(f"/credits/c1/{form}", {"why": "me"}).status_code == 403
    assert (office.states(), deeds(office)) == (["ready"], [])


def test_the_lines_of_one_completion_are_those_of_the_whole_list(office: Office) -> None:
    """Read in another way, for it has to be quick."""
    busy(office)
    mend(office)
    office.hear(openedx(LENA))
    office.put_learners(PRIYA.row(), LENA.row(board_id=""))
    office.look()
    c, k, link = completions.c, credits_.c, completion_credits.c
    assert {("held", "withdrawn"), ("held", None)} <= {*_standings(office)}
    whole = select(completions, credits_).select_from(_beside_their_credits())
    with office.ledger.read() as db:
        for number in db.scalars(select(c.id)):
            one = whole.where(c.id == number).order_by(link.stands.desc(), k.id)
            wanted = [(row._mapping[c.id], row._mapping[k.id]) for row in db.execute(one)]
            found = db.execute(lines_of(f"c{number}"))
            assert [(row._mapping[c.id], row._mapping[k.id]) for row in found] == wanted


def _standings(office: Office) -> list[tuple[str, str | None]]:
    """How each completion and each credit that it ever led to stand."""
    c, k, link = completions.c, credits_.c, completion_credits.c
    joined = completions.outerjoin(completion_credits, link.completion_id == c.id)
    joined = joined.outerjoin(credits_, k.id == link.credit_id)
    with office.ledger.read() as db:
        return [(a, b) for a, b in db.execute(select(c.state, k.state).select_from(joined))]
