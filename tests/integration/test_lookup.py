"""A learner whom the table does not know is looked up in the LMS, and the completion goes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from consumer.lms.account import LmsAway, LmsRefused
from consumer.lms.moodle import Moodle
from consumer.pumps.lookup import LookUpPump
from tests.fakes import FakeClock
from tests.integration.moodle import TOKEN, FakeMoodle, moodle_running
from tests.integration.office import Office
from tests.integration.people import DAY, HOUR, MOODLE, NOON, OTIS, PRIYA, canvas, moodle

FIELDS = {"board_id_field": "abimid", "birth_date_field": "dob", "consent_field": "mocconsent"}
WHOLE = {"abimid": PRIYA.board_id, "dob": PRIYA.birth_date, "mocconsent": "1"}


@pytest.fixture
def lms() -> Iterator[tuple[FakeMoodle, str]]:
    with moodle_running() as running:
        yield running


@pytest.fixture
def asking(office: Office, lms: tuple[FakeMoodle, str], tmp_path: Path) -> Office:
    """An office whose table knows Otis alone, and whose Moodle may be asked."""
    start(office, lms[1], tmp_path)
    office.put_learners(OTIS.row())
    office.look()
    return office


def start(office: Office, url: str, folder: Path, **changed: Any) -> None:
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    own = {"site": MOODLE, "url": url, "token_file": token, **FIELDS}
    office.start(lms={"campus": own | changed})


def look_up(office: Office) -> int:
    pump: LookUpPump = office.pump("lookup")
    return pump.turn()


def condition(office: Office) -> str:
    told = {one.name: one.cause for one in office.service.readiness.conditions()}
    return told.get("lms.campus", "never said")


def table(office: Office) -> str:
    return (office.tables / "learners.lms.csv").read_text(encoding="utf-8")


# ---------------------------------------------------------------- it goes by itself


def test_who_is_found_goes_and_intake_never_waited(
    asking: Office, lms: tuple[FakeMoodle, str]
) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren, MD", **WHOLE)
    assert asking.hear(moodle(PRIYA)) == {"held": 1}
    assert lms[0].questions == []
    assert look_up(asking) == 1
    assert asking.look() == {"ready": 1}
    record = asking.ledger.seal.open_record(asking.credit.record)
    assert (record.given_name, record.family_name) == ("Priya", "Vantongeren")
    assert (record.board_id, str(record.birth_date)) == (PRIYA.board_id, PRIYA.birth_date)
    file = asking.tables / "learners.lms.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_many_are_asked_about_in_batches_each_once(
    office: Office, lms: tuple[FakeMoodle, str], tmp_path: Path
) -> None:
    start(office, lms[1], tmp_path, batch_size=2)
    office.put_learners(OTIS.row(site="elsewhere"))
    office.look()
    office.hear(moodle(PRIYA), moodle(PRIYA, "102"), moodle(OTIS), canvas(PRIYA))
    look_up(office)
    assert lms[0].questions == [[str(PRIYA.number), str(OTIS.number)]]
    look_up(office)
    assert len(lms[0].questions) == 1


def test_who_is_unknown_is_asked_about_again_after_an_hour(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    asking.hear(moodle(PRIYA))
    assert look_up(asking) == 0
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    clock.advance(3000)
    assert look_up(asking) == 0
    clock.advance(700)
    assert look_up(asking) == 1
    assert asking.look() == {"ready": 1}


def test_who_fills_in_the_profile_later_goes_then(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE | {"abimid": ""})
    asking.hear(moodle(PRIYA))
    look_up(asking)
    assert asking.look() == {"held": 1}
    assert "no_board_id" in asking.completions[0].reasons
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    clock.advance(3700)
    look_up(asking)
    assert asking.look() == {"ready": 1}


def test_without_consent_nothing_goes(asking: Office, lms: tuple[FakeMoodle, str]) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE | {"mocconsent": "0"})
    asking.hear(moodle(PRIYA))
    look_up(asking)
    assert asking.look() == {"held": 1}
    assert "no_consent" in asking.completions[0].reasons


def test_the_offices_own_table_comes_first(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    lms[0].put(str(PRIYA.number), "Priscilla", "Other", **WHOLE)
    asking.hear(moodle(PRIYA))
    look_up(asking)
    asking.put_learners(OTIS.row(), PRIYA.row())
    asking.look()
    assert asking.ledger.seal.open_record(asking.credit.record).given_name == "Priya"
    asking.put_learners(OTIS.row(), PRIYA.row(consent="no"))
    asking.look()
    assert asking.completions[0].state == "held"
    clock.advance(3700)
    look_up(asking)
    assert len(lms[0].questions) == 1


def test_what_the_lms_said_counts_for_some_days(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    asking.hear(moodle(PRIYA))
    look_up(asking)
    asking.look()
    asking.take_for_sent()
    clock.advance(7 * DAY.total_seconds())
    look_up(asking)
    assert table(asking).count("\n") == 1
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE | {"mocconsent": "0"})
    asking.look()
    assert asking.hear(moodle(PRIYA, "102", NOON + HOUR)) == {"held": 1}
    look_up(asking)
    assert asking.look()["held"] == 1
    assert asking.states() == ["submitted"]


def test_a_board_that_there_is_not_is_told_and_spoils_no_table(
    office: Office, lms: tuple[FakeMoodle, str], tmp_path: Path
) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    start(office, lms[1], tmp_path, board="ABIMM")
    office.put_learners(OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    assert look_up(office) == 0
    assert "board ABIMM is not known" in condition(office)
    assert lms[0].questions == []


def test_another_lms_is_not_asked(asking: Office, lms: tuple[FakeMoodle, str]) -> None:
    asking.hear(canvas(PRIYA))
    look_up(asking)
    assert lms[0].questions == []


# ---------------------------------------------------------------- when it goes wrong


@pytest.mark.parametrize(
    ("exception", "says"),
    [
        ("accessexception", "add it there"),
        ("webservicesnotenabled", "switched off"),
        ("somethingelse", "Moodle says somethingelse"),
        ("Learner 905 is <b>bad</b>", "does not say why"),
        ("sitemaintenance", "sitemaintenance"),
    ],
)
def test_an_exception_is_told_and_nothing_is_lost(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock, exception: str, says: str
) -> None:
    lms[0].exception = exception
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    assert asking.hear(moodle(PRIYA)) == {"held": 1}
    look_up(asking)
    assert says in condition(asking)
    lms[0].exception = ""
    clock.advance(60)
    assert look_up(asking) == 1
    assert condition(asking) == ""
    assert asking.look() == {"ready": 1}


def test_an_lms_that_is_away_is_asked_seldom(
    asking: Office, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    asking.hear(moodle(PRIYA))
    lms[0].answers = [Response(status_code=503) for _ in range(9)]
    for _ in range(100):
        look_up(asking)
        clock.advance(10)
    assert 9 - len(lms[0].answers) == 6  # after 0, 30, 90, 210, 450 and 930 seconds of 1000
    assert "it answers 503" in condition(asking)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response("<html>Moodle</html>"), LmsRefused),
        (Response(b""), LmsRefused),
        (Response(status_code=403), LmsRefused),
        (JSONResponse({"debuginfo": "x"}), LmsRefused),
        (RedirectResponse("https://elsewhere.example"), LmsRefused),
        (Response(status_code=404), LmsRefused),
        (Response(status_code=429), LmsAway),
        (Response(status_code=502), LmsAway),
        (Response(b"[" + b" " * (9 * 1024 * 1024) + b"]"), LmsRefused),
    ],
)
def test_an_answer_is_what_moodle_gives_or_typed(
    lms: tuple[FakeMoodle, str], answer: Response, kind: type[Exception]
) -> None:
    lms[0].answers = [answer]
    client = Moodle(lms[1], TOKEN, 5)
    with pytest.raises(kind):
        client.accounts(["905"])
    client.close()


def test_accounts_that_are_odd_are_left_out(lms: tuple[FakeMoodle, str]) -> None:
    odd = [None, 7, {"firstname": "x"}, {"id": 906}, {"id": 905, "customfields": [None, {}]}]
    lms[0].answers = [JSONResponse(odd)]
    client = Moodle(lms[1], TOKEN, 5)
    assert [one.learner for one in client.accounts(["905"])] == ["905"]
    client.close()


def test_text_fields_come_marked_up_and_are_read_bare(lms: tuple[FakeMoodle, str]) -> None:
    lms[0].put("905", "Ada", "O'Neill", abimid="<p dir='auto'>012345</p>", how="O&#39;Neill")
    client = Moodle(lms[1], TOKEN, 5)
    (account,) = client.accounts(["905"])
    assert account.fields == {"abimid": "012345", "how": "O'Neill"}
    client.close()


def test_nobody_there_is_away() -> None:
    client = Moodle("http://127.0.0.1:9", TOKEN, 1)
    with pytest.raises(LmsAway, match="no connection"):
        client.accounts(["905"])
    client.close()


def test_nothing_personal_is_logged(
    asking: Office, lms: tuple[FakeMoodle, str], capfd: pytest.CaptureFixture[str]
) -> None:
    lms[0].put(str(PRIYA.number), "Priya", "Vantongeren", **WHOLE)
    asking.hear(moodle(PRIYA))
    look_up(asking)
    said = "".join(capfd.readouterr())
    assert "learners.looked_up" in said
    assert not [one for one in ("Priya", str(PRIYA.number), PRIYA.board_id, TOKEN) if one in said]
