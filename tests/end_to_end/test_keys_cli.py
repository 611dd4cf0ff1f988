"""Another sealing key by commands, beside a service that runs; killed in the middle, it goes on."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from consumer.demo.scenario import Scenario
from consumer.keys import load_keys
from consumer.ledger.seal import Seal
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until

FAILED, WRONG_INPUT = 1, 2


@pytest.fixture
def office(open_office: OpenOffice, pars: Pars, story: Scenario) -> Office:
    opened = open_office(pars.url, log={"level": "warning"})
    story.write_tables(opened.tables)
    return opened


def seal(office: Office) -> Seal:
    return load_keys(office.settings.keys_path, ledger_exists=True)[0].seal


def under_which(office: Office) -> Counter[str]:
    """How many completions are under which key."""
    keys = seal(office)
    return Counter(keys.key_of(said) for (said,) in office.ledger("SELECT said FROM completions"))


def finish(office: Office, events: int) -> None:
    until(lambda: office.at_rest(events), 45, "everything decided")


def test_another_key_beside_the_service_and_killed_in_the_middle(
    office: Office, pars: Pars, story: Scenario
) -> None:
    keys_file, half = office.settings.keys_path, len(story.events) // 2
    with office.service() as service:
        office.publish(story.events[:half])
        finish(office, half)
        refused = office.run("ledger", "keys", "rotate", "--yes")
        assert (refused.code, "stop it first" in refused.err) == (FAILED, True)
        assert office.run("ledger", "backup", "before.db").code == 0
        (added,) = office.run("ledger", "keys", "add").rows
        service.stop()
    first = keys_file.read_bytes()
    (used,) = office.run("ledger", "keys", "use", added["added"], "--yes").rows
    former, new = used["opens"], used["seals"]
    with office.service() as service:
        before = under_which(office)
        assert before[former] > 6
        # The first of a completion's two values is written, the transaction is not.
        changes = office.count("attempts WHERE answer IS NOT NULL") + 11
        with office.script("tests.end_to_end.dying_reseal", str(changes)) as dying:
            assert dying.code(30) == -signal.SIGKILL, dying.said
        assert under_which(office) == {former: before[former] - 5, new: 5}
        early = office.run("ledger", "keys", "drop", former, "--yes")
        assert (early.code, "sealed under" in early.err) == (FAILED, True)
        office.publish(story.events[half:])
        (done,) = office.run("ledger", "reseal").rows
        assert (done["sealed_anew"] > 0, done["key"]) == (True, new)
        finish(office, len(story.events))
        assert office.run("ledger", "keys", "drop", former, "--yes").code == 0
        assert set(under_which(office)) == {new}
        service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    (checked,) = office.run("ledger", "verify", "--all").rows
    assert (checked["good"], checked["sealed_values_opened"] > 30) == ("yes", True)
    assert office.run("audit", "verify").code == 0
    _the_backup_needs_the_key_of_before(office, keys_file, first)


def _the_backup_needs_the_key_of_before(office: Office, keys_file: Path, first: bytes) -> None:
    shut = office.run("ledger", "verify", "before.db")
    assert (shut.code, "do not open" in shut.err) == (FAILED, True)
    now = keys_file.read_bytes()
    keys_file.write_bytes(first)
    assert office.run("ledger", "verify", "before.db").code == 0
    # With the keys of before the ledger of today is not opened, let alone written to.
    lacking = office.run("credit", "list")
    assert (lacking.code, "was dropped" in lacking.err) == (WRONG_INPUT, True)
    keys_file.write_bytes(now)


def test_with_one_process_it_is_one_step(office: Office, story: Scenario) -> None:
    with office.process("run", "--pump", "intake") as service:
        office.publish(story.events[:5])
        until(lambda: office.count("events") == 5, 30, "everything heard")
        service.stop()
    plan = office.run("ledger", "keys", "rotate")
    assert (plan.code, "Nothing was changed" in plan.err) == (0, True)
    (used,) = office.run("ledger", "keys", "rotate", "--yes").rows
    shown = {row["key"]: row for row in office.run("ledger", "keys", "show").rows}
    assert shown[used["seals"]]["does"] == "seals and opens"
    assert shown[used["opens"]]["values"] > 0
    assert office.run("ledger", "reseal").code == 0
    shown = {row["key"]: row for row in office.run("ledger", "keys", "show").rows}
    assert shown[used["opens"]]["values"] == 0
    assert not any(key in str(shown) for key in (office.settings.keys_path.read_text()).split('"'))
