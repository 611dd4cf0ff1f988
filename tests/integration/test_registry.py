"""Events in Avro: read by a registry's schemas; they wait while it is away, or are refused."""

from __future__ import annotations

import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.port import Outgoing, Partition
from consumer.cli import main
from consumer.decoding.schemas import SchemasAway
from consumer.desk.correcting import Correcting, Outcome
from consumer.desk.deadletters import show_letter
from consumer.ledger.readable import readable_now
from consumer.ledger.seal import unpack_original
from consumer.resources import shipped
from consumer.telemetry.readiness import STARTING
from tests.avro import frame, written
from tests.end_to_end.patience import until
from tests.integration.office import Office
from tests.integration.people import (
    HOUR,
    LENA,
    NOON,
    OPENEDX,
    OTIS,
    PRIYA,
    RENAL,
    TOPIC,
    Physician,
    moodle,
    openedx,
)
from tests.integration.test_several_in_one import ROWS, a_mapping, done, maps_by, message
from tests.kafka.guarded import Authority
from tests.openedx import EventBus
from tests.registry import Registry

STRAND = Partition(TOPIC, 0)
HOLDS_ITSELF = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "next", "type": ["null", "R"]}],
}


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that answers."""
    with Registry().serving() as serving:
        yield serving


@pytest.fixture
def away() -> Registry:
    """A registry that has an address, and is not there yet."""
    with (registry := Registry()).serving():
        pass
    return registry


@pytest.fixture
def open_edx(open_office: Callable[..., Office]) -> Callable[..., Office]:
    """Opens an office with a registry."""

    def opened(registry: Registry, **more: Any) -> Office:
        return open_office(registry={"url": registry.url, "timeout_seconds": 1} | more)

    return opened


# ---------------------------------------------------------------- what Open edX sends


def test_a_certificate_of_open_edx_becomes_the_same_credit_as_in_json(
    open_edx: Callable[..., Office], registry: Registry
) -> None:
    office = open_edx(registry)
    assert office.hear(created(certificates(registry), PRIYA)) == {"ready": 1}
    assert office.board_ids("ready") == [PRIYA.board_id]
    (completion,) = office.completions
    assert (completion.source, completion.course) == ("openedx", RENAL)
    assert office.hear(openedx(PRIYA)) == {"duplicate": 1}


def test_several_kinds_of_event_share_a_topic(
    open_edx: Callable[..., Office], registry: Registry
) -> None:
    office, bus = open_edx(registry), certificates(registry)
    said = [
        bus.passing(PRIYA.number, RENAL, NOON),
        bus.certificate("changed", PRIYA.number, RENAL, NOON),
        created(bus, PRIYA),
        moodle(OTIS),
        bus.certificate("revoked", PRIYA.number, RENAL, NOON + HOUR),
    ]
    assert office.hear(*said) == {"ignored": 2, "ready": 2, "retracted": 1}
    assert sorted(registry.asked) == [1, 2, 3, 4, 5]  # a key's, and one for each kind


def test_a_schema_is_asked_for_once_for_all(
    open_edx: Callable[..., Office], registry: Registry
) -> None:
    office, bus = open_edx(registry), certificates(registry)
    office.hear(created(bus, PRIYA), created(bus, OTIS))
    office.hear(created(bus, LENA))
    assert sorted(registry.asked) == [1, 2]
    assert office.board_ids("ready") == [one.board_id for one in (PRIYA, OTIS, LENA)]


# ---------------------------------------------------------------- the registry is away


def test_events_wait_for_a_registry_that_is_away_and_each_counts_once(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    bus = certificates(away)
    office = open_edx(away)
    with away.serving():
        assert office.hear(created(bus, PRIYA)) == {"ready": 1}
    taken_back = bus.certificate("revoked", PRIYA.number, RENAL, NOON + HOUR)
    office.publisher.publish([created(bus, OTIS), moodle(LENA), taken_back])
    for _ in range(3):
        turn(office)
        assert "cannot be reached" in bad(office)["registry"]
    assert (office.letters, office.fates) == ([], ["ready"])
    assert office.ledger.remembered([STRAND]) == {STRAND: 1}
    with away.serving():
        turn(office)
        assert office.fates == ["ready", "ready", "ready", "retracted"]
        assert "registry" not in bad(office)
    assert office.ledger.remembered([STRAND]) == {STRAND: 4}
    assert (office.states(), office.letters) == (["withdrawn", "ready", "ready"], [])


def test_known_schemas_serve_while_the_registry_is_away(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    office, bus = open_edx(away), certificates(away)
    with away.serving():
        office.hear(created(bus, PRIYA))
    assert office.hear(created(bus, OTIS)) == {"ready": 1}


def test_a_service_that_starts_without_its_registry_hears_json_and_says_why_it_is_not_ready(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    office, bus = open_edx(away), certificates(away)
    office.service._expect()
    assert bad(office)["registry"] == STARTING
    prove(office)
    assert "cannot be reached: check the network and registry.url" in bad(office)["registry"]
    assert office.hear(moodle(LENA)) == {"ready": 1}
    office.publisher.publish([created(bus, PRIYA)])
    office.start()  # once more, with an event that waits
    turn(office)
    prove(office)
    assert (office.fates, office.letters) == (["ready"], [])
    with away.serving():
        prove(office)
        turn(office)
        assert office.fates == ["ready", "ready"]
        assert "registry" not in bad(office)


def test_who_waits_for_the_registry_holds_up_no_table(
    open_edx: Callable[..., Office], registry: Registry
) -> None:
    office = open_edx(registry, timeout_seconds=8)
    office.publisher.publish([created(certificates(registry), PRIYA)])
    registry.silent = True
    with ThreadPoolExecutor(1) as pool:
        turned = pool.submit(turn, office)
        until(lambda: registry.waited_for, 10, "the question")
        office.service.premises.put_tables(office.service.premises.house.tables)
        assert not turned.done()
        registry.over.set()
    assert "broke off" in bad(office)["registry"]


def bad_day(**manners: Any) -> Callable[[Registry], None]:
    return lambda registry: registry.__dict__.update(manners)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (bad_day(answer=(500, b"")), "it does not work at present (HTTP 500)"),
        (bad_day(answer=(503, b"<html>")), "it does not work at present (HTTP 503)"),
        (bad_day(answer=(429, b"{}")), "it does not work at present (HTTP 429)"),
        (bad_day(answer=(302, b"")), "it sends us elsewhere (HTTP 302): check registry.url"),
        (bad_day(credentials=("moc", "x")), "check registry.user and registry.password"),
        (bad_day(answer=(403, b"{}")), "check registry.user and registry.password"),
        (bad_day(silent=True), "it does not answer within 0.3 s"),
        (bad_day(trickling=True), "it does not answer within 0.3 s"),
        # A wrong address must refuse no event.
        (bad_day(answer=(404, b"<html>")), "is no schema registry: check registry.url"),
        (bad_day(answer=(404, b'{"error_code": 404}')), "is no schema registry"),
        (bad_day(answer=(200, b"<html>")), "is no schema registry: check registry.url"),
        (bad_day(answer=(200, b"[]")), "is no schema registry: check registry.url"),
        (bad_day(answer=(200, b'{"schema": 5}')), "is no schema registry: check registry.url"),
    ],
)
def test_whatever_ails_the_registry_nothing_is_refused_for_it(
    open_edx: Callable[..., Office],
    registry: Registry,
    spoil: Callable[[Registry], None],
    says: str,
) -> None:
    office, bus = open_edx(registry, timeout_seconds=0.3), certificates(registry)
    well = dict(registry.__dict__)
    spoil(registry)
    office.publisher.publish([created(bus, PRIYA)])
    turn(office)
    assert says in bad(office)["registry"]
    assert (office.fates, office.letters) == ([], [])
    registry.__dict__.update(well)
    turn(office)
    assert (office.fates, office.letters) == (["ready"], [])
    assert "registry" not in bad(office)


def test_credentials_and_an_authority_of_its_own(
    open_edx: Callable[..., Office], tmp_path: Path
) -> None:
    mine, others = Authority(tmp_path / "mine"), Authority(tmp_path / "others")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*mine.issue("registry", "127.0.0.1"))
    with Registry(credentials=("moc", "hunter2")).serving(tls) as registry:
        bus = certificates(registry)
        said = {"user": "moc", "password": "hunter2"}
        strange = open_edx(registry, **said, ca_file=others.ca_file)
        strange.publisher.publish([created(bus, PRIYA)])
        turn(strange)
        assert "cannot prove that it is the registry" in bad(strange)["registry"]
        strange.start(registry={"url": registry.url, **said, "ca_file": mine.ca_file})
        prove(strange)
        turn(strange)
        assert strange.fates == ["ready"]
        assert "registry" not in bad(strange)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (None, "the registry has none of that number"),
        ("no schema", "not Avro, or it refers to other schemas"),
        (HOLDS_ITSELF, "a record holds itself"),
        ({"type": "enum", "name": "E", "symbols": ["x" * 5_000_000]}, "larger than 1048576 bytes"),
    ],
)
def test_a_poisoned_schema_refuses_that_event_alone(
    open_edx: Callable[..., Office], registry: Registry, schema: Any, told: str
) -> None:
    office, bus = open_edx(registry), certificates(registry)
    number = 77 if schema is None else registry.register(schema)
    spoilt = replace(created(bus, OTIS), value=frame(number, b"x"))
    assert office.hear(created(bus, PRIYA), spoilt, moodle(LENA)) == {"ready": 2, "refused": 1}
    (shown,) = show(office)
    code = "schema_unknown" if schema is None else "schema_unusable"
    assert (shown["code"], shown["field"]) == (code, "body")
    assert shown["detail"] == f"schema {number}: {told}"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"schemaType": "PROTOBUF"}, "neither Avro nor JSON"),
        (
            {"references": [{"name": "x", "subject": "x", "version": 1}]},
            "it refers to other schemas",
        ),
    ],
)
def test_what_is_not_read_here_is_said(
    open_edx: Callable[..., Office], registry: Registry, more: Any, told: str
) -> None:
    office = open_edx(registry)
    number = registry.register("string", **more)
    assert office.hear(Outgoing(TOPIC, b"k", frame(number, b"\x00"))) == {"refused": 1}
    assert show(office)[0]["detail"] == f"schema {number}: {told}"


def test_json_in_a_frame_is_json(open_edx: Callable[..., Office], registry: Registry) -> None:
    office = open_edx(registry)
    number = registry.register("{}", schemaType="JSON")
    said = moodle(PRIYA)
    assert office.hear(replace(said, value=frame(number, said.value or b""))) == {"ready": 1}


def test_a_schema_that_is_registered_later_lets_its_events_be_replayed(
    open_edx: Callable[..., Office], registry: Registry
) -> None:
    office, bus = open_edx(registry), certificates(registry)
    said = created(bus, PRIYA)
    late = dict(registry.schemas)
    registry.schemas.clear()
    assert office.hear(said) == {"refused": 1}
    (letter,) = office.letters
    kept = unpack_original(office.ledger.seal.open(letter.original))
    assert (kept.key, kept.value, kept.headers) == (said.key, said.value, said.headers)
    assert office.letter["how"].endswith("once the schema is there, send it again")
    registry.schemas.update(late)
    assert office.replay() == "refused"  # asked a moment ago
    office.clock.advance(31)
    assert office.replay() == "ready"
    assert office.board_ids("ready") == [PRIYA.board_id]


def test_without_a_registry_avro_is_a_letter_that_says_what_to_set(
    office: Office, registry: Registry
) -> None:
    said = created(certificates(registry), PRIYA)
    assert office.hear(said) == {"refused": 1}
    assert office.letter["how"] == "set registry.url, then send it again"
    office.start(registry={"url": registry.url})
    assert office.replay() == "ready"


# ---------------------------------------------------------------- reading again


def test_a_replay_while_the_registry_is_away_changes_nothing(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    office, bus = open_edx(away), certificates(away)
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    with away.serving():
        assert office.hear(created(bus, PRIYA)) == {"refused": 1}
    office.put_learners(PRIYA.row())
    office.start()  # another process, which knows no schema
    with pytest.raises(SchemasAway):
        office.replay()
    assert (office.letter["status"], office.letter["replays"]) == ("open", 0)
    with away.serving():
        assert office.replay() == "ready"


def test_a_correction_reads_avro_again(open_edx: Callable[..., Office], away: Registry) -> None:
    office, bus = open_edx(away), certificates(away)
    with away.serving():
        office.hear(created(bus, PRIYA))
    office.take_for_sent()
    office.put_learners(PRIYA.row(board_id="041335"))
    office.start()
    desk = Correcting(office.ledger, office.service.premises.house, office.clock)
    numbers = [row.id for row in office.credits]
    with pytest.raises(SchemasAway):
        [*desk.preview(numbers)]
    with pytest.raises(SchemasAway):
        [*desk.correct(numbers)]
    assert office.states() == ["submitted"]
    with away.serving():
        (finding,) = desk.correct(numbers)
    assert finding.outcome is Outcome.CORRECTED


HARBOR = {
    "type": "record",
    "name": "Harbor",
    "fields": [
        {"name": "sensor", "type": "string"},
        {"name": "course", "type": "string"},
        {
            "name": "data",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Done",
                    "fields": [{"name": n, "type": "string"} for n in ("type", "user", "at")],
                },
            },
        },
    ],
}


def in_avro(said: Outgoing, registry: Registry) -> Outgoing:
    """A message of several events, value and key in Avro; the key's schema is the 200th."""
    number = registry.register(HARBOR)
    registry.schemas[200] = {"schema": '"string"'}
    value = frame(number, written(HARBOR, orjson.loads(said.value or b"")))
    return replace(said, value=value, key=frame(200, written("string", "harbor-1")))


