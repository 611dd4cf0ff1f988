"""The commands as people type them: processes, exit codes, what is printed and what is changed."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import httpx
import orjson
import pytest

from consumer.cli import main
from consumer.demo.scenario import PROVIDER_ID, Author, Scenario
from tests.commands import below
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import COMMAND, PASSWORD, Done, Office, merged
from tests.end_to_end.patience import until
from tests.end_to_end.story import TOPIC, thirty_events

NOWHERE = "http://127.0.0.1:9/"  # nobody listens to the discard port
WRONG_INPUT, FAILED = 2, 1


def commands(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    yield above, group
    for name, command in below(group):
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = dict(commands(main))


@pytest.fixture
def story() -> Scenario:
    return thirty_events()


@pytest.fixture
def office(open_office: OpenOffice, story: Scenario) -> Office:
    """An office whose PARS is away."""
    opened = open_office(NOWHERE, log={"level": "warning"})
    story.write_tables(opened.tables)
    return opened


# ------------------------------------------------------------------ help


@pytest.fixture(scope="module")
def helps(python_cache: Path) -> dict[tuple[str, ...], Done]:
    """What each command says of itself; two at a time."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(python_cache)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)

    def ask(words: tuple[str, ...]) -> Done:
        done = subprocess.run(
            [COMMAND, *words, "--help"], env=env, capture_output=True, text=True, timeout=60
        )
        return Done(done.returncode, done.stdout, done.stderr)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(COMMANDS, pool.map(ask, COMMANDS), strict=True))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "moc-consumer")
def test_every_command_and_option_explains_itself(
    helps: dict[tuple[str, ...], Done], words: tuple[str, ...]
) -> None:
    done, command = helps[words], COMMANDS[words]
    told = " ".join(done.out.split())
    assert (done.code, done.err) == (0, "")
    assert " ".join(["Usage: moc-consumer", *words]) in told
    assert " ".join((command.help or "nothing").split("\n\n")[0].split()) in told
    for option in (one for one in command.params if isinstance(one, click.Option)):
        assert option.opts[0] in told
        assert (option.help or "no help") in told


# ------------------------------------------------------------------ what is wrong

BROKEN_SETTINGS = """\
tables_dir = "{folder}/tables"
mappings_dir = "{folder}/mappings"
boards_file = "{folder}/boards.toml"
bus = "carrier pigeon"
colour = "blue"
[profiles.main]
provider_id = "12"
name = "Example Academy of Medicine"
domain = "example.org"
url = "https://pars.example"
user = "demo"
password = "{password}"
[sending]
workers = 0
[intake]
topics = []
"""
BROKEN_MAPPING = """\
mapping: moodle/course_completed
version: 1
kind: completion
match:
  - {path: body.eventname, equals: x}
colour: blue
"""


def spoil(office: Office) -> None:
    """Settings, a mapping, the boards and both tables, each wrong in its own way."""
    folder = office.folder
    office.config.write_text(BROKEN_SETTINGS.format(folder=folder, password=PASSWORD))
    (folder / "mappings" / "moodle").mkdir(parents=True)
    (folder / "mappings" / "moodle" / "course_completed.yaml").write_text(BROKEN_MAPPING)
    (folder / "boards.toml").write_text('[ABP]\npartial = "half"\n[ABO]\ncolour = "blue"\n')
    for name, wrong in (("learners.csv", "ABIM"), ("activities.csv", "America/Chicago")):
        path = office.tables / name
        lines = path.read_text().replace("America/Chicago", "Mars/Olympus", 1).splitlines()
        again = lines[1] if wrong == "ABIM" else ""  # somebody stands in the table twice
        path.write_text("\n".join([*lines, again]))


PLACES = [
    "settings: bus: ",
    "settings: colour: ",
    "settings: profiles.main.provider_id: ",
    "settings: sending.workers: ",
    "settings: intake.topics: ",
    "mappings/moodle/course_completed.yaml:6: colour: ",
    "mappings/moodle/course_completed.yaml:1: schema: ",
    "mappings/moodle/course_completed.yaml:1: event: ",
    "boards.toml: ABP.partial: ",
    "boards.toml: ABO.title: ",
    "boards.toml: ABO.colour: ",
    "tables/learners.csv:22: learner: ",
    "tables/activities.csv:2: zone: ",
]


