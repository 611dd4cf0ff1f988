"""Mappings, sources, activities and the audit trail in the console."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from consumer.console.role import Role
from consumer.ledger.schema import audit, events
from consumer.resources import shipped
from tests.integration.office import Office
from tests.integration.people import COURSES, LENA, MOODLE, OTIS, PRIYA, course, moodle, raw
from tests.integration.test_surges import HELD, MANY, early
from tests.integration.visitor import Visitor, text_of


def deeds(office: Office) -> list[tuple[str, str, str]]:
    told = [(row.who, row.what, row.subject) for row in office.rows(audit)]
    return [one for one in told if not one[1].startswith("user.")]


@pytest.fixture
def vera(office: Office) -> Visitor:
    return Visitor(office, Role.VIEWER)


@pytest.fixture
def mora(office: Office) -> Visitor:
    return Visitor(office, Role.COORDINATOR)


@pytest.fixture
def abel(office: Office) -> Visitor:
    return Visitor(office, Role.ADMIN)


# ------------------------------------------------------------ mappings


def test_every_mapping_that_ships_is_listed_and_opens(office: Office, vera: Visitor) -> None:
    office.hear(moodle(PRIYA))
    told = vera.see("/mappings")
    names = [one.name for one in office.service.premises.house.catalogue.mappings]
    assert len(names) > 10
    for name in names:
        assert f'href="/mappings/{name}"' in vera.page.text, name
    assert "in force" in told
    opened = vera.see(f"/mappings/{office.completions[0].mapping}")
    assert "as expected" in opened
    assert "body" in opened
    assert vera.get("/mappings/moodle/no_such").status_code == 404


def test_a_refused_version_is_told_with_file_and_line(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(shipped("mappings") / "moodle", folder / "moodle")
    office.start(mappings_dir=folder)
    vera = Visitor(office, Role.VIEWER)
    file = next(folder.rglob("*.yaml"))
    file.write_text(file.read_text(encoding="utf-8") + "\nnonsense: 1\n", encoding="utf-8")
    told = vera.see("/mappings")
    line = len(file.read_text(encoding="utf-8").splitlines())
    name = file.relative_to(folder).with_suffix("").as_posix()
    assert "cannot be used as they are" in told
    assert f"mappings/{name}.yaml, line {line}" in told
    assert "nonsense" in told
    assert "1 problem" in told
    assert "cannot be used as it is" in vera.see(f"/mappings/{name}")


def event_of(person: object) -> str:
    value = moodle(person).value  # type: ignore[arg-type]
    assert value is not None
    return value.decode()


def test_an_event_is_tried_all_the_way_and_nothing_is_kept(
    office: Office, vera: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in office.folder.rglob("*") if file.is_file()}
    capsys.readouterr()
    told = text_of(vera.send("/mappings/try", {"event": event_of(PRIYA)}))
    assert "a completion" in told
    assert str(PRIYA.number) in told
    assert "Would be reported 1.5 Medical Knowledge for ABIM" in told
    assert PRIYA.family_name not in told, "the tables' own names are nobody's to see here"
    assert office.completions == []
    assert office.rows(events) == []
    assert {file: file.read_bytes() for file in before} == before
    logged = "".join(capsys.readouterr())
    assert str(PRIYA.number) not in logged


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("", "Paste an event first"),
        ("{not json", "cannot be read"),
        ('{"a": 1, "a": 2}', "cannot be read"),
        ("[1, 2]", "cannot be read"),
        ('"' + "x" * 2_000_000 + '"', "no event may be so large"),
    ],
)
def test_what_is_no_event_is_told(vera: Visitor, event: str, why: str) -> None:
    answer = vera.send("/mappings/try", {"event": event})
    assert answer.status_code in (200, 422)
    assert why in text_of(answer) or "No mapping reads this event" in text_of(answer)


def test_an_unknown_event_says_so(vera: Visitor) -> None:
    answer = vera.send("/mappings/try", {"event": '{"eventName": "of nobody"}'})
    assert "No mapping reads this event" in text_of(answer)


def test_an_example_can_be_tried(office: Office, vera: Visitor) -> None:
    office.hear(moodle(PRIYA))
    name = office.completions[0].mapping
    vera.see(f"/mappings/{name}")
    example = vera.page.text.partition("&amp;example=")[2].partition('"')[0]
    vera.see(f"/mappings/try?mapping={name}&example={example}")
    vera.press("/mappings/try", event=vera.page.text.partition("<textarea")[2]
               .partition(">")[2].partition("</textarea>")[0].replace("&#34;", '"'))  # fmt: skip
    assert name in text_of(vera.page)


def test_an_event_that_needs_attention_is_tried_masked_and_remembered(
    office: Office, mora: Visitor
) -> None:
    event = orjson.loads(event_of(PRIYA)) | {"timecreated": "no moment"}
    office.hear(raw(orjson.dumps(event)))
    number = str(office.letter["letter_id"])
    told = mora.send("/mappings/try/letter", {"letter": number})
    assert str(PRIYA.number) not in told.text
    assert deeds(office) == [("mora", "letter.revealed", number)]
    shown = mora.send("/mappings/try/letter", {"letter": number, "show": "yes"})
    assert str(PRIYA.number) in shown.text
    assert mora.send("/mappings/try/letter", {"letter": "none"}).status_code == 422


# ------------------------------------------------------------ sources


def test_a_surge_is_shown_and_released_by_an_admin_with_a_reason(
    open_office: Callable[..., Office],
) -> None:
    office = open_office(intake=HELD)
    office.put_learners(*(one.row() for one in MANY))
    always = {"starts": "", "ends": ""}
    later = course(MOODLE, "105", starts="2026-11-21", ends="2027-12-31")
    office.put_activities(*(row | always for row in COURSES), later)
    office.look()
    office.hear(*map(early, MANY[:8]))
    abel, mora = Visitor(office, Role.ADMIN), Visitor(office, Role.COORDINATOR)
    assert "held: too many refusals" in abel.see("/sources")
    assert "go round again" in mora.see("/sources/moodle")
    assert mora.send("/sources/moodle/release", {"why": "mended"}).status_code == 403
    abel.see("/sources/moodle")
    assert abel.press("/release", why="").status_code == 422
    abel.press("/release", why="mended")
    assert "goes on" in text_of(abel.page)
    assert ("abel", "source.released", "moodle") in deeds(office)
    assert "held: too many" not in abel.see("/sources")


def test_a_source_is_held_and_let_go(office: Office, abel: Visitor) -> None:
    office.hear(moodle(PRIYA))
    abel.see("/sources/moodle")
    assert abel.press("/switch", mode="hold").status_code == 422
    abel.press("/switch", mode="hold", why="first week")
    assert "waits for release" in abel.see("/sources")
    abel.see("/sources/moodle")
    abel.press("/switch", mode="automatic", why="all is well")
    assert [deed[1] for deed in deeds(office)] == ["source.held", "source.released"]


def test_what_nobody_heard_of_is_no_source(vera: Visitor) -> None:
    assert vera.get("/sources/nowhere").status_code == 404
    assert "Nothing was heard yet" in vera.see("/sources")


# ------------------------------------------------------------ activities


def test_activities_stand_beside_their_credits_and_are_found(office: Office, vera: Visitor) -> None:
    office.hear(moodle(PRIYA), moodle(LENA, "999"))
    told = vera.see("/activities")
    assert "Heart Failure Update" in told
    assert "1 ready" in told
    assert "999" in told
    assert "Renal Care" not in vera.see("/activities?q=heart")
    assert "Nothing found" in vera.see("/activities?q=nothing+like+that")
    assert "999" in vera.see("/activities?only=lacking")
    assert "Add a row" not in text_of(vera.page)


def test_an_activity_is_held_its_credits_wait_and_are_let_go(office: Office, abel: Visitor) -> None:
    abel.see("/activities/HF-UPDATE")
    abel.press("/switch", mode="hold", why="first week")
    office.hear(moodle(PRIYA))
    told = abel.see("/activities/HF-UPDATE")
    assert "1 Waiting for release" in told
    assert "wait for a release" in told
    assert "Would be sent" in abel.see("/activities/HF-UPDATE/release")
    page = abel.page
    office.hear(moodle(OTIS))
    abel.page = page
    assert abel.press("/release", why="").status_code == 422
    abel.page = page
    abel.press("/release", why="looked at")
    assert [row.released_at is not None for row in office.credits] == [True, False]
    assert [deed[1] for deed in deeds(office)] == ["activity.held", "credit.released"]


def test_the_report_is_a_file_and_with_learners_that_is_remembered(
    office: Office, vera: Visitor, mora: Visitor
) -> None:
    office.hear(moodle(PRIYA))
    answer = vera.send("/activities/HF-UPDATE/figures", {})
    assert PRIYA.family_name not in everything_in(answer.content)
    assert vera.send("/activities/HF-UPDATE/learners", {}).status_code == 403
    assert deeds(office) == []
    answer = mora.send("/activities/HF-UPDATE/learners", {})
    assert PRIYA.family_name in everything_in(answer.content)
    assert [deed[:2] for deed in deeds(office)] == [("mora", "activity.report_written")]


def everything_in(content: bytes) -> str:
    book = load_workbook(io.BytesIO(content))
    return " ".join(str(cell.value) for sheet in book for row in sheet for cell in row)


def test_a_viewer_holds_nothing(vera: Visitor, mora: Visitor, office: Office) -> None:
    for visitor in (vera, mora):
        for path in ("/activities/HF-UPDATE/switch", "/activities/HF-UPDATE/release"):
            assert visitor.send(path, {"mode": "hold", "why": "x"}).status_code == 403
    assert deeds(office) == []
    assert vera.get("/activities/NO-SUCH").status_code == 404


# ------------------------------------------------------------ the audit trail


def test_the_trail_is_read_filtered_and_opened_by_an_admin(
    office: Office, abel: Visitor, mora: Visitor
) -> None:
    abel.see("/activities/HF-UPDATE")
    abel.press("/switch", mode="hold", why="Ask Priya first")
    assert "held an activity" in mora.see("/audit?what=activity.held")
    assert "held an activity" not in mora.see("/audit?who=mora").partition("Row When")[2]
    assert "held an activity" in mora.see("/audit?since=2026-01-01&until=2026-12-31&who=abel")
    assert "Nothing like that" in mora.see("/audit?who=abel&until=2020-01-01")
    assert mora.get("/audit?since=soon").status_code == 422
    number = next(row.id for row in office.rows(audit) if row.what == "activity.held")
    assert "Ask Priya first" not in mora.see(f"/audit/{number}")
    assert mora.send(f"/audit/{number}/reveal", {}).status_code == 403
    abel.see(f"/audit/{number}")
    told = text_of(abel.press("/reveal"))
    assert "Ask Priya first" in told
    assert "automatic hold" in told
    assert deeds(office)[-1] == ("abel", "audit.revealed", f"audit {number}")
    assert abel.get("/audit/9999").status_code == 404


def test_the_trail_says_whether_it_is_whole(office: Office, abel: Visitor) -> None:
    assert "as they were written" in text_of(abel.send("/audit/check", {}))
    with office.ledger.begin() as db:
        db.execute(text("DROP TRIGGER audit_unchanged"))
        db.execute(audit.update().values(who="somebody else"))
    assert "Something is wrong with it" in text_of(abel.send("/audit/check", {}))


def test_an_edited_row_stands_in_the_trail_with_before_and_after(
    office: Office, abel: Visitor
) -> None:
    abel.see("/tables/activities")
    abel.press("/find", q=f"{MOODLE} heart")
    name = abel.page.text.split("/tables/activities/rows/")[-1].partition('"')[0]
    abel.see(f"/tables/activities/rows/{name}")
    abel.press(name, title="Heart Failure, Revised")
    number = next(row.id for row in office.rows(audit) if row.what == "table.edited")
    abel.see(f"/audit/{number}")
    assert "Heart Failure Update Heart Failure, Revised" in text_of(abel.press("/reveal"))
