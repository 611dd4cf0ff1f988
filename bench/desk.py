"""How quickly the desk finds people and lists work among 100,000 credits: one line of JSON.

python -m bench.desk [completions] [--keep FOLDER]

With --keep the office stays in that folder, and is measured again as it is the next time: its
ledger.db, keys.toml and tables can be looked at with the commands and the console too.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Integer, delete, func, select, type_coerce, update

from bench.intake import COURSES, drain, open_pump, people, settings
from consumer.bus.connect import Bus
from consumer.bus.port import Outgoing
from consumer.clock import SystemClock
from consumer.credit import State
from consumer.desk.asklist import ask_list
from consumer.desk.looking import Desk
from consumer.desk.overview import overview
from consumer.desk.people import Find, Found, find_people
from consumer.desk.person import show_person
from consumer.desk.worklists import LISTS, Wanted, groups, work_list
from consumer.keys import load_keys
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.ledger.letterbook import LetterBook
from consumer.ledger.schema import (
    attempts,
    completion_credits,
    completions,
    credits_,
    events,
    surges,
)
from consumer.reason import Reason, Stage, pack_reasons
from consumer.tables import load_tables
from consumer.telemetry.log import configure_logging
from tests.integration.people import CANVAS, MOODLE, Physician, canvas, course, moodle, raw

LIMIT_MS = 50
_STATES = (
    *[State.ACCEPTED] * 60, *[State.SUBMITTED] * 8, *[State.READY] * 25, *[State.REJECTED] * 3,
    *[State.ATTENTION] * 2, *[State.REPORTED, State.WITHDRAWN],
)  # fmt: skip
_WHY = {
    State.REJECTED: Reason(Stage.BOARD, "board_identity"),
    State.ATTENTION: Reason(Stage.PARS, "activity_not_registered"),
}


def row(number: int, who: Physician) -> dict[str, str]:
    """Of a hundred learners four have no board ID, one no consent, one a wrong birth date."""
    wrong: dict[int, dict[str, str]] = {some: {"board_id": ""} for some in range(4)}
    wrong |= {4: {"consent": "no"}, 5: {"birth_date": "?"}}
    return who.row(**wrong.get(number % 100, {}))


def write_tables(folder: Path, learners: int) -> None:
    """As many again were never heard of; one course in ten is missing from the table."""
    sites = (MOODLE, CANVAS)
    courses = [
        course(sites[n % 2], str(100 + n), activity=f"A{n}", pars_activity_id=f"2026{n:05d}")
        for n in range(COURSES - 1)
    ]
    everybody = [row(n, who) for n, who in enumerate(people(2 * learners))]
    for name, rows in (("learners.csv", everybody), ("activities.csv", courses)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def said_by_all(topic: str, learners: int) -> Iterator[Outgoing]:
    """Everybody's completions of every course, some of what nobody can read, over two months."""
    now = datetime.now(UTC)
    for number in range(COURSES):
        at = now - timedelta(days=1 + 6 * number)
        for place, who in enumerate(people(learners)):
            make = canvas if number % 2 else moodle
            # A course without a row in the table is one that only some have taken.
            if number < COURSES - 1 or place % 20 == 0:
                yield replace(make(who, str(100 + number), at), topic=topic)
            if place % 500 == 0:
                yield replace(raw(b"%d of no form" % place), topic=topic)


