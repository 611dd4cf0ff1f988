"""The office's tables in the console: uploaded, looked at, put in force, taken back, edited."""

from __future__ import annotations

import csv
import io
import re

import pytest
from openpyxl import Workbook

from consumer.console.role import Role
from consumer.ledger.schema import audit
from tests.integration.office import Office
from tests.integration.people import LENA, OTIS, PRIYA, moodle
from tests.integration.visitor import Visitor, text_of

HEAD = "learner,given_name,family_name,birth_date,board_id,consent"


def rows(office: Office) -> dict[str, dict[str, str]]:
    with (office.tables / "learners.csv").open(encoding="utf-8-sig") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def deeds(office: Office) -> list[tuple[str, str, str]]:
    told = [(row.who, row.what, row.subject) for row in office.rows(audit)]
    return [one for one in told if not one[1].startswith("user.")]


def line(person: object, **changed: str) -> str:
    row = person.row(**changed)  # type: ignore[attr-defined]
    return ",".join(row[name] for name in HEAD.split(","))


def sheet(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


@pytest.fixture
def mora(office: Office) -> Visitor:
    return Visitor(office, Role.COORDINATOR)


def test_an_upload_is_looked_at_then_in_force_and_frees_who_waited(
    office: Office, mora: Visitor
) -> None:
    office.put_learners(PRIYA.row(board_id=""), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    assert [row.state for row in office.completions] == ["held"]
    page = mora.upload("learners", sheet(line(PRIYA), line(LENA)))
    told = text_of(page)
    assert "1 row added" in told
    assert "1 row changed" in told
    assert "1 waiting completion can go" in told
    assert rows(office)[str(PRIYA.number)]["board_id"] == ""
    page = mora.press("/apply")
    assert "Version 2 of the learners table is in force" in text_of(page)
    assert rows(office)[str(PRIYA.number)]["board_id"] == PRIYA.board_id
    assert str(OTIS.number) in rows(office)
    assert deeds(office) == [("mora", "table.imported", "learners 2")]
    outcome = str(page.url).partition("outcome=")[2]
    assert "0 of 1 waiting" in mora.see(f"/tables/learners/outcome/{outcome}")
    office.look()
    assert "1 of 1 waiting completion has gone" in mora.see(f"/tables/learners/outcome/{outcome}")
    assert office.states() == ["ready"]


def test_what_was_refused_is_sent_again_from_the_change_that_mends_it(
    office: Office, mora: Visitor
) -> None:
    office.put_learners(PRIYA.row(board_id="12"), OTIS.row(board_id="13"))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS))
    assert len(office.open_letters()) == 2
    page = mora.upload("learners", sheet(line(PRIYA)))
    assert "1 record that needs attention can be sent again" in text_of(page)
    outcome = str(mora.press("/apply").url).partition("outcome=")[2]
    office.look()
    mora.page = mora.get(f"/tables/learners/outcome/{outcome}")
    assert "1 record that needs attention is about what was changed" in text_of(mora.page)
    assert "Send 1 again" in text_of(mora.press("/plan"))
    mora.press("/resend")
    assert office.states() == ["ready"]
    assert [one["reason"] for one in office.open_letters()] == ["board_id_form"]
    assert "about what was changed" not in mora.see(f"/tables/learners/outcome/{outcome}")


def test_nobody_is_named_until_somebody_asks_and_that_is_remembered(
    office: Office, mora: Visitor
) -> None:
    secrets = (PRIYA.family_name, PRIYA.board_id, str(PRIYA.number), PRIYA.birth_date)
    for path in ("/tables", "/tables/learners", "/tables/learners/faults"):
        assert not any(secret in mora.get(path).text for secret in secrets), path
    mora.get("/tables/learners")
    shown = mora.press("/reveal").text
    assert PRIYA.family_name in shown
    assert PRIYA.board_id in shown
    mora.upload("learners", sheet(line(PRIYA, family_name="Vantongeren-Ode")), "priya.csv")
    assert "Ode" not in mora.page.text
    assert str(PRIYA.number) not in mora.page.text
    assert "Vantongeren-Ode" in mora.press("/reveal").text
    assert [what for _, what, _ in deeds(office)] == ["table.revealed"] * 2


