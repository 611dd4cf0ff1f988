"""Another sealing key: what every process can open meanwhile, and that all is sealed anew."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, update
from structlog.testing import capture_logs

import consumer.ledger.resealing as resealing
from consumer.bus.port import Outgoing
from consumer.credit import Identity
from consumer.desk.sealing import SPOOL, UPLOADS, Sealing, StillSealed
from consumer.desk.trailchecking import check_trail
from consumer.desk.trailreading import reveal_row
from consumer.gateway.spool import Spool, SpoolUnavailable
from consumer.keys import KeysProblem
from consumer.ledger.columns import Sealed, SealedText, sealed_columns
from consumer.ledger.keyring import WrongKeys
from consumer.ledger.ledger import Ledger, open_ledger, open_server
from consumer.ledger.schema import audit, completions, metadata
from consumer.ledger.seal import Seal, SealBroken
from tests.integration.office import SEALING_KEY, SECRET, Office
from tests.integration.people import LENA, OTIS, PRIYA, moodle
from tests.integration.sealed import (
    NEW_ALONE,
    NEW_AND_OLD,
    NEW_KEY,
    OLD_ALONE,
    OLD_AND_NEW,
    columns_under,
    filled,
    sealing,
    under,
)

OLD, NEW = OLD_ALONE.name, NEW_ALONE.name


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """The keys as they are once the new one seals."""
    path = tmp_path / "keys.toml"
    path.write_text(
        f'secret = "{SECRET.decode()}"\nsealing_key = "{NEW_KEY.decode()}"\n'
        f'also_opens = ["{SEALING_KEY.decode()}"]\n'
    )
    return path


def reseal(office: Office) -> int:
    return sealing(office).reseal(office.clock.now(), "mora")


def opened(office: Office, seal: Seal) -> Ledger:
    """Another process on the same ledger."""
    keys = (seal, Identity(SECRET))
    if office.database:
        return open_server(office.database, *keys)
    return open_ledger(office.ledger_path, *keys)


# ---------------------------------------------------------------- nothing is forgotten


def test_whatever_is_kept_as_bytes_is_declared_as_sealed() -> None:
    every = [c for table in metadata.tables.values() for c in table.c]
    assert [str(c) for c in every if type(c.type) is LargeBinary] == []
    assert {type(c.type) for c in sealed_columns()} == {Sealed, SealedText}


@pytest.mark.parametrize("at_once", [1, 100])
def test_every_sealed_column_is_sealed_anew(
    reporting: Office, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    office = filled(reporting)
    monkeypatch.setattr(resealing, "AT_ONCE", at_once)
    monkeypatch.setattr(resealing, "TRAIL_AT_ONCE", at_once)
    before = columns_under(office)
    # Each column there is had something in it: otherwise nothing would be known of it below.
    assert set(before) == {str(c) for c in sealed_columns()}
    count = sum(n[OLD] for n in before.values())
    assert {name for n in before.values() for name in n} == {OLD}
    under(office, NEW_AND_OLD)
    done = reseal(office)
    after = columns_under(office)
    assert {name for n in after.values() for name in n} == {NEW}
    assert done == count
    assert sum(n[NEW] for n in after.values()) == count


def test_nothing_sealed_lies_where_nobody_declared_it(reporting: Office) -> None:
    office = filled(reporting)
    declared = set(sealed_columns())
    for table in metadata.tables.values():
        for row in office.rows(table):
            for column in table.c:
                value = row._mapping[column]
                if isinstance(value, bytes | str) and column not in declared:
                    sealed = value.encode() if isinstance(value, str) else value
                    with pytest.raises(SealBroken):
                        office.ledger.seal.open(sealed)


def test_what_was_sealed_anew_says_what_it_said(reporting: Office) -> None:
    office = filled(reporting)

    def said() -> list[Any]:
        seal = office.ledger.seal
        return [seal.open_said(row.said) for row in office.completions] + [
            (row.id, row.who, row.subject, *_words(office, row)) for row in office.rows(audit)
        ]

    before, trail = said(), len(office.rows(audit))
    reseal(under(office, NEW_AND_OLD))
    under(office, NEW_ALONE)
    assert said()[: len(before)] == before
    assert [row.what for row in office.rows(audit)][trail:] == ["keys.resealed"]
    assert check_trail(office.ledger).problems == ()
    assert reveal_row(office.ledger, 1, "mora", office.clock).why == "she called"


def _words(office: Office, row: Any) -> tuple[bytes, bytes]:
    seal = office.ledger.seal
    return (
        seal.open(row.why.encode()) if row.why else b"",
        seal.open(row.change) if row.change else b"",
    )


# ---------------------------------------------------------------- beside a running service


def test_what_the_service_wrote_meanwhile_is_not_overwritten(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    first = office.completions[0].id
    newer = office.ledger.seal.seal_json(office.ledger.seal.open_said(office.completions[1].said))
    under(office, NEW_AND_OLD)
    write = resealing._write

    def written_meanwhile(db: Any, change: Any) -> int:
        # A process that seals with the former key still was a moment sooner.
        db.execute(update(completions).where(completions.c.id == first).values(said=newer))
        monkeypatch.setattr(resealing, "_write", write)
        return write(db, change)

    monkeypatch.setattr(resealing, "_write", written_meanwhile)
    reseal(office)
    # What came meanwhile is there, sealed anew on the next pass.
    seal = office.ledger.seal
    assert seal.key_of(office.completions[0].said) == NEW
    assert seal.open_said(office.completions[0].said).learner == str(OTIS.number)


def test_the_service_hears_and_sends_with_either_key_at_every_step(
    reporting: Office, pars: Any
) -> None:
    office = reporting
    office.hear(moodle(PRIYA))
    under(office, OLD_AND_NEW)  # the new one opens everywhere
    office.hear(moodle(OTIS))
    with closing(opened(office, NEW_AND_OLD)) as restarted:  # and seals in one process first
        assert restarted.seal.open_said(office.completions[0].said)
        under(office, NEW_AND_OLD)
        office.hear(moodle(LENA))
        under(office, OLD_AND_NEW)  # the process that was not restarted yet goes on
        office.drive_to("accepted", "accepted", "accepted")
    under(office, NEW_AND_OLD)
    reseal(office)
    under(office, NEW_ALONE)
    assert office.hear(moodle(PRIYA, emitted=1)) == {"duplicate": 1}
    assert len(pars.records) == 3


def test_sealed_anew_twice_there_is_nothing_left_to_do(office: Office) -> None:
    office.hear(moodle(PRIYA))
    under(office, NEW_AND_OLD)
    assert reseal(office) > 0
    trail = len(office.rows(audit))
    assert reseal(office) == 0
    assert len(office.rows(audit)) == trail


def test_what_waits_at_the_gateway_is_sealed_anew_too(office: Office) -> None:
    office.settings.spool_path.parent.mkdir(exist_ok=True)
    message = Outgoing("lms.events", b"k", b"Priya", ())
    with closing(Spool(office.settings.spool_path, OLD_ALONE, office.clock)) as spool:
        spool.append([message])
    under(office, NEW_AND_OLD)
    assert {use.name: use.values for use in sealing(office).uses()}[OLD] == {SPOOL: 1}
    assert reseal(office) == 1
    with closing(Spool(office.settings.spool_path, NEW_ALONE, office.clock)) as spool:
        assert [one for _, one in spool.oldest(9)] == [message]


# ---------------------------------------------------------------- who may start, what may go


def test_a_process_that_lacks_a_key_does_not_start(office: Office) -> None:
    office.hear(moodle(PRIYA))
    under(office, NEW_AND_OLD)
    opened(office, NEW_AND_OLD).close()
    for lacking, name in ((NEW_ALONE, OLD), (OLD_ALONE, NEW)):
        with pytest.raises(WrongKeys, match=f"needs sealing key {name}"):
            opened(office, lacking)


def test_a_ledger_from_before_keys_had_names_knows_a_wrong_one(office: Office) -> None:
    office.hear(moodle(PRIYA))
    with office.ledger.begin() as db:
        db.exec_driver_sql("DELETE FROM facts WHERE name = 'sealing_keys'")
    with pytest.raises(WrongKeys, match="needs another sealing key"):
        opened(office, NEW_ALONE)
    opened(office, OLD_ALONE).close()


def test_a_key_goes_only_when_nothing_is_under_it(office: Office, keys_file: Path) -> None:
    office.hear(moodle(PRIYA))
    under(office, NEW_AND_OLD)
    opened(office, NEW_AND_OLD).close()
    before = keys_file.read_text()
    with pytest.raises(StillSealed, match="of completions"):
        sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")
    assert keys_file.read_text() == before
    opened(office, OLD_AND_NEW).close()  # it may seal still
    reseal(office)
    sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")
    assert SEALING_KEY.decode() not in keys_file.read_text()
    assert [row.what for row in office.rows(audit)] == ["keys.resealed", "keys.dropped"]
    opened(office, NEW_ALONE).close()
    with pytest.raises(WrongKeys, match="was dropped"):
        opened(office, OLD_AND_NEW)


def dropped(office: Office, keys_file: Path) -> Office:
    """The former key is out of the file, as seen by a process that took the new one."""
    office.hear(moodle(PRIYA))
    under(office, NEW_AND_OLD)
    reseal(office)
    sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")
    return office


def test_a_process_that_was_not_restarted_writes_nothing_under_a_dropped_key(
    office: Office, keys_file: Path
) -> None:
    with closing(opened(office, OLD_AND_NEW)) as running:
        dropped(office, keys_file)
        before = columns_under(office)
        with pytest.raises(WrongKeys, match=f"{OLD} was dropped"), running.begin() as db:
            db.execute(update(completions).values(said=running.seal.seal_json({})))
    assert columns_under(office) == before


def test_such_a_process_ends_and_says_why(office: Office, keys_file: Path) -> None:
    dropped(office, keys_file)
    under(office, OLD_AND_NEW)
    office.publisher.publish([moodle(OTIS)])
    service = office.service
    service.stop.clear()
    in_vain = threading.Timer(20, service.stop.set)
    in_vain.start()
    with capture_logs() as said:
        assert not service.run()
    in_vain.cancel()
    told = [one for one in said if one["event"] == "pump.failed" and one["pump"] == "intake"]
    assert [one["error_type"] for one in told] == ["WrongKeys"]
    assert f"sealing key {OLD} was dropped" in told[0]["cause"]
    under(office, NEW_ALONE)
    assert office.hear() == {"ready": 1}  # by whoever comes next: nothing is lost


def test_a_count_that_fails_leaves_the_key_in_use(
    office: Office, keys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hear(moodle(PRIYA))
    under(office, NEW_AND_OLD)
    reseal(office)
    desk, before = sealing(office), keys_file.read_text()
    first: list[dict[str, Counter[str]]] = [{}]

    def away(*_: object) -> dict[str, Counter[str]]:
        if first:
            return first.pop()
        raise SpoolUnavailable("the disk is away")

    monkeypatch.setattr(Sealing, "_under_which", away)
    with pytest.raises(SpoolUnavailable):
        desk.drop(keys_file, OLD, office.clock.now(), "mora")
    assert keys_file.read_text() == before
    opened(office, OLD_AND_NEW).close()


def test_a_process_that_seals_with_it_still_is_not_stopped_by_a_drop_that_came_too_soon(
    office: Office, keys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hear(moodle(PRIYA))
    running = opened(office, OLD_AND_NEW)
    under(office, NEW_AND_OLD)
    count = Sealing._under_which

    def busy(desk: Sealing) -> dict[str, Counter[str]]:
        with running.begin():
            return count(desk)

    monkeypatch.setattr(Sealing, "_under_which", busy)
    with closing(running), pytest.raises(StillSealed):
        sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")


def test_the_key_that_seals_cannot_go(office: Office, keys_file: Path) -> None:
    under(office, NEW_AND_OLD)
    for name in (NEW, "00000000"):
        with pytest.raises(KeysProblem):
            sealing(office).drop(keys_file, name, office.clock.now(), "mora")
    opened(office, NEW_AND_OLD).close()


def test_an_upload_that_waits_keeps_its_key_for_two_hours(office: Office, keys_file: Path) -> None:
    sealing(office).parcels.put("mora", "table", {})
    under(office, NEW_AND_OLD)
    with pytest.raises(StillSealed, match="gone in two hours"):
        sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")
    assert {use.name: use.values for use in sealing(office).uses()}[OLD] == {UPLOADS: 1}
    office.clock.advance(2 * 3600 + 1)
    sealing(office).drop(keys_file, OLD, office.clock.now(), "mora")
