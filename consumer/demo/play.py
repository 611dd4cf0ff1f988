"""Plays the demo: the real service on the embedded bus, against the simulator, in one process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from consumer.bus.connect import Bus
from consumer.clock import Clock
from consumer.credit import State
from consumer.demo.scenario import PROVIDER_ID, PROVIDER_NAME, Author, Scenario
from consumer.desk.credits import CreditFilter, list_credits
from consumer.desk.deadletters import LetterFilter, list_letters, replay_letter
from consumer.keys import load_keys
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.ledger.schema import completions, credits_, events, letters
from consumer.pars.simulator.operations import Manners
from consumer.pars.simulator.server import running
from consumer.pars.simulator.web import STEM, Provider, Simulator
from consumer.parts import gather
from consumer.service import Service
from consumer.settings import Settings, load_settings

_UNSETTLED = [State.READY, State.SUBMITTING, State.SUBMITTED, State.WITHDRAWING]
OUTAGE_SECONDS = 4

Tell = Callable[[str, int, int], None]
"""Told what is going on, how many events have come to rest, and how many there are."""


class DemoFailed(Exception):
    """The demo did not come to its end in time."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo plays on."""

    settings: Settings
    ledger: Ledger
    service: Service
    clock: Clock
    url: str = ""

    def counts(self) -> Counter[str]:
        """Credits by state, and completions that are none by theirs."""
        with self.ledger.read() as db:
            rows = [
                *db.execute(select(credits_.c.state, func.count()).group_by(credits_.c.state)),
                *db.execute(
                    select(completions.c.state, func.count()).group_by(completions.c.state)
                ),
            ]
        return Counter(dict(map(tuple, rows)))

    def fates(self) -> Counter[str]:
        """Messages by what was made of them when they were heard."""
        with self.ledger.read() as db:
            rows = db.execute(select(events.c.fate, func.count()).group_by(events.c.fate))
            return Counter(dict(map(tuple, rows)))

    def letters(self) -> int:
        """How many dead letters were ever written."""
        with self.ledger.read() as db:
            return db.scalar(select(func.count()).select_from(letters)) or 0


def play(folder: Path, clock: Clock, tell: Tell) -> dict[str, Any]:
    """The whole story in `folder`; gives the summary. Raises DemoFailed."""
    story = Author(clock.now()).write()
    story.write_tables(folder / "tables")
    with _stage(folder, story, clock) as stage:
        _publish(stage, story, tell)
        _wait_for_rest(stage, story, tell)
        _mend(stage, story, tell)
        return _summary(stage, story)


@contextmanager
def _stage(folder: Path, story: Scenario, clock: Clock) -> Iterator[Stage]:
    simulator = Simulator(
        [Provider(PROVIDER_ID, "demo", "demo")],
        schemas_dir=Settings.model_fields["schemas_dir"].default,
        clock=clock,
        roster=[physician.diplomate for physician in story.physicians],
        activities=story.activities(),
        manners=Manners(board_delay_seconds=1.0),
    )
    with running(simulator) as url:
        settings = _settings(folder, url)
        keys, _ = load_keys(settings.keys_path, ledger_exists=False)
        ledger = open_ledger(settings.ledger_path, keys.seal, keys.identity)
        service = Service(gather(settings, clock), ledger)
        thread = threading.Thread(target=service.run, name="demo-service")
        thread.start()
        try:
            yield Stage(settings, ledger, service, clock, url)
        finally:
            service.stop.set()
            thread.join()
            ledger.close()


def _settings(folder: Path, url: str) -> Settings:
    """A day's waits in seconds; everything else as in production."""
    return load_settings(
        None,
        data_dir=folder / "data",
        tables_dir=folder / "tables",
        bus="embedded",
        profiles={
            "main": {
                "provider_id": PROVIDER_ID,
                "name": PROVIDER_NAME,
                "domain": "example.org",
                "url": url + STEM,
                "user": "demo",
                "password": "demo",
                "requests_per_second": 60,
            }
        },
        sending={
            "workers": 4,
            "connect_timeout_seconds": 2,
            "request_timeout_seconds": 5,
            "lease_seconds": 30,
            "grace_seconds": 1,
            "backoff_first_seconds": 0.5,
            "backoff_longest_seconds": 2,
            "breaker_pause_seconds": 1,
            "idle_seconds": 0.1,
        },
        follow={"first_seconds": 1.5, "every_seconds": 1},
        intake={"batch_size": 50, "poll_timeout_seconds": 0.2, "look_seconds": 0.3},
        outbox={"idle_seconds": 0.2},
    )


