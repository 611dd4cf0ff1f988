"""A person purged from a ledger in a file: its bytes, and what a backup brings back."""

from __future__ import annotations

from consumer.desk.parcels import Parcels
from consumer.desk.restoring import say_restored
from consumer.desk.trailchecking import check_trail
from consumer.ledger.backup import copy
from consumer.ledger.schema import completions, credits_, letters
from tests.end_to_end.learner import SAYS
from tests.integration.test_purging_people import SEARCH, Case, traces_left
from tests.integration.test_purging_people import case as case


def test_what_was_sealed_is_gone_from_the_ledgers_files(case: Case) -> None:
    theirs, folder = _sealed(case), case.office.ledger_path.parent
    case.purging().go(case.key())
    kept = b"".join(file.read_bytes() for file in folder.glob("ledger.db*"))
    assert len(theirs) > 20
    assert not [one for one in theirs if one in kept]


def _sealed(case: Case) -> list[bytes]:
    """Beginnings of all that is sealed about them."""
    seal, found = case.office.ledger.seal, []
    for table in (completions, credits_, letters):
        for row in case.office.rows(table):
            cells = [one for one in row if isinstance(one, bytes)]
            found += [one[:40] for one in cells if SEARCH.find(seal.open(one))]
    return found


def test_what_a_backup_brings_back_is_purged_once_more(case: Case) -> None:
    office = case.office
    backup = office.folder / "ledger-old"
    copy(office.ledger_path, backup, lambda _done, _of: None)
    case.purging().go(case.key())
    assert case.purging().returned() == ()
    office.lose_ledger(backup)
    backup.unlink()
    say_restored(office.ledger, "root", office.clock.now())
    Parcels(office.tables, office.ledger.seal, office.clock).put(
        "mora", "upload", {}, SAYS.encode()
    )
    back = case.purging().returned()
    assert {"uploads that wait"} <= {line.place for plan in back for line in plan.lines}
    assert (
        sum(line.count for plan in back for line in plan.lines if line.place == "completions") == 7
    )
    assert case.purging().go_again()
    assert traces_left(case) == {}
    assert case.purging().returned() == ()
    assert check_trail(office.ledger).problems == ()
    assert office.hear() == {}  # the emptied log says nothing
