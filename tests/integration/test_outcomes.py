"""What became of credits goes back: on the topic, by signed webhook, by daily file."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from copy import deepcopy
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from click.testing import CliRunner
from jsonschema_rs import validator_for

from consumer.cli import main
from consumer.credit import State
from consumer.desk.outcomes import OutcomeFiles, enable_webhook, list_webhooks, skip_outcome
from consumer.ledger.noticetables import outcomes
from consumer.ledger.webhookbook import WebhookBook
from consumer.pumps.daily import DailyPump
from consumer.pumps.webhooking import LEASE_SECONDS, WebhookPump
from consumer.resources import shipped
from consumer.webhook.signing import is_genuine, secret_of
from tests.fakes import FakeClock
from tests.integration import office as office_keys
from tests.integration.office import NOBODY, OUTCOMES, Office, SimulatedPars
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, canvas, moodle
from tests.integration.test_notices import decide
from tests.mailserver import MailServer
from tests.webhookserver import Posted, Webhook

SECRET, OTHER = "whsec_" + "TU9DLXRlc3Rz" * 3, "whsec_" + "b3RoZXIta2V5" * 3
DAY = 86_400.0
SCHEMA = orjson.loads((shipped("schemas") / "outcome.json").read_bytes())


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook that is there."""
    with Webhook().serving() as server:
        yield server


def of(hook: Webhook, **said: Any) -> dict[str, Any]:
    return {"url": hook.url, "secret": SECRET, "retry_first_seconds": 60} | said


def pump(office: Office, name: str = "crm") -> WebhookPump:
    found: WebhookPump = office.pump(f"webhook.{name}")
    return found


def tell(office: Office, name: str = "crm") -> int:
    """Everything that this webhook takes now."""
    told = 0
    while some := pump(office, name).turn():
        told += some
    return told


def states(hook: Webhook) -> list[str]:
    return [one.said["data"]["state"] for one in hook.posted]


def bad(office: Office, name: str = "webhook.crm") -> str:
    found = {one.name: one.cause for one in office.service.readiness.conditions()}
    return found.get(name, "")


def submit(office: Office, *who: Any) -> None:
    office.hear(*who)
    office.take_for_sent()


# ---------------------------------------------------------------- the topic


def test_every_outcome_is_as_its_schema_says(reporting: Office, pars: SimulatedPars) -> None:
    """Sent, accepted, rejected, needing a person: down the service's own way."""
    office = reporting
    pars.put_roster(
        PRIYA.diplomate(), OTIS.diplomate(board_rejects="identity"), LENA.diplomate(month=1)
    )
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA, "102"), canvas(PRIYA))
    office.drive(lambda: {*office.states()} <= {"accepted", "rejected", "attention"})
    office.publish()
    found = [orjson.loads(m.value or b"") for m in office.published(OUTCOMES)]
    assert {one["state"] for one in found} == {"submitted", "accepted", "rejected", "attention"}
    judge = validator_for(SCHEMA)
    for message, one in zip(office.published(OUTCOMES), found, strict=True):
        assert [str(error.message) for error in judge.iter_errors(one)] == []
        assert message.key == one["credit_id"].encode()
    whole = b"".join(m.value or b"" for m in office.published(OUTCOMES)).decode()
    for who in EVERYONE:
        assert who.family_name not in whole
        assert str(who.number) not in whole
        assert who.board_id not in whole


def test_every_field_of_the_schema_is_explained() -> None:
    text = (shipped("schemas").parent / "docs" / "outcomes.md").read_text(encoding="utf-8")
    places = [SCHEMA["properties"], SCHEMA["properties"]["heard"]["items"]["properties"]]
    missing = [name for place in places for name in place if f"`{name}`" not in text]
    missing += [one for one in SCHEMA["properties"]["state"]["enum"] if f"`{one}`" not in text]
    assert missing == []


