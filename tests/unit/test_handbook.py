"""The handbook of settings, commands, exit codes and headers leaves nothing out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from consumer.cli import main
from consumer.environment import file_beside, names_of
from consumer.ledger.outbox import PASSED_ON
from consumer.resources import shipped
from consumer.settings import Settings
from tests.unit import handbook
from tests.unit.handbook import DOCS, EXITS, FILES, made, variable
from tests.unit.headers import named_headers

PACKAGE = shipped("mappings").parent / "consumer"
CONFIGURATION, COMMANDS = (file.read_text(encoding="utf-8") for file in FILES)
HEADERS = COMMANDS.partition("\n## Headers\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_document_says_what_the_program_says(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert made(text) == text, "make guide"


def test_every_setting_stands_there_with_its_meaning() -> None:
    schema = handbook.settings_schema()
    rows = [name for name, *_ in handbook.rows(schema, schema)]
    by_file = {one for one in names_of(Settings) if one.endswith("_file")} - {*rows}
    names = {one for one in names_of(Settings) if one not in by_file}
    leaves = {one for one in names if not any(n.startswith((f"{one}.", f"{one}.*")) for n in names)}
    assert {*rows} == leaves
    assert [one for one in rows if f"`{variable(one)}`" not in CONFIGURATION] == []
    assert [
        name for name, said, _ in handbook.rows(schema, schema) if not said["description"]
    ] == []


def test_every_secret_is_marked() -> None:
    marked = re.findall(r"`(MOC_\w+)` \|.*\*\*secret\*\*", CONFIGURATION)
    beside = {one for one in names_of(Settings) if one.endswith(".password")} | {"ledger_url"}
    beside.remove("profiles.*.credential_fields.password")  # what PARS calls it
    assert {variable(one) for one in beside} <= {*marked}
    assert file_beside(Settings, "ledger_url") == "ledger_url_file"


def test_no_path_of_the_machine_that_made_it_stands_there() -> None:
    assert str(PACKAGE.parent) not in CONFIGURATION + COMMANDS


def test_every_command_and_option_stands_there() -> None:
    for called, command in handbook.every(main):
        section = COMMANDS.partition(f"### {called}\n")[2].partition("\n### ")[0]
        assert section, called
        for option in command.params:
            assert all(f"`{name}`" in section for name in option.opts if name.startswith("-"))


def test_every_exit_code_there_is_stands_there() -> None:
    """Whoever leaves says FAILED, WRONG, 0, or 128 and the signal's number; nothing else."""
    said = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("exit", "_exit")):
                said |= {one for arg in node.args for one in _codes(arg)}
    assert said == {"0", "FAILED", "WRONG", "128 + number", "code"}
    assert set(EXITS) == {0, 1, 2, 128 + 2, 128 + 15}


def _codes(said: ast.expr) -> set[str]:
    if isinstance(said, ast.IfExp):
        return _codes(said.body) | _codes(said.orelse)
    return {ast.unparse(said)}


def test_every_header_that_is_written_or_read_stands_there() -> None:
    """On messages and over HTTP: of the gateway, the console, webhooks, and requests of ours."""
    found = named_headers()
    assert found.keys() >= {
        "moc-letter-id", "moc-posted-by", "webhook-id", "traceparent", "x-csrf-token",
        "content-security-policy", "webhook-request-origin", "hx-request", *PASSED_ON,
    } - {"tracestate", "ce_id", "ce_type", "ce_source", "ce_time"}  # fmt: skip
    known = {name.lower() for name in re.findall(r"`([A-Za-z][\w-]*)`", HEADERS)}
    assert {name: where for name, where in found.items() if name not in known} == {}
    assert known >= PASSED_ON


def test_every_header_that_stands_there_is_written_or_read_somewhere() -> None:
    first = "\n".join(re.findall(r"^\|([^|]+)\|", HEADERS, re.MULTILINE))
    rows = {name.lower() for name in re.findall(r"`([A-Za-z][\w-]*)`", first)}
    assert rows - named_headers().keys() - PASSED_ON == set()


def test_every_document_links_to_what_is_there() -> None:
    dead = []
    for file in sorted(DOCS.glob("*.md")):
        for link, anchor in re.findall(
            r"\]\(([^)#\s:]*)(?:#([^)\s]*))?\)", file.read_text("utf-8")
        ):
            target = (file.parent / link) if link else file
            if not target.exists():
                dead.append(f"{file.name}: {link}")
            elif anchor and target.suffix == ".md" and anchor not in _anchors(target):
                dead.append(f"{file.name}: {link}#{anchor}")
    assert dead == []


def test_every_alert_leads_to_what_to_do() -> None:
    alerts = (DOCS.parent / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    led_to = re.findall(r"runbook_url: docs/runbook\.md#(\S+)", alerts)
    assert len(led_to) == alerts.count("- alert: ") > 0
    assert {*led_to} <= _anchors(DOCS / "runbook.md")


@pytest.mark.parametrize("name", ["runbook", "upgrading", "pars-access", "security", "privacy"])
def test_commands_that_are_told_to_be_typed_exist(name: str) -> None:
    """Each with its options, as far as they stand on the line."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    known = dict(handbook.every(main))
    for words in re.findall(r"(?:^|[\s`=])moc-consumer ([a-z][^\n`#;|]*)", text):
        first, second, *_ = [*words.split(), ""]
        command = known.get(f"moc-consumer {first} {second}") or known.get(f"moc-consumer {first}")
        if command is None and first not in {name.split()[1] for name in known}:
            continue  # prose, or another program's name
        assert command is not None, words
        options = {one for option in command.params for one in option.opts}
        assert {*re.findall(r"--[a-z][a-z-]*", words)} <= options, words


def test_every_test_that_security_names_is_there() -> None:
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    names = re.findall(r"`(?:tests/[\w/]*/)?(test_\w+\.py)`", text)
    there = {file.name for file in (DOCS.parent / "tests").rglob("test_*.py")}
    assert names
    assert {*names} <= there
    folders = re.findall(r"`(tests/[\w/.]+)`", text)
    assert [one for one in folders if not (DOCS.parent / one).exists()] == []


def _anchors(file: Path) -> set[str]:
    """What GitHub makes of the headings, and of anchors that are written out."""
    text = file.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made_of = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    return made_of | {*re.findall(r'<a id="([\w-]+)">', text)}