@pytest.mark.parametrize("command", ["check", "run"])
def test_everything_that_is_wrong_is_told_at_once(office: Office, command: str) -> None:
    spoil(office)
    done = office.run(command)
    assert done.code == WRONG_INPUT
    assert [place for place in PLACES if place not in done.err] == []
    assert all(line.startswith("error: ") for line in done.err.splitlines())
    assert PASSWORD not in done.err
    assert not (office.folder / "data").exists()


NO_SETTINGS = {
    "not there": None,
    "not TOML": b"bus = embedded\n",
    "not UTF-8": 'remark = "M\xfcller"\n'.encode("latin-1"),
}


@pytest.mark.parametrize("case", NO_SETTINGS)
def test_a_file_that_holds_no_settings_is_named(office: Office, case: str) -> None:
    content = NO_SETTINGS[case]
    path = office.folder / "other.toml"
    if content is not None:
        path.write_bytes(content)
    done = office.run("--config", str(path), "check")
    assert (done.code, done.out) == (WRONG_INPUT, "")
    assert re.fullmatch(rf"error: settings: {re.escape(str(path))}: .+\n", done.err)


def test_a_variable_that_holds_no_settings_is_named(office: Office) -> None:
    done = office.run("check", env={"MOC_PROFILES": f"main, password {PASSWORD}"})
    assert (done.code, done.out) == (WRONG_INPUT, "")
    assert "profiles" in done.err.lower()
    assert "Traceback" not in done.err
    assert PASSWORD not in done.err


def test_a_ledger_without_its_keys_is_not_opened(office: Office) -> None:
    assert office.run("credit", "list").code == 0
    (office.folder / "data" / "keys.toml").unlink()
    for command in ("run", "check"):
        done = office.run(command)
        assert done.code == WRONG_INPUT
        assert "keys.toml is missing" in done.err


def test_an_unknown_command_or_option_is_wrong_input(office: Office) -> None:
    assert office.run("sing").code == WRONG_INPUT
    assert office.run("credit", "list", "--state", "happy").code == WRONG_INPUT


# ------------------------------------------------------------------ what is shown


def test_check_masks_secrets(office: Office) -> None:
    secure = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256"}
    kafka = {"kafka": {"username": "svc", "password": "a-kafka-password", **secure}}
    office.write_settings(merged(office.values, kafka))
    done = office.run("check")
    (shown,) = done.rows
    assert done.code == 0
    assert shown["profiles.main.password"] == shown["kafka.password"] == "*" * 10
    assert shown["intake.batch_size"] == 10
    assert re.fullmatch(r"ok: \d+ mappings, 20 learners, 7 activities, 1 provider .*\n", done.err)
    assert PASSWORD not in done.out + done.err
    assert "a-kafka-password" not in done.out + done.err


def test_check_shows_the_boards_in_force(office: Office) -> None:
    (office.folder / "boards.toml").write_text("[ABP.deadlines]\ndays = 20\n")
    office.write_settings(merged(office.values, {"boards_file": "boards.toml"}))
    (shown,) = office.run("check").rows
    boards = {board["board"]: board for board in shown["boards"]}
    assert boards["ABIM"]["ids"] == "six digits"
    assert (boards["ABP"]["report_within"], boards["ABP"]["year_end"]) == ("20 days", "12-01")
    assert (boards["ABIM"]["from"], boards["ABP"]["from"]) == ("shipped", "boards.toml")


def test_what_is_at_risk_is_listed_alone(office: Office) -> None:
    assert office.run("credit", "list", "--at-risk").rows == []


def test_a_setting_in_the_environment_wins(office: Office) -> None:
    (shown,) = office.run("check", env={"MOC_SENDING__WORKERS": "7"}).rows
    assert shown["sending.workers"] == 7