def test_an_lms_finds_its_learner_by_where_its_event_is(office: Office) -> None:
    office.hear(moodle(OTIS), moodle(PRIYA), moodle(PRIYA), canvas(PRIYA))
    office.take_for_sent()
    office.publish()
    found = [orjson.loads(m.value or b"") for m in office.published(OUTCOMES)]
    places = {
        one["credit_id"]: [(h["source"], h["topic"], h["offset"]) for h in one["heard"]]
        for one in found
    }
    assert sorted(places.values()) == [
        [("moodle", "lms.events", 0)],
        [("moodle", "lms.events", 1), ("canvas", "lms.events", 3)],
    ]


# ---------------------------------------------------------------- webhooks


def test_a_webhook_is_told_in_order_and_signed(
    open_office: Callable[..., Office], clock: FakeClock, hook: Webhook
) -> None:
    clock.advance(0.0001234)  # the topic, too, names no moment more exactly than the ledger
    office = open_office(webhooks={"crm": of(hook)})
    assert tell(office) == 0
    submit(office, moodle(PRIYA), moodle(OTIS))
    decide(office, [State.ACCEPTED, State.REJECTED])
    assert tell(office) == 4
    office.publish()
    on_topic = [orjson.loads(m.value or b"") for m in office.published(OUTCOMES)]
    told = [one.said["data"] for one in hook.posted]
    assert [{k: one[k] for k in SCHEMA["properties"]} for one in told] == on_topic
    assert states(hook) == ["submitted", "submitted", "accepted", "rejected"]
    for one in hook.posted:
        assert is_genuine(secret_of(SECRET), one.headers, one.body, clock.now())
        assert not is_genuine(secret_of(OTHER), one.headers, one.body, clock.now())
        assert not is_genuine(secret_of(SECRET), one.headers, one.body + b" ", clock.now())
    last = hook.posted[-1].said
    assert last["type"] == "credit.rejected"
    assert last["data"]["reason"] == "board_identity"
    assert "learners" not in last["data"]
    numbers = [one.said["data"]["sequence"] for one in hook.posted]
    assert numbers == sorted(set(numbers))
    assert tell(office) == 0


def test_what_happened_before_a_webhook_was_there_is_not_told(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office()
    submit(office, moodle(PRIYA))
    office.start(webhooks={"crm": of(hook)})
    assert tell(office) == 0
    decide(office, [State.ACCEPTED])
    assert tell(office) == 1
    assert states(hook) == ["accepted"]


def test_an_lms_is_told_its_own_learners_if_the_settings_say_so_and_nobody_elses(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    with Webhook().serving() as plain:
        ours = of(hook, sources=["canvas"], lms_ids=True)
        office = open_office(webhooks={"lms": ours, "crm": of(plain, sources=["canvas"])})
        tell(office, "lms"), tell(office)
        submit(office, moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
        assert (tell(office, "lms"), tell(office)) == (1, 1)
    (told,) = (one.said["data"] for one in hook.posted)
    who = {"source": "canvas", "site": "northgate-account", "learner": str(PRIYA.number)}
    assert told["learners"] == [who | {"course": "731"}]
    assert [one["source"] for one in told["heard"]] == ["canvas"]
    assert str(PRIYA.number) not in plain.posted[0].body.decode()
    everything = b"".join(one.body for one in (*hook.posted, *plain.posted)).decode()
    assert PRIYA.family_name not in everything
    assert PRIYA.board_id not in everything


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"answers": [503]}, "it answers 503"),
        ({"answers": [401]}, "it refuses us (401)"),
        ({"answers": [302], "headers": {"Location": "http://127.0.0.1:9/"}}, "it answers 302"),
        ({"answers": [0]}, "the connection broke off"),
        ({"silent": True}, "it does not answer within 0.3 s"),
    ],
)
def test_a_fault_is_waited_out_and_nothing_is_lost_or_overtaken(
    open_office: Callable[..., Office], hook: Webhook, fault: dict[str, Any], told: str
) -> None:
    office = open_office(webhooks={"crm": of(hook, timeout_seconds=0.3)})
    tell(office)
    submit(office, moodle(PRIYA))
    decide(office, [State.ACCEPTED])
    hook.__dict__.update(deepcopy(fault))  # its answers are used up
    assert tell(office) == 0
    assert told in bad(office)
    assert "2 outcomes wait" in bad(office)
    hook.silent = False
    office.clock.advance(61)
    assert tell(office) == 2
    assert bad(office) == ""
    ids = [one.headers["webhook-id"] for one in hook.posted]
    assert list(dict.fromkeys(states(hook))) == ["submitted", "accepted"]
    assert len(set(ids)) == 2  # the one whose answer was lost came twice, under one id