def _publish(stage: Stage, story: Scenario, tell: Tell) -> None:
    """Three waves; PARS goes away in the middle, and loses a few answers on the way."""
    publisher = Bus(stage.settings).publisher()
    third = len(story.events) // 3
    total = len(story.events)
    try:
        publisher.publish(story.events[:third])
        _until(stage, lambda: stage.counts()[State.SUBMITTED] >= 5, tell, total, "Reporting")
        _weather(stage, [{"kind": "cut_after_store"}, {"kind": "garbage"}] * 2)
        publisher.publish(story.events[third : 2 * third])
        _weather(stage, [{"kind": "down", "seconds": OUTAGE_SECONDS}])
        publisher.publish(story.events[2 * third :])
    finally:
        publisher.close()


def _weather(stage: Stage, faults: list[dict[str, Any]]) -> None:
    httpx.put(f"{stage.url}/_faults", json={"faults": faults}, trust_env=False).raise_for_status()


def _wait_for_rest(stage: Stage, story: Scenario, tell: Tell) -> None:
    total = len(story.events)
    _until(stage, lambda: stage.fates().total() >= total, tell, total, "PARS is away; hearing on")
    _until(stage, lambda: not _unsettled(stage), tell, total, "Following to the board")


def _unsettled(stage: Stage) -> int:
    counts = stage.counts()
    return sum(counts[state] for state in _UNSETTLED)


def _mend(stage: Stage, story: Scenario, tell: Tell) -> None:
    """The office adds one board ID, and corrects one birth date and replays its dead letter."""
    total, before = len(story.events), stage.counts()[State.ACCEPTED]
    letter = _letter_of(stage, story.misborn[0])
    story.mend(story.waiting[0], board_id_known=True)
    story.mend(story.misborn[0], birth_date_known=story.misborn[1])
    story.write_tables(stage.settings.tables_dir)
    _until(stage, lambda: _accepted(stage) > before, tell, total, "A board ID was added")
    why = "birth date corrected"
    clock, house = stage.clock, stage.service.premises.house
    replay_letter(stage.ledger, house, letter, "demo", why, clock)
    _until(stage, lambda: _accepted(stage) > before + 1, tell, total, "A dead letter was replayed")
    story.credits |= _mended(story)


def _mended(story: Scenario) -> set[tuple[str, str]]:
    numbers = {story.waiting[0], story.misborn[0]}
    return {
        (p.board_id, story.course_of[p.number])
        for p in story.physicians
        if str(p.number) in numbers
    }


def _accepted(stage: Stage) -> int:
    return stage.counts()[State.ACCEPTED]


def _letter_of(stage: Stage, learner: str) -> str:
    (credit,) = list_credits(stage.ledger, CreditFilter(learner=learner))
    for letter in list_letters(stage.ledger, LetterFilter(reason="identity_mismatch")):
        if letter["credit_id"] == credit["id"]:
            return str(letter["letter_id"])
    raise DemoFailed("the misborn learner's dead letter is not there")


def _until(
    stage: Stage, done: Callable[[], bool], tell: Tell, total: int, what: str, seconds: float = 60
) -> None:
    """Wait for `done`, telling how far it is. Raises DemoFailed."""
    deadline = stage.clock.monotonic() + seconds
    while not done():
        if stage.service.stop.is_set() or stage.clock.monotonic() > deadline:
            raise DemoFailed(f"not reached: {what}")
        heard = stage.fates().total()
        tell(what, max(0, heard - _unsettled(stage)), total)
        stage.clock.wait(threading.Event(), 0.1)
    tell(what, stage.fates().total() - _unsettled(stage), total)


def _summary(stage: Stage, story: Scenario) -> dict[str, Any]:
    """What we say, held against what PARS's books say."""
    counts, fates = stage.counts(), stage.fates()
    records = httpx.get(f"{stage.url}/_books", trust_env=False).json()["records"]
    live = [(r["board_id"], r["activity"]) for r in records if r["state"] != "deleted"]
    unheard = len(story.events) - fates.total()
    return {
        "published": len(story.events),
        "accepted": counts["accepted"],
        "board_rejected": counts["rejected"],
        "dead_lettered": stage.letters(),
        "open_dead_letters": len(list_letters(stage.ledger, LetterFilter(limit=10_000))),
        "held": counts["held"],
        "not_reportable": counts["not_reportable"],
        "duplicates": fates["duplicate"] + fates["repeat"],
        "lost": len(story.credits - {*live}) + unheard,
        "credited_twice": sum(count - 1 for count in Counter(live).values()),
        "not_expected": len({*live} - story.credits),
        "outage_seconds": OUTAGE_SECONDS,
    }
