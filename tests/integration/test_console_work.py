"""The lists of work in the console: figures that agree, many sent at once, whom to ask."""

from __future__ import annotations

import csv
import html
import io
import re
from urllib.parse import urlsplit

import pytest

from consumer.console.role import Role
from consumer.credit import State
from consumer.desk.worklists import LISTS
from tests.integration.office import Office
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, moodle, raw
from tests.integration.test_console_letters import deeds
from tests.integration.test_console_privacy import busy
from tests.integration.test_letters import everything, mend, refused
from tests.integration.visitor import Visitor, text_of

_FIGURE = re.compile(r'class="figure[^"]*" href="(/work/[^"]+)">\s*<strong>([\d,]+)</strong>')
_ITEM = re.compile(r'<th scope="row"><a href="(/(?:letters|credits)/[^"]+)">')
_NEXT = re.compile(r'href="([^"]+)" rel="next"')


@pytest.fixture
def mora(office: Office) -> Visitor:
    return Visitor(office, Role.COORDINATOR)


def every_page(mora: Visitor, path: str) -> list[str]:
    """Where each item of a list leads, page after page."""
    found: list[str] = []
    while path:
        mora.see(path)
        found += _ITEM.findall(mora.page.text)
        more = _NEXT.search(mora.page.text)
        path = html.unescape(more[1]) if more else ""
    return found


def figures(mora: Visitor) -> dict[str, int]:
    """What the front page counts, by the list that it leads to."""
    mora.see("/")
    return {to: int(n.replace(",", "")) for to, n in _FIGURE.findall(mora.page.text)}


def test_the_front_page_counts_what_the_lists_show(office: Office, mora: Visitor) -> None:
    busy(office)
    told = figures(mora)
    shown = {to: len(every_page(mora, to)) for to in told}
    assert {urlsplit(to).path for to in told} == {f"/work/{n.replace('_', '-')}" for n in LISTS}
    assert shown == told
    assert sum(1 for count in told.values() if count) >= 5


def test_a_long_list_is_paged_and_shows_each_once(office: Office, mora: Visitor) -> None:
    office.hear(*(raw(b"no event %d" % n) for n in range(120)))
    items = every_page(mora, "/work/attention")
    assert len(items) == len({*items}) == 120 == figures(mora)["/work/attention"]


@pytest.mark.parametrize(
    "after", ["zzz", "l-zz", "c-" + "9" * 40, "2026-13-45_c_1", "_c_1", "k-²", "2026-11-01_c_x"]
)
def test_a_place_that_no_page_ended_with_breaks_nothing(mora: Visitor, after: str) -> None:
    for name in LISTS:
        mora.see(f"/work/{name.replace('_', '-')}?after={after}")
    mora.see(f"/people?after={after}")


def test_what_is_broken_or_unknown_has_a_page_that_says_so(office: Office, mora: Visitor) -> None:
    for path, status in (
        ("/work/none", 404), ("/people/p77", 404), ("/people/p" + "9" * 40, 404),
        ("/people/t" + "0" * 24, 404), ("/people?state=%00", 400), ("/credits/%00", 400),
    ):  # fmt: skip
        answer = mora.get(path)
        assert (answer.status_code, "<h1>" in answer.text) == (status, True), path
        assert "To the overview" in text_of(answer)
    broken = mora.send("/people/p1/reveal", {"why": "\0"})
    assert (broken.status_code, "To the overview" in text_of(broken)) == (400, True)
    for form in ("plan", "resend"):
        assert mora.send(f"/work/none/{form}", {"letter": "dl-0"}).status_code == 404
    assert mora.send("/people/p77/reveal", {}).status_code == 404
    assert deeds(office) == []


# ------------------------------------------------------------ many at once


def test_all_of_one_reason_are_planned_then_sent(office: Office, mora: Visitor) -> None:
    refused(office, *EVERYONE)
    office.hear(raw(b"no event"))
    office.put_learners(PRIYA.row(), OTIS.row(), LENA.row(board_id="41327"))
    office.look()
    before = everything(office)
    mora.see("/work/attention?reason=board_id_form")
    assert "See what sending all 3 again would do" in text_of(mora.page)
    plan = mora.press("/plan")
    assert everything(office) == before
    assert "Nothing was sent." in text_of(plan)
    assert "Send 2 again" in text_of(plan)
    assert "1 stays as it is: it would come back for the very reason it has" in text_of(plan)
    going = re.findall(r'name="letter" value="(dl-[^"]+)"', plan.text)
    done = mora.client.post(
        "/work/attention/resend", data={"token": mora.client.token, "letter": going, "why": "typo"}
    )
    assert done.status_code == 303
    assert "Sent again. 2: it goes to PARS." in mora.see("/work/attention")
    assert sorted(office.board_ids("ready")) == sorted([PRIYA.board_id, OTIS.board_id])
    assert deeds(office) == [("mora", "letter.replayed", one) for one in going]