def test_an_upload_sent_twice_is_done_once(office: Office, mora: Visitor) -> None:
    page = mora.upload("learners", sheet(line(LENA, consent="no")))
    mora.press("/apply")
    mora.page = page
    again = mora.press("/apply")
    assert again.status_code == 404
    assert "done with" in text_of(again)
    assert [deed[1] for deed in deeds(office)] == ["table.imported"]


def test_undo_is_one_click_and_only_of_what_is_in_force(office: Office, mora: Visitor) -> None:
    before = rows(office)
    mora.upload("learners", sheet(line(LENA, consent="no")))
    done = mora.press("/apply")
    assert rows(office)[str(LENA.number)]["consent"] == "no"
    mora.press("/undo/2")
    assert "Taken back" in text_of(mora.page)
    assert rows(office) == before
    mora.page = done
    again = mora.press("/undo/2")
    assert again.status_code == 409
    assert rows(office) == before
    assert [deed[1] for deed in deeds(office)] == ["table.imported", "table.undone"]


def test_who_comes_second_is_told_and_nothing_of_theirs_is_done(
    office: Office, mora: Visitor
) -> None:
    nora = Visitor(office, Role.COORDINATOR, "nora")
    mine = mora.upload("learners", sheet(line(PRIYA, consent="no")))
    nora.upload("learners", sheet(line(OTIS, consent="no")))
    nora.press("/apply")
    mora.page = mine
    late = mora.press("/apply")
    assert late.status_code == 409
    assert "nora changed the learners table meanwhile" in text_of(late)
    assert rows(office)[str(PRIYA.number)]["consent"] == "yes"
    assert mora.press("/apply").status_code == 200
    assert [rows(office)[str(one.number)]["consent"] for one in (PRIYA, OTIS)] == ["no", "no"]


def test_an_upload_is_of_whoever_brought_it(office: Office, mora: Visitor) -> None:
    page = mora.upload("learners", sheet(line(PRIYA, consent="no")))
    nora = Visitor(office, Role.COORDINATOR, "nora")
    assert nora.get(page.url.path).status_code == 404
    nora.page = page
    assert nora.client.get("/tables/learners/uploads/" + "0" * 32).status_code == 404
    for file in (office.tables / ".waiting").iterdir():
        assert PRIYA.family_name.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_what_nobody_comes_back_for_is_swept_away(office: Office, mora: Visitor) -> None:
    page = mora.upload("learners", sheet(line(PRIYA, consent="no")))
    office.clock.advance(3 * 3600)
    mora.client.sign_in(mora.name)
    assert mora.get(page.url.path).status_code == 404
    mora.upload("learners", sheet(line(PRIYA, consent="no")))
    assert len([*(office.tables / ".waiting").iterdir()]) == 1


def workbook(*lines: tuple[object, ...]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    for one in lines:
        book.active.append(one)
    book.save(content)
    return content.getvalue()


FORMULA = workbook(tuple(HEAD.split(",")), (905, "=A1", "Sample", "1970-01-02", "099999", "yes"))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("roster.xlsx", b"PK\x03\x04 no workbook at all", "roster.xlsx"),
        ("roster.xls", b"\xd0\xcf\x11\xe0 old", "save it as"),
        ("roster.csv", b"", "is empty"),
        ("roster.csv", b"\x00\xff\xfe\x9c" * 99, "no headings"),
        ("picture.csv", b"just a line of words\n", "no headings"),
        ("large.csv", sheet(*["x" * 1000] * 67_500), "larger than 64 MiB"),
    ],
)
def test_a_bad_file_is_refused_at_once_and_not_kept(
    office: Office, mora: Visitor, name: str, content: bytes, why: str
) -> None:
    before = (office.tables / "learners.csv").read_bytes()
    answer = mora.upload("learners", content, name)
    assert answer.status_code == 422
    assert why in text_of(answer)
    assert "--" not in text_of(answer)
    assert (office.tables / "learners.csv").read_bytes() == before
    assert not (office.tables / ".waiting").exists()