def test_it_may_ask_for_time(open_office: Callable[..., Office], hook: Webhook) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA))
    hook.answers, hook.headers = [429], {"Retry-After": "900"}
    tell(office)
    office.clock.advance(899)
    assert tell(office) == 0
    office.clock.advance(2)
    assert tell(office) == 1


def test_one_that_is_away_for_days_holds_up_neither_the_bus_nor_another(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook), "away": of(hook, url=f"{NOBODY}/x")})
    tell(office), tell(office, "away")
    submit(office, moodle(PRIYA))
    tell(office, "away")
    for _ in range(3):
        office.clock.advance(DAY)
        tell(office, "away")
    assert "it cannot be reached" in bad(office, "webhook.away")
    assert tell(office) == 1
    office.publish()
    assert len(office.published(OUTCOMES)) == 1
    rows = {row["webhook"]: row for row in list_webhooks(office.ledger)}
    assert (rows["away"]["standing"], rows["away"]["waiting"]) == ("failing", 1)
    assert (rows["crm"]["standing"], rows["crm"]["waiting"]) == ("well", 0)


def test_what_is_too_old_is_given_up_and_said(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook, keep_days=2)})
    tell(office)
    submit(office, moodle(PRIYA))
    hook.answer = 503
    tell(office)
    office.clock.advance(3 * DAY)
    decide(office, [State.ACCEPTED])
    hook.answer = 204
    tell(office)
    assert states(hook) == ["accepted"]
    (row,) = list_webhooks(office.ledger)
    assert row["given_up"] == 1


def test_gone_is_gone_until_a_person_or_another_address_says_otherwise(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA), moodle(OTIS))
    hook.answers = [410]
    assert tell(office) == 0
    assert "it is gone (410); nothing is sent: moc-consumer webhook enable crm" in bad(office)
    office.clock.advance(DAY)
    assert tell(office) == 0
    assert len(hook.seen) == 1
    enable_webhook(office.ledger, "crm", office.clock, "mora", "they are back")
    hook.answers = [204, 410]
    assert tell(office) == 1
    moved = of(hook, url=hook.url + "/new")
    office.start(webhooks={"crm": moved})
    assert tell(office) == 1
    assert hook.posted[-1].path == "/hook/new"
    assert bad(office) == ""


def test_the_sre_is_told_that_a_webhook_is_gone(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    with MailServer().serving() as post:
        to = {"sre": {"mail": ["sre@lakeside.example"]}}
        notices = {"to": to, "mail": post.settings()}
        office = open_office(webhooks={"crm": of(hook)}, notices=notices)
        tell(office)
        submit(office, moodle(PRIYA))
        hook.answers = [410]
        tell(office)
        office.pump("notices").turn()
        assert post.subjects == ["MOC: 1 webhook gone (1 new)"]


def test_one_that_will_not_take_a_message_waits_for_a_person(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA), moodle(OTIS))
    first = office.credits[0].credit_id
    hook.refuses = lambda one: one.said["data"]["credit_id"] == first
    assert tell(office) == 0
    assert "it answers 422" in bad(office)
    skip_outcome(office.ledger, "crm", office.clock, "mora", "they cannot take it")
    assert tell(office) == 1


def test_two_processes_tell_each_outcome_once_in_order(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA), moodle(OTIS), moodle(LENA, "102"))
    decide(office, [State.ACCEPTED, State.REJECTED, State.ACCEPTED])
    one = office.settings.webhooks["crm"]
    parts = (one, office.ledger, pump(office)._backoff, 1.0, office.clock)
    pumps = [WebhookPump("crm", *parts, office.service.readiness) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(lambda mine: mine.turn(), pumps))
    assert told == len(hook.posted) == 6
    assert states(hook)[:3] == ["submitted"] * 3