def test_a_terminal_gets_a_table_and_a_pipe_json_lines(office: Office) -> None:
    piped = office.run("activity", "list")
    assert len({row["activity"] for row in piped.rows}) > 1
    shown = on_a_terminal(office, "activity", "list")
    assert "{" not in shown
    assert all(str(row["pars_activity_id"]) in shown for row in piped.rows)


def test_pages_about_mappings_are_for_people_unless_a_script_asks(office: Office) -> None:
    rows = office.run("mapping", "lint", "--json").rows
    assert {row["state"] for row in rows} == {"ok"}
    for shown in (office.run("mapping", "lint").out, on_a_terminal(office, "mapping", "lint")):
        assert "Mapping" in shown.splitlines()[0]
        assert "{" not in shown
        assert "moodle/course_completed" in shown


def on_a_terminal(office: Office, *words: str) -> str:
    """What a command prints where a person sits."""
    here, there = pty.openpty()
    command = [COMMAND, *words]
    process = subprocess.Popen(command, cwd=office.folder, stdin=there, stdout=there, stderr=there)
    os.close(there)
    told = b""
    try:
        while part := os.read(here, 65_536):
            told += part
    except OSError:  # Linux: the other side has closed
        pass
    finally:
        os.close(here)
        process.kill()
        process.wait()
    return re.sub(r"\x1b\[[0-9;]*m", "", told.decode().replace("\r", ""))


# ------------------------------------------------------------------ what is changed


def event_file(office: Office, story: Scenario) -> Path:
    """The story's events as `publish --envelopes` takes them."""
    path = office.folder / "events.jsonl"
    path.write_bytes(b"\n".join(map(envelope, story.events)))
    return path


def envelope(event: Any) -> bytes:
    return orjson.dumps(
        {
            "key": event.key.decode() if event.key else None,
            "headers": {name: value.decode() for name, value in event.headers},
            "value": orjson.loads(event.value),
        }
    )


def test_publish_without_yes_changes_nothing(office: Office, story: Scenario) -> None:
    before = sorted(office.folder.rglob("*"))
    file = event_file(office, story)
    done = office.run("publish", "--envelopes", str(file))
    assert (done.code, done.out) == (0, "")
    assert "30 events go to lms.events" in done.err
    assert "Nothing was changed" in done.err
    assert [p for p in sorted(office.folder.rglob("*")) if p.parent != file.parent / "said"] == [
        p for p in sorted([*before, file]) if p.parent != file.parent / "said"
    ]


def test_a_line_that_is_no_envelope_is_named_and_nothing_published(office: Office) -> None:
    lines = b'{"key": "a", "value": {}}\n{"key": "b"}\n'
    done = office.run("publish", "--envelopes", "--yes", "-", stdin=lines)
    assert done.code == WRONG_INPUT
    assert ":2: " in done.err
    assert not (office.folder / "data").exists()


@pytest.fixture
def simulator(office: Office, story: Scenario) -> Iterator[str]:
    """`moc-consumer simulate` as a process; the address it says."""
    roster, activities = office.folder / "roster.json", office.folder / "activities.json"
    roster.write_bytes(orjson.dumps([dict_of(p.diplomate) for p in story.physicians]))
    activities.write_bytes(orjson.dumps([dict_of(a) for a in story.activities()], default=str))
    words = ["simulate", "--port", "0", "--provider-id", PROVIDER_ID, "--user", "demo"]
    words += ["--password", PASSWORD, "--board-delay", "0.3"]
    words += ["--roster", str(roster), "--activities", str(activities)]
    with office.process(*words) as process:
        found = until(lambda: re.search(r"http://\S+", process.said), 20, "the simulator")
        yield found[0]
        process.stop()