def test_wrong_toldare_told_by_line_and_column_and_can_be_left_out(
    office: Office, mora: Visitor
) -> None:
    page = mora.upload("learners", FORMULA, "new.xlsx")
    assert "Some rows are wrong" in text_of(page)
    assert "2 Given name (B2)" in text_of(page)
    with pytest.raises(AssertionError, match="no form /apply"):
        mora.press("/apply")
    mora.upload("learners", sheet(line(PRIYA, board_id="12"), line(LENA, consent="no")))
    assert "2 Board ID" in text_of(mora.page)
    mora.press("/allow")
    mora.press("/apply")
    assert rows(office)[str(PRIYA.number)]["board_id"] == PRIYA.board_id
    assert rows(office)[str(LENA.number)]["consent"] == "no"


def test_accents_of_windows_are_read_and_said(office: Office, mora: Visitor) -> None:
    mora.upload("learners", sheet(line(OTIS, consent="no")).decode().encode("cp1252"))
    assert "Windows" in text_of(mora.page)
    mora.press("/apply")
    assert rows(office)[str(OTIS.number)]["family_name"] == OTIS.family_name


def test_headings_that_nobody_knows_are_asked_for_and_remembered(
    office: Office, mora: Visitor
) -> None:
    content = sheet(line(LENA, board_id="000964")).replace(b"board_id", b"Diplomate,Phone", 1)
    content = content.replace(b",yes", b",555-0101,yes")
    page = mora.upload("learners", content)
    assert "cannot be taken like this" in text_of(page)
    assert "--" not in text_of(page)
    mora.press(page.url.path, **{"heading-4": "board_id", "heading-5": "-"})
    assert "Put it in force" in mora.page.text
    mora.press("/apply")
    assert rows(office)[str(LENA.number)]["board_id"] == "000964"
    assert "Put it in force" not in mora.upload("learners", content).text
    assert "has all of this already" in text_of(mora.page)


def test_most_of_a_table_goes_only_when_that_is_allowed(office: Office, mora: Visitor) -> None:
    page = mora.upload("learners", sheet(line(LENA)))
    mora.press(page.url.path, rows="replace")
    assert "67% of the table would be removed" in text_of(mora.page)
    assert '/apply"' not in mora.page.text
    mora.press(page.url.path, rows="replace", allow_removals="yes")
    mora.press("/apply")
    assert [*rows(office)] == [str(LENA.number)]


# ------------------------------------------------------------ row by row


def edit_of(mora: Visitor, words: str) -> str:
    mora.get("/tables/learners")
    mora.press("/find", q=words)
    (name,) = set(re.findall(r"/tables/learners/rows/([0-9a-f]{32})", mora.page.text))
    return f"/tables/learners/rows/{name}"


def test_a_blank_board_id_is_filled_in_without_seeing_who_it_is(
    office: Office, mora: Visitor
) -> None:
    office.put_learners(PRIYA.row(board_id=""), OTIS.row())
    path = edit_of(mora, "vantong")
    page = mora.get(path)
    assert PRIYA.family_name not in page.text
    assert str(PRIYA.number) not in page.text
    wrong = mora.press(path, board_id="12")
    assert wrong.status_code == 422
    assert 'value="12"' in wrong.text
    mora.press(path, board_id=PRIYA.board_id)
    after = rows(office)[str(PRIYA.number)]
    assert after["board_id"] == PRIYA.board_id

    assert (after["family_name"], after["birth_date"]) == (PRIYA.family_name, PRIYA.birth_date)
    assert deeds(office) == [("mora", "table.edited", "learners 2")]


def test_a_row_that_changed_since_is_not_overwritten(office: Office, mora: Visitor) -> None:
    path = edit_of(mora, "quillfeather")
    mine = mora.get(path)
    nora = Visitor(office, Role.COORDINATOR, "nora")
    nora.get(path)
    nora.press(path, consent="no")
    mora.page = mine
    late = mora.press(path, consent="yes", npi="1234567893")
    assert late.status_code == 409
    assert "nora changed this row" in text_of(late)
    assert rows(office)[str(LENA.number)]["consent"] == "no"
    assert rows(office)[str(LENA.number)]["npi"] == ""


