"""The commands that an LMS admin meets: draft, lint, try, test, compare."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.port import Outgoing
from consumer.cli import main
from consumer.mapping.loader import load_catalogue

NAME = "academy/training_completed"
EVENT = {
    "eventType": "training.completed",
    "tenant": "harbor",
    "user": {"id": 905, "mail": "wanda.okonjo@harbor.example"},
    "training": {"id": "RENAL-7"},
    "transcript": {"status": "Completed", "completionDate": "11/20/2026 4:13 PM"},
}
SETTINGS = """\
mappings_dir = "mappings"
schemas_dir = "schemas"
[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "http://127.0.0.1:8790"
user = "demo"
password = "demo"
"""
LEARNERS = "site,learner,given_name,family_name,birth_date,board_id,consent\n"
ACTIVITIES = "course,pars_activity_id,title,credit_types,max_points,zone\n"


class Desk:
    """An admin's folder, and the program in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("event.json", orjson.dumps(EVENT).decode())

    def run(self, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [*words])
        assert result.exit_code == code, result.output
        return result

    def put(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, old: str, new: str, name: str = f"mappings/{NAME}.yaml") -> None:
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def office(self) -> None:
        """A settings file and both tables, still without this learner and course."""
        self.put("moc-consumer.toml", SETTINGS)
        self.put("tables/learners.csv", LEARNERS)
        self.put("tables/activities.csv", ACTIVITIES)

    def decide(self) -> None:
        """What the draft asked."""
        self.edit("kind: TODO", "kind: completion")
        self.edit("zone: TODO", "zone: America/Chicago")

    def draft(self) -> None:
        self.run("mapping", "new", "--from", "event.json", NAME)
        self.decide()
        self.run("mapping", "test", NAME, "--write", "--yes")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """With the mapping drafted, completed and in the settings."""
    desk.office()
    desk.draft()
    return desk


def test_a_draft_lacks_only_what_it_says_and_then_loads(desk: Desk) -> None:
    told = desk.run("mapping", "new", "--from", "event.json", NAME).output
    assert 'mappings_dir = "mappings"' in told
    assert "2 thing(s) only you can know" in told
    assert "wanda" not in told.lower()
    desk.office()
    wrong = desk.run("mapping", "lint", code=2).output
    assert "event.completed.zone: to_do: in which zone does the LMS write it?" in wrong
    desk.decide()
    desk.run("mapping", "test", NAME, "--write", "--yes")
    assert re.search(rf"{NAME} +1 +completion +ok", desk.run("mapping", "lint").output)
    names = {one.name for one in load_catalogue(Path("mappings"), Path("schemas")).mappings}
    assert {NAME, "moodle/course_completed"} <= names
    assert len((desk.folder / f"mappings/{NAME}.yaml").read_text().splitlines()) <= 40


def test_a_draft_never_takes_the_place_of_what_is_there(ready: Desk) -> None:
    before = (ready.folder / f"mappings/{NAME}.yaml").read_text()
    told = ready.run("mapping", "new", "--from", "event.json", NAME, code=2)
    assert "is there already" in told.stderr
    assert (ready.folder / f"mappings/{NAME}.yaml").read_text() == before


def test_nothing_of_the_sample_is_copied_unless_told_so(ready: Desk) -> None:
    texts = [
        file.read_text()
        for folder in ("mappings", "schemas")
        for file in (ready.folder / folder / "academy").rglob("*.*")
        if file.is_file()
    ]
    assert texts
    for text in texts:
        assert not re.search(r"wanda|harbor|905|RENAL|4:13", text)
    other = NAME.replace("training", "again")
    ready.run("mapping", "new", "--from", "event.json", "--keep-values", other)
    kept = ready.folder / f"mappings/{other}.tests/completed.event.json"
    assert "wanda.okonjo@harbor.example" in kept.read_text()


@pytest.mark.parametrize("name", ["academy", "Academy/Done", "../x/y", "a b/c"])
def test_a_name_that_is_none_is_refused(desk: Desk, name: str) -> None:
    told = desk.run("mapping", "new", "--from", "event.json", name, code=2)
    assert "a name is the LMS and the event" in told.stderr
    assert not (desk.folder / "mappings").exists()


def test_lint_points_at_the_wrong_word_and_says_what_to_do(ready: Desk) -> None:
    ready.edit("body.user.id", "body.user.ids")
    lines = ready.run("mapping", "lint", code=2).output.splitlines()
    (at,) = [n for n, line in enumerate(lines) if "^" in line]
    assert lines[at].index("^") == lines[at - 1].index("ids}")
    assert lines[at].strip() == "^^^"
    assert "did you mean id?" in lines[at - 2]
    assert lines[at + 1].strip().startswith("next: most likely misspelt")
    assert lines[-1] == "1 problem in 1 file"


def test_lint_tells_scripts_the_same(ready: Desk) -> None:
    ready.edit("equals: training.completed", "equal: training.completed")
    told = [
        orjson.loads(x)
        for x in ready.run("mapping", "lint", "--json", code=2).output.split("\n")
        if x
    ]
    assert {(one["line"], one["code"]) for one in told} == {(6, "unknown_key"), (6, "verb_clash")}
    assert all(one["next"] for one in told)


def test_lint_warns_of_a_shipped_mapping_that_means_something_else(ready: Desk) -> None:
    assert "warning" not in ready.run("mapping", "lint").output
    ready.edit(
        "kind: ignore", "kind: ignore\n# no more than a remark", "mappings/canvas/other.yaml"
    )
    assert "warning" not in ready.run("mapping", "lint").output
    added = "- wiki_page_updated\n      - wiki_page_removed"
    ready.edit("- wiki_page_updated", added, "mappings/canvas/other.yaml")
    assert "canvas/other: says something else" in ready.run("mapping", "lint").output


def test_a_trial_finds_the_mapping_and_masks_the_values(ready: Desk) -> None:
    told = ready.run("mapping", "try", "event.json").output
    assert f"{NAME} version 1" in told
    assert re.search(r"learner +body.user.id +###", told)
    assert not re.search(r"905|harbor|RENAL", told)
    shown = ready.run("mapping", "try", "--show", f"mappings/{NAME}.yaml", "event.json").output
    assert re.search(r"learner +body.user.id +905", shown)
    assert re.search(r"completed .*zone: America/Chicago +2026-11-20T22:13:00Z", shown)


def test_a_trial_takes_an_event_in_every_form_that_a_draft_does(ready: Desk) -> None:
    message = {"topic": "t", "partition": 0, "offset": 3, "headers": ["a", "b"], "key": None}
    wrapped = orjson.dumps(message | {"payload": orjson.dumps(EVENT).decode()}).decode()
    ready.put("kcat.json", wrapped)
    ready.put("lines.jsonl", wrapped + "\n" + orjson.dumps(EVENT).decode() + "\n")
    assert "Comes to: a completion" in ready.run("mapping", "try", "kcat.json").output
    assert ready.run("mapping", "try", "lines.jsonl").output.count("Comes to: a completion") == 2
    ready.put("none.json", "Wanda")
    told = ready.run("mapping", "try", "none.json", code=2).output
    assert "event_unreadable" in told
    assert "Wanda" not in told


def test_a_trial_says_what_the_tables_would_say_next(ready: Desk) -> None:
    told = ready.run("mapping", "try", "event.json").output
    assert "activities.csv: no row for this site and course" in told
    assert "learners.csv: no row for this learner" in told
    assert "would wait: the course is not in the activities table" in told
    ready.put(
        "tables/activities.csv",
        ACTIVITIES + "RENAL-7,202600002,Renal Care,Medical Knowledge,1.5,America/Chicago\n",
    )
    told = ready.run("mapping", "try", "event.json").output
    assert "would wait: the learner is not in the learners table" in told
    ready.put("tables/learners.csv", LEARNERS + ",905,Wanda,Okonjo,1971-09-10,041327,yes\n")
    told = ready.run("mapping", "try", "event.json").output
    assert "would be reported: 1.5 Medical Knowledge for ABIM" in told
    assert not re.search(r"Wanda|Okonjo|041327", told)


def test_a_trial_of_what_no_mapping_knows_fails_with_a_next_step(ready: Desk) -> None:
    ready.put("other.json", '{"eventType": "training.assigned", "user": {"mail": "w@h.example"}}')
    told = ready.run("mapping", "try", "other.json", code=1)
    assert "add a mapping for it" in told.stderr
    assert "w@h" not in told.output
    ready.put("bad.json", orjson.dumps(EVENT | {"user": {"id": None}}).decode())
    told = ready.run("mapping", "try", "bad.json", code=1)
    assert re.search(r"learner +body.user.id +value_missing", told.output)


def test_an_example_that_comes_out_otherwise_is_shown_beside_what_was_expected(
    ready: Desk,
) -> None:
    assert "2 examples, 0 failed" in ready.run("mapping", "test", NAME).output
    ready.edit("body.training.id", "body.tenant")
    told = ready.run("mapping", "test", NAME, code=1).output
    assert re.search(r"said.course +id-\d+ +tenant-\d+", told)
    assert "2 examples, 1 failed" in told
    ready.run("mapping", "test", NAME, "--write")
    assert "1 failed" in ready.run("mapping", "test", NAME, code=1).output, "written without --yes"
    ready.run("mapping", "test", NAME, "--write", "--yes")
    assert "0 failed" in ready.run("mapping", "test", NAME).output


def test_every_shipped_example_passes(desk: Desk) -> None:
    assert ", 0 failed" in desk.run("mapping", "test").output


def test_a_misspelt_name_is_answered_with_the_nearest(desk: Desk) -> None:
    told = desk.run("mapping", "test", "moodle/course_complete", code=2).output
    assert "did you mean moodle/course_completed?" in told


@pytest.fixture
def two(ready: Desk) -> Desk:
    """With the folders `old` and `new`; in `new` the learner is another field."""
    for name in ("old", "new"):
        for part in ("mappings", "schemas"):
            shutil.copytree(ready.folder / part, ready.folder / name / part)
    ready.edit("body.user.id", "body.user.mail", f"new/mappings/{NAME}.yaml")
    other = EVENT | {"transcript": {"status": "Failed", "completionDate": "11/20/2026 4:13 PM"}}
    lines = [orjson.dumps(one).decode() for one in (EVENT, other, EVENT | {"tenant": "cove"})]
    ready.put("past.jsonl", "\n".join([*lines, "not JSON: Wanda"]) + "\n")
    return ready


def test_past_events_tell_what_other_mappings_would_change(two: Desk) -> None:
    told = two.run("mapping", "diff", "old", "new", "--events", "past.jsonl").output
    assert "past.jsonl:1  says something else" in told
    assert "    learner: ### -> xxxxx.xxxxxx@xxxxxx.xxxxxxx" in told
    assert re.search(r"2 +says something else\n1 +the same\n1 +unreadable either way", told)
    assert "raise version" in told
    assert not re.search(r"905|wanda|harbor", told, re.IGNORECASE)
    shown = two.run("mapping", "diff", "old", "new", "--events", "past.jsonl", "--show").output
    assert "learner: 905 -> wanda.okonjo@harbor.example" in shown
    two.edit("version: 1", "version: 2", f"new/mappings/{NAME}.yaml")
    told = two.run("mapping", "diff", "old", "new", "--events", "past.jsonl").output
    assert "raise version" not in told


def test_the_credits_that_would_go_are_counted_by_the_tables(two: Desk) -> None:
    two.put(
        "tables/activities.csv",
        ACTIVITIES + "RENAL-7,202600002,Renal Care,Medical Knowledge,1.5,America/Chicago\n",
    )
    two.put("tables/learners.csv", LEARNERS + ",905,Wanda,Okonjo,1971-09-10,041327,yes\n")
    told = two.run("mapping", "diff", "old", "new", "--events", "past.jsonl").output
    assert re.search("2 +credits would go", told)
    rows = two.run("mapping", "diff", "new", "old", "--events", "past.jsonl", "--json").output
    first, second, total = map(orjson.loads, rows.splitlines())
    assert (first["event"], second["event"]) == ("past.jsonl:1", "past.jsonl:3")
    assert total["count"]["credits would come"] == 2


def test_what_could_not_be_read_any_more_fails_the_comparison(two: Desk) -> None:
    two.edit("equals: training.completed", "equals: training.done", f"new/mappings/{NAME}.yaml")
    told = two.run("mapping", "diff", "old", "new", "--events", "past.jsonl", code=1).output
    assert "past.jsonl:1  cannot be read any more" in told
    assert f"    {NAME} 1: completion -> unknown_event" in told


def test_a_topic_is_read_without_disturbing_the_service(two: Desk) -> None:
    bus = two.folder / "data" / "bus.db"
    bus.parent.mkdir()
    publisher = EmbeddedPublisher(bus)
    publisher.publish([Outgoing("lms.events", None, orjson.dumps(EVENT)) for _ in range(700)])
    publisher.close()
    for _ in range(2):
        told = two.run("mapping", "diff", "old", "new", "--from-topic", "lms.events").output
        assert "lms.events/0/699  says something else" in told
        assert re.search("700 +says something else", told)


def test_pages_are_plain_in_a_pipe(ready: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in ready.run("mapping", "test", NAME).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in ready.run("mapping", "test", NAME).output
    monkeypatch.delenv("FORCE_COLOR")
    assert "\x1b" not in ready.run("mapping", "test", NAME).output