def test_the_ticked_ones_go_and_no_other(office: Office, mora: Visitor) -> None:
    ids = refused(office, *EVERYONE)
    mend(office)
    mora.see("/work/attention")
    plan = mora.send("/work/attention/plan", {"letter": ids[0]})
    assert "Send 1 again" in text_of(plan)
    assert office.credits == []
    done = mora.press("/resend", why="mended")
    assert "Sent again. 1: it goes to PARS." in text_of(done)
    assert (len(office.credits), len(office.open_letters())) == (1, 2)
    assert deeds(office) == [("mora", "letter.replayed", ids[0])]


def test_sent_twice_the_second_says_that_it_is_dealt_with(office: Office, mora: Visitor) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    for _ in range(2):
        told = text_of(mora.send("/work/attention/resend", {"letter": letter, "reason": ""}))
    assert "dealt with already" in told
    assert "dl-" not in told
    assert len(office.credits) == 1


def test_what_would_come_back_the_same_or_came_back_twice_stays(
    office: Office, mora: Visitor
) -> None:
    (letter,) = refused(office, PRIYA)
    told = text_of(mora.send("/work/attention/resend", {"letter": letter}))
    assert "it would come back for the same reason" in told
    assert (office.letter["replays"], deeds(office)) == (0, [])
    for _ in range(2):
        mora.send(f"/letters/{letter}/resend", {})
    mora.send("/work/attention/resend", {"letter": letter})
    assert "--" not in text_of(mora.page)
    assert "look at it by itself" in text_of(mora.page)
    assert office.letter["replays"] == 2


def test_nothing_ticked_is_said(office: Office, mora: Visitor) -> None:
    for form in ("plan", "resend"):
        assert "Nothing was chosen." in text_of(mora.send(f"/work/attention/{form}", {}))
    assert deeds(office) == []


def test_as_many_as_one_plan_holds_can_be_sent(office: Office, mora: Visitor) -> None:
    office.hear(*(raw(b"no event %d" % n) for n in range(510)))
    mora.see("/work/attention?reason=malformed_json")
    assert "See what sending the first 500 again would do" in text_of(mora.page)
    ids = [str(row["letter_id"]) for row in office.open_letters(limit=1000)]
    answer = mora.client.post(
        "/work/attention/resend", data={"token": mora.client.token, "letter": ids, "why": "all"}
    )
    assert answer.status_code == 303


# ------------------------------------------------------------ whom to ask


def test_whom_to_ask_is_a_file_for_coordinators_and_remembered(
    office: Office, mora: Visitor
) -> None:
    office.put_learners(PRIYA.row(board_id=""), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    assert "Download whom to ask" in mora.see("/work/waiting")
    answer = mora.press("/work/ask-list")
    assert answer.headers["content-disposition"] == 'attachment; filename="ask-list.csv"'
    (line,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert line["family_name"] == PRIYA.family_name
    assert [one[:2] for one in deeds(office)] == [("mora", "asklist.written")]
    vera = Visitor(office, Role.VIEWER)
    assert "Download whom to ask" not in vera.see("/work/waiting")
    refusal = vera.send("/work/ask-list", {})
    assert (refusal.status_code, PRIYA.family_name in refusal.text) == (403, False)
    assert len(deeds(office)) == 1


def test_a_viewer_plans_and_sends_nothing(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    vera = Visitor(office, Role.VIEWER)
    assert 'type="checkbox"' not in vera.get("/work/attention").text
    for form in ("plan", "resend"):
        assert vera.send(f"/work/attention/{form}", {"letter": letter}).status_code == 403
    assert (office.letter["replays"], deeds(office)) == (0, [])


def test_consent_taken_back_is_kept_with_a_reason_and_taken_back(
    office: Office, mora: Visitor
) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.put_learners(PRIYA.row(consent="no"))
    office.look()
    assert (figures(mora)["/work/consent"], figures(mora)["/work/attention"]) == (1, 0)
    (letter,) = every_page(mora, "/work/consent")
    assert "took the consent back after it was reported" in mora.see("/work/consent")
    mora.see(letter)
    kept = mora.send(f"{letter}/decline", {"why": "the board needs it"})
    assert "Answered: the credit stays" in text_of(kept)
    assert every_page(mora, "/work/consent") == []
    assert "Kept: the board needs it" in mora.see(letter)
    mora.send(f"{letter}/reopen", {})
    assert every_page(mora, "/work/consent") == [letter]
    assert office.states() == ["accepted"]