def test_several_events_in_one_avro_message_are_kept_and_replayed_each_by_itself(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    office = open_edx(away)
    maps_by(office, a_mapping(ROWS))
    office.put_learners(PRIYA.row(), OTIS.row(board_id="5244"))
    office.look()
    with away.serving():
        said = in_avro(message(done(PRIYA), done(OTIS)), away)
        assert office.hear(said) == {"ready": 1, "refused": 1}
    office.put_learners(PRIYA.row(), OTIS.row())
    office.start()
    assert office.replay() == "ready"  # it was kept as it was read: no registry is needed


def test_the_hint_that_letters_can_be_read_now_waits_for_no_registry(
    open_edx: Callable[..., Office], away: Registry
) -> None:
    office = open_edx(away)
    with away.serving():
        assert office.hear(in_avro(message(done(PRIYA)), away)) == {"refused": 1}
    assert office.letter["reason"] == "unknown_event"
    maps_by(office, a_mapping(ROWS))

    def readable() -> dict[str, int]:
        return readable_now(office.ledger, office.service.premises.house, office.clock.now())

    assert readable() == {}
    with away.serving():
        assert readable() == {"harbor": 1}


# ---------------------------------------------------------------- commands

SETTINGS = """\
mappings_dir = "old/mappings"
schemas_dir = "old/schemas"
[registry]
url = "{url}"
[profiles.main]
provider_id = "0009999"
name = "Lakeside Academy"
domain = "lakeside.example"
by_file = true
"""
BY_ID, BY_NAME = "body.certificate.user.id", "body.certificate.user.pii.username"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: Registry) -> Path:
    """An admin's folder with the mappings of today, and those of tomorrow."""
    for name in ("old", "new"):
        for part in ("mappings", "schemas"):
            shutil.copytree(shipped(part), tmp_path / name / part)
    file = tmp_path / "new" / "mappings" / "openedx" / "certificate_created.yaml"
    file.write_text(file.read_text().replace(BY_ID, BY_NAME))
    (tmp_path / "moc-consumer.toml").write_text(SETTINGS.format(url=away.url))
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_past_events_in_avro_are_compared_and_without_the_registry_it_says_what_to_do(
    folder: Path, away: Registry
) -> None:
    publisher = EmbeddedPublisher(folder / "data" / "bus.db")
    publisher.publish([created(certificates(away), PRIYA)])
    publisher.close()
    words = ["mapping", "diff", "old", "new", "--from-topic", TOPIC]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 1
    assert "the schema registry: it cannot be reached" in told.output
    assert "type the same command again" in told.output
    with away.serving():
        told = CliRunner().invoke(main, words)
    assert f"{TOPIC}/0/0  says something else" in told.output
    assert "learner" in told.output


# ---------------------------------------------------------------- what the tests share


def certificates(registry: Registry) -> EventBus:
    return EventBus(registry, TOPIC, OPENEDX)


def created(bus: EventBus, who: Physician) -> Outgoing:
    return bus.certificate("created", who.number, RENAL, NOON, name=who.given_name)


def bad(office: Office) -> dict[str, str]:
    """What is not ready, and why."""
    return {one.name: one.cause for one in office.service.readiness.conditions() if not one.ok}


def turn(office: Office) -> None:
    """One turn of the intake as it takes it when it runs: faults and all."""
    office.intake._try_turn(threading.Event())


def prove(office: Office) -> None:
    office.pump("registry").turn()


def show(office: Office) -> list[dict[str, Any]]:
    """The reasons of the one letter, as the desk shows them."""
    reasons: Any = show_letter(office.ledger, str(office.letter["letter_id"]))["reasons"]
    return [*reasons]