def test_a_process_that_was_frozen_past_its_turn_moves_nothing_back(
    open_office: Callable[..., Office], hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA))
    decide(office, [State.ACCEPTED])
    frozen = pump(office)._take()
    assert frozen is not None
    office.clock.advance(LEASE_SECONDS + 1)
    assert tell(office) == 2
    with office.ledger.begin() as db:
        book = WebhookBook(db, office.ledger, office.clock.now())
        assert not book.told(frozen, frozen.waiting[0].id)
        book.failed(frozen, 1, "it answers 503", office.clock.now())
    assert tell(office) == 0
    assert bad(office) == ""


class Killed(BaseException):
    """The process is no more."""


def test_killed_after_the_post_it_is_told_again_under_the_same_id(
    open_office: Callable[..., Office], hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA))

    def die(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(WebhookBook, "told", die)
        with pytest.raises(Killed):
            pump(office).turn()
    office.start()
    assert tell(office) == 0  # it may still be under way
    office.clock.advance(LEASE_SECONDS + 1)
    assert tell(office) == 1
    assert len({one.headers["webhook-id"] for one in hook.posted}) == 1
    assert len(hook.posted) == 2


def test_a_secret_is_changed_without_a_gap(
    open_office: Callable[..., Office], clock: FakeClock, tmp_path: Path, hook: Webhook
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    said = {"url": hook.url, "secret_file": file}
    office = open_office(webhooks={"crm": said})
    tell(office)
    submit(office, moodle(PRIYA))
    tell(office)
    file.write_text(f"{OTHER}\n{SECRET}\n")
    decide(office, [State.ACCEPTED])
    tell(office)
    before, between = hook.posted

    def right(one: Posted, secret: str) -> bool:
        return is_genuine(secret_of(secret), one.headers, one.body, clock.now())

    assert (right(before, SECRET), right(before, OTHER)) == (True, False)
    assert (right(between, SECRET), right(between, OTHER)) == (True, True)


# ---------------------------------------------------------------- daily files


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def test_a_days_outcomes_as_a_file(office: Office, tmp_path: Path) -> None:
    office.hear(moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
    office.take_for_sent()
    decide(office, [State.ACCEPTED, State.REJECTED])
    zone = office.settings.outcomes.zone
    files = OutcomeFiles(office.ledger, ZoneInfo(zone), office.clock)
    path = tmp_path / "day.csv"
    assert files.write(date(2026, 11, 22), "moodle", path, "mora") == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = [(row["learner"], row["course"], row["standing"]) for row in read(path)]
    priya, otis = (str(one.number) for one in (PRIYA, OTIS))
    assert told == [
        (priya, "101", "Sent to PARS"),
        (otis, "101", "Sent to PARS"),
        (priya, "101", "Accepted by the board"),
        (otis, "101", "Rejected by the board"),
    ]
    assert read(path)[3]["what_happened"] == "the board could not match the learner"
    assert {row["source"] for row in read(path)} == {"moodle"}
    assert files.write(date(2026, 11, 22), "", path, "mora") == 6
    assert files.write(date(2026, 11, 21), "", path, "mora") == 0


def test_the_day_is_the_offices(open_office: Callable[..., Office], tmp_path: Path) -> None:
    office = open_office(outcomes={"zone": "America/Chicago", "folder": tmp_path / "out"})
    office.clock.advance(14 * 3600)  # 23:15 in Chicago, and tomorrow in UTC
    submit(office, moodle(PRIYA))
    daily: DailyPump = office.pump("daily")
    assert daily.turn() == []
    office.clock.advance(3600)
    assert daily.turn() == []  # it is 00:15, and files are written at one
    office.clock.advance(3600)
    (path,) = daily.turn()
    assert path.name == "outcomes-2026-11-22-moodle.csv"
    assert read(path)[0]["at"] == "2026-11-22T23:15:00-06:00"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert daily.turn() == []


def test_days_that_were_missed_are_written_later(
    open_office: Callable[..., Office], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    office = open_office(outcomes={"folder": folder})
    daily: DailyPump = office.pump("daily")
    daily.turn()
    submit(office, moodle(PRIYA))
    office.clock.advance(2 * DAY)
    decide(office, [State.ACCEPTED])
    office.clock.advance(2 * DAY)
    folder.rmdir()
    folder.write_text("in the way")
    assert daily.turn() == []
    assert "File exists" in bad(office, "outcomes.folder")
    folder.unlink()
    names = [path.name for path in daily.turn()]
    assert names == ["outcomes-2026-11-22-moodle.csv", "outcomes-2026-11-24-moodle.csv"]
    assert bad(office, "outcomes.folder") == ""


def test_outcomes_are_forgotten_after_their_time(open_office: Callable[..., Office]) -> None:
    office = open_office(outcomes={"keep_days": 31})
    submit(office, moodle(PRIYA))
    daily: DailyPump = office.pump("daily")
    daily.turn()
    assert len(office.rows(outcomes)) == 1
    office.clock.advance(32 * DAY)
    daily.turn()
    assert office.rows(outcomes) == []


@pytest.fixture
def in_a_file(tmp_path: Path, clock: FakeClock) -> Iterator[Office]:
    """An office whose ledger is a file, as the command's is, whatever the others are on."""
    with closing(Office(tmp_path, clock)) as opened:
        yield opened


def test_the_commands(in_a_file: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = in_a_file
    submit(office, moodle(PRIYA))
    monkeypatch.setenv("MOC_DATA_DIR", str(office.folder / "data"))
    profile = {"provider_id": "0009999", "name": "Lakeside", "domain": "lakeside.example"}
    monkeypatch.setenv("MOC_PROFILES", orjson.dumps({"main": profile | {"by_file": True}}).decode())
    keys = office.folder / "data" / "keys.toml"
    write_keys(keys)
    path = tmp_path / "day.csv"
    run = partial(CliRunner().invoke, main)
    done = run(["report", "outcomes", "--date", "2026-11-22", "--source", "moodle", str(path)])
    assert (done.exit_code, done.output) == (0, f"1 line in {path}\n")
    assert read(path)[0]["learner"] == str(PRIYA.number)
    audited = run(["audit", "list"])
    assert "outcomes.written" in audited.output
    assert run(["webhook", "list"]).output == ""
    unknown = run(["webhook", "enable", "crm"])
    assert unknown.exit_code == 1
    assert "nothing is known of a webhook crm" in unknown.output


def write_keys(path: Path) -> None:
    secret, sealing = office_keys.SECRET.decode(), office_keys.SEALING_KEY.decode()
    path.write_text(f'secret = "{secret}"\nsealing_key = "{sealing}"\n')
    path.chmod(0o600)


def test_the_guides_snippet_verifies_what_is_sent(
    open_office: Callable[..., Office], clock: FakeClock, hook: Webhook
) -> None:
    guide = (shipped("schemas").parent / "docs" / "outcomes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)  # noqa: S102  what a reader would type
    known["time"] = SimpleNamespace(time=lambda: clock.now().timestamp())
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA))
    tell(office)
    (one,) = hook.posted
    assert known["is_genuine"](SECRET, one.headers, one.body)
    assert not known["is_genuine"](OTHER, one.headers, one.body)
    assert not known["is_genuine"](SECRET, one.headers, one.body.replace(b"submitted", b"accepted"))
    clock.advance(301)
    assert not known["is_genuine"](SECRET, one.headers, one.body)


def test_a_message_that_was_recorded_is_not_taken_later(
    open_office: Callable[..., Office], clock: FakeClock, hook: Webhook
) -> None:
    office = open_office(webhooks={"crm": of(hook)})
    tell(office)
    submit(office, moodle(PRIYA))
    tell(office)
    (one,) = hook.posted
    later = datetime.fromtimestamp(clock.now().timestamp() + 301, clock.now().tzinfo)
    assert not is_genuine(secret_of(SECRET), one.headers, one.body, later)