def make(folder: Path, count: int) -> Ledger:
    """An office with so many completions, and credits in every state."""
    learners = max(1, count // COURSES)
    write_tables(folder, learners)
    args = argparse.Namespace(batch=None, kafka=None)
    config = settings(folder, args)
    bus, topic = Bus(config), config.intake.topics[0]
    said = said_by_all(topic, learners)
    total = 0
    with closing(bus.publisher()) as publisher:
        while some := list(islice(said, 1000)):
            publisher.publish(some)
            total += len(some)
    ledger = opened(folder)
    drain(open_pump(config, bus, ledger), total)
    with ledger.begin() as db:
        db.execute(delete(surges))  # so many are wrong on purpose
    _decide(ledger)
    return ledger


def opened(folder: Path) -> Ledger:
    """The ledger of that folder, with its keys."""
    keys, _ = load_keys(folder / "keys.toml", ledger_exists=(folder / "ledger.db").exists())
    return open_ledger(folder / "ledger.db", keys.seal, keys.identity)


def _decide(ledger: Ledger) -> None:
    """As if PARS and the board had been asked for two months."""
    now = datetime.now(UTC)
    with ledger.begin() as db:
        days = events.c.offset % 60 * 86_400_000
        db.execute(update(events).values(heard_at=type_coerce(events.c.heard_at, Integer) - days))
        rows = db.execute(select(credits_.c.id).order_by(credits_.c.id)).scalars().all()
        states: dict[State, list[int]] = {}
        for number in rows:
            states.setdefault(_STATES[number * 37 % 100], []).append(number)
        for state, numbers in states.items():
            why = _WHY.get(state)
            values: dict[str, Any] = {"state": state.value}
            values |= {"reasons": pack_reasons((why,))} if why else {}
            for first in range(0, len(numbers), 5000):
                some = numbers[first : first + 5000]
                db.execute(update(credits_).where(credits_.c.id.in_(some)).values(values))
                if state is not State.READY:
                    _tried(db, ledger, some, now)
            if why:
                _ask(db, ledger, numbers, why, now)


def _tried(db: Any, ledger: Ledger, numbers: list[int], now: datetime) -> None:
    heard = select(credits_.c.id, completions.c.heard_at).join_from(
        credits_, completion_credits, completion_credits.c.credit_id == credits_.c.id
    ).join(completions, completions.c.id == completion_credits.c.completion_id)  # fmt: skip
    told = []
    for number, _ in db.execute(heard.where(credits_.c.id.in_(numbers))):
        at = now - timedelta(days=number % 60)
        name = ledger.identity.credit_id(f"bench {number}", "lakeside.example", 1)
        own = {"credit_row": number, "credit_id": name, "fence": 1, "at": at}
        told += [own | {"action": "add", "outcome": "done"}]
        told += [own | {"action": "ask", "outcome": "found_pending"}] * 2
        values = {"credit_id": name, "submitted_at": at, "decided_at": at}
        db.execute(update(credits_).where(credits_.c.id == number).values(values))
    db.execute(attempts.insert(), told)


def _ask(db: Any, ledger: Ledger, numbers: list[int], why: Reason, now: datetime) -> None:
    book = LetterBook(db, ledger, now)
    for number in numbers:
        row = db.execute(select(credits_).where(credits_.c.id == number)).one()
        book.refuse_credit(row, (why,))


# ------------------------------------------------------------ the measures


def measures(desk: Desk, someone: Physician) -> dict[str, Callable[[], object]]:
    """What a coordinator does, by name."""

    def find(**wanted: Any) -> Found:
        return find_people(desk, Find(**wanted))

    key = find(text=someone.board_id).people[0].key
    return {
        "find by name": lambda: find(text=f"{someone.given_name} {someone.family_name}"),
        "find by half a name": lambda: find(text=someone.family_name[:3]),
        "find by board ID": lambda: find(text=someone.board_id),
        "find by e-mail": lambda: find(text=f"learner{someone.number}@lakeside.example"),
        "find by activity": lambda: find(text="A3"),
        "find by standing": lambda: find(text="needs attention"),
        "find anyone": lambda: find(),
        "find no one": lambda: find(text="nobody of that name"),
        "one person": lambda: show_person(desk, key),
        "overview": lambda: overview(desk),
        **{f"list: {name}": partial(work_list, desk, Wanted(name)) for name in LISTS},
        "groups: attention": lambda: groups(desk, "attention"),
        "groups: waiting": lambda: groups(desk, "waiting"),
    }


def milliseconds(work: Callable[[], object]) -> float:
    """Of the processor, SQLite's with it: the median of seven times, after a first one."""
    work()
    took = []
    for _ in range(7):
        start = time.process_time()
        work()
        took.append(1000 * (time.process_time() - start))
    return round(statistics.median(took), 1)


def measure(folder: Path, count: int) -> dict[str, Any]:
    """Make the office unless it is there, and look at everything."""
    known = (folder / "ledger.db").exists()
    with closing(opened(folder) if known else make(folder, count)) as ledger:
        tables = load_tables(folder, ["main"])
        start = time.perf_counter()
        desk = Desk(ledger, tables, SystemClock())
        someone = next(islice(people(300), 250, None))
        _ = desk.roster
        roster = round(time.perf_counter() - start, 1)
        with ledger.read() as db:
            sizes = {
                name: db.scalar(select(func.count()).select_from(table))
                for name, table in (("completions", completions), ("credits", credits_))
            }
        took = {name: milliseconds(work) for name, work in measures(desk, someone).items()}
        start = time.perf_counter()
        lines = len(ask_list(desk).lines)
        asked = round(time.perf_counter() - start, 1)
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        **sizes,
        "learners": len(tables.learners),
        "roster_seconds": roster,
        "ask_list_lines": lines,
        "ask_list_seconds": asked,
        "ms": took,
        "above_limit": [name for name, ms in took.items() if ms > LIMIT_MS],
    }


def main() -> int:
    """Tell what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk")
    parser.add_argument("completions", nargs="?", type=int, default=110_000)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder: Path = args.keep or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        configure_logging("CRITICAL", as_json=True)
        figures = measure(folder, args.completions)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if figures["above_limit"] else 0


if __name__ == "__main__":
    sys.exit(main())