def test_another_row_that_changed_since_is_no_hindrance(office: Office, mora: Visitor) -> None:
    path = edit_of(mora, "quillfeather")
    mine = mora.get(path)
    nora = Visitor(office, Role.COORDINATOR, "nora")
    nora.upload("learners", sheet(line(PRIYA, consent="no")))
    nora.press("/apply")
    mora.page = mine
    mora.press(path, consent="no")
    assert [rows(office)[str(one.number)]["consent"] for one in (PRIYA, LENA)] == ["no", "no"]


def test_a_row_is_added_checked_removed_and_put_back(office: Office, mora: Visitor) -> None:
    office.put_learners(PRIYA.row(), OTIS.row())
    mora.get("/tables/learners/rows/new")
    new = {name: LENA.row()[name] for name in HEAD.split(",")}
    twice = mora.press("/rows/new", **new | {"learner": str(PRIYA.number)})
    assert twice.status_code == 422
    assert "stands twice" in text_of(twice)
    other = mora.press("/rows/new", **new | {"board_id": PRIYA.board_id})
    assert "the same as another person" in text_of(other)
    mora.press("/rows/new", **new)
    assert rows(office)[str(LENA.number)]["board_id"] == LENA.board_id
    path = edit_of(mora, "quillfeather")
    mora.get(path)
    mora.press("/remove")
    assert str(LENA.number) not in rows(office)
    mora.press("/undo/3")
    assert rows(office)[str(LENA.number)]["board_id"] == LENA.board_id


def test_a_field_says_at_once_what_is_wrong_with_it(mora: Visitor) -> None:
    fields = {"board_id": "12", "given_name": "Priya"}
    told = mora.send("/tables/learners/rows/check", fields, headers={"HX-Trigger-Name": "board_id"})
    assert "six digits" in text_of(told) or "digits" in text_of(told)
    fields["board_id"] = "041327"
    told = mora.send("/tables/learners/rows/check", fields, headers={"HX-Trigger-Name": "board_id"})
    assert text_of(told) == ""


# ------------------------------------------------------------ who may, and files to take away


def test_a_viewer_looks_and_changes_nothing(office: Office) -> None:
    vera = Visitor(office, Role.VIEWER)
    assert PRIYA.family_name not in vera.get("/tables/learners").text
    assert "Bring a spreadsheet" not in vera.page.text
    before = (office.tables / "learners.csv").read_bytes()
    fields = dict.fromkeys(HEAD.split(","), "x")
    for path in ("reveal", "export", "uploads", "rows/new", "undo/1", "versions/1/put-back"):
        assert vera.send(f"/tables/learners/{path}", fields).status_code == 403, path
    assert (office.tables / "learners.csv").read_bytes() == before
    assert deeds(office) == []


def test_a_download_is_remembered_and_comes_back_the_same(office: Office, mora: Visitor) -> None:
    answer = mora.send("/tables/learners/export", {"form": "xlsx"})
    assert answer.headers["content-disposition"] == 'attachment; filename="learners.xlsx"'
    assert deeds(office) == [("mora", "table.exported", "learners")]
    assert "has all of this already" in text_of(mora.upload("learners", answer.content, "a.xlsx"))
    empty = mora.get("/tables/activities/template")
    assert mora.upload("activities", empty.content, "t.xlsx").status_code == 200


def test_a_table_broken_by_hand_is_told_and_put_right_from_the_history(
    office: Office, mora: Visitor
) -> None:
    mora.upload("learners", sheet(line(LENA, consent="no")))
    mora.press("/apply")
    office.look()
    with (office.tables / "learners.csv").open("a", encoding="utf-8") as file:
        file.write(f",{LENA.number},Again,Twice\n")
    office.look()
    assert "cannot be used as it is" in mora.see("/tables/learners")
    assert "stands twice" in mora.see("/tables/learners/faults")
    assert mora.get("/tables").status_code == 200
