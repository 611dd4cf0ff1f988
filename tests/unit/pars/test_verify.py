"""The pieces of `pars verify`: whose address it is, what is hidden, what is read and written."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.pars.port import Reply
from consumer.pars.symptoms import SAVE, SAVE_ELSE
from consumer.pars.verdicts import row_for
from consumer.pars.verify.bench import Told
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.fragment import fragment, write_new
from consumer.pars.verify.mask import Mask
from consumer.pars.verify.place import Place, place_of
from consumer.pars.verify.subject import TEMPLATE, SubjectProblems, read_subject
from consumer.pars.verify.suggestion import suggested_row
from consumer.settings import ProviderProfile
from tests.end_to_end.office import toml
from tests.unit.pars.samples import ADA, PASSWORD, profile, record

PROVIDER = ProviderProfile.model_validate(
    {
        "provider_id": "0009999",
        "name": "Example Academy of Medicine",
        "domain": "example.org",
        "url": "https://pars.example",
        "user": "reporter",
        "password": PASSWORD,
    }
)

PLACES = {
    "http://127.0.0.1:8790": Place.HERE,
    "http://localhost/pars": Place.HERE,
    "https://[::1]:443": Place.HERE,
    "https://parsii-test.accme.org": Place.TRIAL,
    "https://testpars.accme.org/services": Place.TRIAL,
    "https://sandbox2.accme.org": Place.TRIAL,
    "https://parsii.accme.org/services/ACCMELearnerService.svc": Place.PRODUCTION,
    "https://parsii.accme.org/test": Place.PRODUCTION,
    "https://attestation.example.org": Place.PRODUCTION,
    "https://203.0.113.7": Place.PRODUCTION,
}


@pytest.mark.parametrize("url", PLACES)
def test_only_a_name_that_says_so_is_a_test_system(url: str) -> None:
    assert place_of(url) is PLACES[url]


# ------------------------------------------------------------------ what is hidden

NOOR = record(given_name="Noor Anna", family_name="Ôstergård", npi="1234567893")
HIDDEN = {
    "NOOR ôstergård": "[name] [name]",
    "Ostergard, Anna": "[name], [name]",
    "born 1971-09-10 or 9/10": "born [date] or [date]",
    "September 10 and 10 Sep": "[date] and [date]",
    "ID 099999, NPI 1234567893": "ID [board ID], NPI [NPI]",
    "another: 123456": "another: [number]",
    f"user reporter, {PASSWORD}": "user [user], [password]",
    "ccid:example.org:abc-r1 is there": "[credit ID] is there",
    "steps of 0.25, HTTP 400": "steps of 0.25, HTTP 400",
    "annals  of\nmedicine": "annals of medicine",
}


@pytest.mark.parametrize("said", HIDDEN)
def test_a_text_of_pars_is_shown_without_the_learner(said: str) -> None:
    assert Mask(NOOR, profile("http://127.0.0.1")).text(said) == HIDDEN[said]


@given(before=st.text(), after=st.text(), value=st.sampled_from(["Noor", "099999", "1234567893"]))
def test_whatever_stands_around_a_value_it_is_hidden(before: str, after: str, value: str) -> None:
    masked = Mask(NOOR, profile("http://127.0.0.1")).text(f"{before} {value} {after}")
    assert value not in masked.replace(before, "").replace(after, "")


def test_an_unreadable_answer_is_shown_by_its_beginning() -> None:
    raw = b"<html>Ada Example at " + b"x" * 500
    said = Mask(ADA, profile("http://127.0.0.1")).said(Reply(status=200, raw=raw))
    assert said.startswith("<html>[name] [name] at xx")
    assert len(said) < 210


# ------------------------------------------------------------------ suggested lines

WORDS = st.text(alphabet="abcXYZ .*+?()[]\\'\"{}^$|", min_size=1, max_size=160)


@given(words=WORDS)
def test_a_suggested_line_is_python_and_fits_what_was_said(words: str) -> None:
    reply = Reply(status=400, message=words, understood=True)
    said = Mask(ADA, profile("http://127.0.0.1")).said(reply)
    line = suggested_row(Told(reply, SAVE_ELSE, said), SAVE, "points_invalid")
    if line:
        row = eval(line, vars(__import__("consumer.pars.symptoms", fromlist=["Row"])))  # noqa: S307
        assert row_for(reply, (row,), SAVE_ELSE) is row


@pytest.mark.parametrize("said", ["", "[number]", "400", "[name] [name]: 12"])
def test_an_answer_that_says_nothing_makes_no_line(said: str) -> None:
    reply = Reply(status=400, message="?", understood=True)
    assert suggested_row(Told(reply, SAVE_ELSE, said), SAVE, "points_invalid") == ""


# ------------------------------------------------------------------ the learner's file

GOOD: dict[str, dict[str, Any]] = {
    "learner": {
        "given_name": "Ada",
        "family_name": "Example",
        "birth_date": "1971-09-10",
        "board_id": "099999",
    },
    "activity": {
        "pars_activity_id": "202612345",
        "title": "Heart Failure Update",
        "credit_type": "Medical Knowledge",
        "max_points": "1.5",
        "completed_on": "2026-05-14",
    },
}
BAD = {
    "learner.birth_date": ("learner", "birth_date", "1971-13-77"),
    "learner.given_name": ("learner", "given_name", " "),
    "learner.board_id": ("learner", "board_id", "12"),
    "learner.npi": ("learner", "npi", "1234567890"),
    "learner.board": ("learner", "board", "ABX"),
    "activity.title": ("activity", "title", "two\nlines"),
    "activity.pars_activity_id": ("activity", "pars_activity_id", "12"),
    "activity.max_points": ("activity", "max_points", "1.3"),
    "activity.credit_type": ("activity", "credit_type", "Surgery"),
    "activity.colour": ("activity", "colour", "blue"),
}


def file_of(folder: Path, values: dict[str, dict[str, Any]]) -> Path:
    path = folder / "learner.toml"
    path.write_text(toml(values))
    return path


def test_a_learner_s_file_becomes_a_record(tmp_path: Path) -> None:
    subject = read_subject(file_of(tmp_path, GOOD), "example", PROVIDER)
    same = record(activity="pars-verify", credit_type="Medical Knowledge")
    assert subject.record == same
    assert (subject.unknown_board_id, subject.unknown_activity_id) == ("000000", "000000000")
    assert "Ada" not in repr(subject)


@pytest.mark.parametrize("field", BAD)
def test_what_is_wrong_in_it_is_told_by_its_place_and_never_its_value(
    tmp_path: Path, field: str
) -> None:
    section, name, value = BAD[field]
    values = GOOD | {section: GOOD[section] | {name: value}}
    with pytest.raises(SubjectProblems) as caught:
        read_subject(file_of(tmp_path, values), "example", PROVIDER)
    told = str(caught.value).replace(str(tmp_path), "")  # a folder's number may be the value
    assert section in told
    assert name.removeprefix("max_") in told
    assert not value.strip() or value not in told


@pytest.mark.parametrize("text", ["given_name = Ada", "\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "learner.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SubjectProblems, match=r"learner\.toml: not TOML in UTF-8") as caught:
        read_subject(path, "example", PROVIDER)
    assert "Ada" not in str(caught.value)
    with pytest.raises(SubjectProblems, match="cannot be read"):
        read_subject(tmp_path / "none.toml", "example", PROVIDER)


def test_the_template_has_every_field_and_is_refused_while_empty(tmp_path: Path) -> None:
    values = tomllib.loads(TEMPLATE)
    assert values["learner"].keys() >= GOOD["learner"].keys()
    assert values["activity"].keys() == GOOD["activity"].keys()
    path = tmp_path / "learner.toml"
    path.write_text(TEMPLATE)
    with pytest.raises(SubjectProblems):
        read_subject(path, "example", PROVIDER)


# ------------------------------------------------------------------ what is written

FINDINGS = [
    Finding("a", "A", Outcome.DIFFERS, "", "profiles.main.credentials_in", "headers", "query"),
    Finding("b", "B", Outcome.PASS, "", "profiles.main.requests_per_second", 1.0, 1.0),
    Finding("c", "C", Outcome.DIFFERS, "", "sending.grace_seconds", 300, 840.0),
    Finding("d", "D", Outcome.DIFFERS, "", "profiles.main.paths.match"),
    Finding("e", "E", Outcome.DIFFERS, "", suggested_row='Row(BAD, "x")'),
]


def test_the_fragment_holds_what_fits_and_says_what_was() -> None:
    text = fragment(FINDINGS, "main", "xml")
    main = {"transport": "xml", "credentials_in": "query", "requests_per_second": 1}
    assert tomllib.loads(text) == {"profiles": {"main": main}, "sending": {"grace_seconds": 840}}
    assert 'credentials_in = "query"  # was "headers"\n' in text
    assert "requests_per_second = 1\n" in text
    assert '#   Row(BAD, "x")\n' in text


def test_a_file_is_the_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    write_new(path, "one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_new(path, "two")
    assert path.read_text() == "one"


def test_a_change_is_a_line_of_settings() -> None:
    assert [one.change for one in FINDINGS] == [
        'profiles.main.credentials_in = "query"',
        "",
        "sending.grace_seconds = 840",
        "",
        "",
    ]