def dict_of(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def test_from_the_bus_to_the_board_by_commands_alone(
    office: Office, story: Scenario, simulator: str
) -> None:
    office.write_settings(merged(office.values, {"profiles": {"main": {"url": simulator}}}))
    misborn = story.physicians[0]
    story.mend(str(misborn.number), birth_date_known="1949-12-31")
    story.write_tables(office.tables)
    with office.service() as service:
        published = office.run("publish", "--envelopes", "--yes", str(event_file(office, story)))
        assert published.rows == [{"published": 30, "topic": TOPIC}]
        until(lambda: office.at_rest(30), 45, "everything sent")
        accepted = office.run("credit", "list", "--state", "accepted").rows
        assert len({row["id"] for row in accepted}) == 19
        assert_found_by_anything(office, misborn)
        letter = the_letter(office)
        replay_in_vain(office, letter)
        mend(office, story, misborn)
        assert replay(office, letter) == "ready"
        until(lambda: office.count("credits WHERE state = 'accepted'") == 20, 20, "the last one")
        service.stop()
    assert office.run("deadletter", "list").rows == []
    (settled,) = office.run("deadletter", "list", "--status", "resolved").rows
    assert (settled["letter_id"], settled["replays"]) == (letter, 2)
    books = httpx.get(simulator.replace("/services/ACCMELearnerService.svc", "/_books")).json()
    assert books["totals"]["live"] == books["totals"]["accepted"] == 20
    assert books["totals"]["doubled"] == 0


def assert_found_by_anything(office: Office, physician: Any) -> None:
    """Family name, its beginning, board ID or LMS user ID: all lead to the same credits."""
    texts = (physician.family_name, str(physician.number), physician.board_id)
    told = office.run_all([("credit", "list", "--learner", text) for text in texts])
    found = [done.rows for done in told]
    assert found[0] == found[1] == found[2] != []
    shown = office.run("credit", "show", found[0][0]["id"]).rows[0]
    told = [step["what"] for step in shown["timeline"]]
    assert all(one.startswith("heard from ") for one in told[:2])
    # PARS refused this one: the birth date was wrong.
    assert any(one.startswith("sending it to PARS failed: PARS could not match") for one in told)


def the_letter(office: Office) -> str:
    (listed,) = office.run("deadletter", "list").rows
    assert (listed["reason"], listed["stage"]) == ("identity_mismatch", "pars")
    assert listed["what_happened"]
    assert listed["how"]
    (shown,) = office.run("deadletter", "show", str(listed["letter_id"])).rows
    assert shown["reasons"][0]["code"] == "identity_mismatch"
    return str(listed["letter_id"])


def replay_in_vain(office: Office, letter: str) -> None:
    """Without --yes nothing happens; unmended it fails again; a stranger's letter is told."""
    plan = office.run("deadletter", "replay", letter)
    assert (plan.code, plan.out) == (0, "")
    assert "Nothing was changed" in plan.err
    assert office.ledger("SELECT status, replays FROM letters") == [("open", 0)]
    assert replay(office, letter) == "ready"
    until(lambda: office.ledger("SELECT status FROM letters") == [("open",)], 20, "refused again")
    unknown = office.run("deadletter", "show", "dl-nobody")
    assert unknown.code == FAILED
    assert "moc-consumer deadletter list" in unknown.err


def replay(office: Office, letter: str) -> str:
    done = office.run("deadletter", "replay", letter, "--yes", "--why", "birth date corrected")
    assert done.code == 0, done.err
    (row,) = done.rows
    return str(row["fate"])


def mend(office: Office, story: Scenario, physician: Any) -> None:
    story.physicians = [
        replace(one, birth_date_known="") if one.number == physician.number else one
        for one in story.physicians
    ]
    story.write_tables(office.tables)


# ------------------------------------------------------------------ the demo


def test_the_demo_ends_with_the_numbers_of_its_story(office: Office) -> None:
    expected = Author(thirty_events().now).write().expected
    done = office.run("demo", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out.splitlines()[-1])
    # One held and one dead-lettered credit are mended on the way, and end accepted.
    assert told["published"] == expected.total() == 225
    assert told["accepted"] == expected["accepted"] + 2
    assert told["board_rejected"] == expected["rejected"]
    assert told["dead_lettered"] == expected["dead_lettered"] + expected["rejected"]
    assert told["open_dead_letters"] == told["dead_lettered"] - 1
    assert told["held"] == expected["held"] - 1
    assert told["not_reportable"] == expected["not_reportable"]
    assert told["duplicates"] == expected["duplicate"]
    assert (told["lost"], told["credited_twice"], told["not_expected"]) == (0, 0, 0)
    assert told["seconds"] < 60
