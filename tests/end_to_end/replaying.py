"""Letters by the thousand, sent round by a command that is killed again and again.

    python -m tests.end_to_end.replaying --letters 10000 --kills 10 --seed 1

Every completion breaks a rule of the activities table, the table is mended, and the command
`deadletter replay --all --yes` is killed with `kill -9` at random moments and typed again, while
the service sends. In the end PARS's books must show each learner's credit once: see
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from consumer.demo.scenario import MOODLE, PROVIDER_ID, Physician
from consumer.pars.simulator.activity import Activity
from tests.end_to_end.books import Pars, pars_of
from tests.end_to_end.office import Office, Running, merged
from tests.end_to_end.patience import until
from tests.end_to_end.story import moodle

NUMBER, COURSE = "202600001", 101
LEARNERS = "site,learner,given_name,family_name,email,birth_date,board_id,consent\n"
ACTIVITIES = (
    "site,course,activity,pars_activity_id,title,credit_types,max_points,zone,starts,ends\n"
    f"{MOODLE},{COURSE},HF-UPDATE,{NUMBER},Heart Failure Update,Medical Knowledge,1.5,"
    "America/Chicago,2020-01-01,"
)
BUSY: dict[str, Any] = {
    "intake": {"batch_size": 500, "surge_refusals": 10**6, "surge_small_refusals": 10**6},
    "sending": {"workers": 4, "request_timeout_seconds": 20, "lease_seconds": 90},
    "follow": {"first_seconds": 2, "every_seconds": 3},
    "profiles": {"main": {"requests_per_second": 1000}},
    "log": {"level": "warning"},
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What one play came to; by PARS's books, `credited` once and `twice`, and what is `lost`."""

    letters: int
    kills: int
    seed: int
    killed_at: tuple[int, ...]
    credited: int
    twice: int
    lost: int
    open_letters: int
    most_replays: int
    last_run_per_second: float
    seconds: float


def people(count: int) -> list[Physician]:
    """So many invented physicians, each with a board ID of their own."""
    names = ("Ada", "Abara")
    return [Physician(n, *names, "1970-05-17", f"{n:06d}") for n in range(100_000, 100_000 + count)]


def write_tables(folder: Path, everyone: list[Physician], ends: str) -> None:
    """The office's tables; the activity's period ends on this day."""
    rows = (f",{p.number},{p.given_name},{p.family_name},,{p.birth_date},{p.board_id},yes\n"
            for p in everyone)  # fmt: skip
    for name, text in (("learners", LEARNERS + "".join(rows)), ("activities", ACTIVITIES + ends)):
        draft = folder / f"{name}.new"
        draft.write_text(text + "\n", encoding="utf-8")
        draft.rename(folder / f"{name}.csv")


@contextmanager
def refused(
    folder: Path, everyone: list[Physician], **settings: Any
) -> Iterator[tuple[Office, Pars]]:
    """An office with an open letter about each of them, and the table mended since."""
    now = datetime.now(UTC)
    year = timedelta(days=365)
    abim = {"ABIM": {"Medical Knowledge": Decimal("1.5")}}
    first, last = (now - 3 * year).date(), (now + year).date()
    known = Activity(NUMBER, PROVIDER_ID, "", first, last, abim)
    with pars_of([one.diplomate for one in everyone], [known]) as pars:
        office = Office(folder / "office", folder / "cache", pars.url, **merged(BUSY, settings))
        write_tables(office.tables, everyone, "2021-01-01")
        with office.process("run", "--pump", "intake") as service:
            when = now - timedelta(hours=20)
            office.publish([moodle(one.number, COURSE, when) for one in everyone])
            wanted = len(everyone)
            until(lambda: office.count("letters") == wanted, 60 + wanted / 20, "all refused")
            service.stop()
        write_tables(office.tables, everyone, last.isoformat())
        yield office, pars


def play(letters: int, kills: int, seed: int, folder: Path) -> Figures:
    """Refuse them all, mend, replay under fire, and look into PARS's books."""
    started, chance = time.monotonic(), random.Random(seed)  # noqa: S311
    everyone = people(letters)
    with refused(folder, everyone) as (office, pars), office.service() as service:
        points = sorted((chance.randrange(letters) for _ in range(kills)), reverse=True)
        killed = [_killed(office, letters, left, chance) for left in points]
        began, left = time.monotonic(), _open(office)
        with _replaying(office, letters) as last:
            assert last.code(60 + letters / 10) == 0, last.said
        per_second = (left - _open(office)) / (time.monotonic() - began)
        accepted = "credits WHERE state = 'accepted'"
        until(lambda: office.count(accepted) == letters, 60 + letters / 10, "all accepted")
        service.stop()
        books = pars.credited()
        most = office.ledger("SELECT max(replays) FROM letters")[0][0]
        return Figures(
            letters, kills, seed, tuple(killed), len(books),
            sum(count > 1 for count in books.values()),
            len({one.board_id for one in everyone} - {board_id for board_id, _ in books}),
            _open(office), int(most), round(per_second, 1), round(time.monotonic() - started, 1),
        )  # fmt: skip


def _killed(office: Office, letters: int, left: int, chance: random.Random) -> int:
    """The command, killed soon after no more letters than these are left; how many were left."""
    wait = chance.uniform(0, 0.1)
    with _replaying(office, letters) as command:
        until(lambda: command.ended or _open(office) <= left, 60 + letters / 10, "its moment")
        reached = time.monotonic()
        until(lambda: time.monotonic() >= reached + wait, 1, "a moment more")
    return _open(office)  # leaving the block is kill -9


@contextmanager
def _replaying(office: Office, letters: int) -> Iterator[Running]:
    words = ("deadletter", "replay", "--all", "--limit", str(letters), "--yes", "--why", "mended")
    with office.process(*words) as command:
        yield command


def _open(office: Office) -> int:
    return office.count("letters WHERE status = 'open'")


def main() -> int:
    """Play, and tell the figures as one line of JSON; 1 if a credit is missing or there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="moc-replay-"))
    try:
        figures = play(said.letters, said.kills, said.seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(asdict(figures)), flush=True)  # noqa: T201
    return 1 if figures.twice or figures.lost or figures.open_letters else 0


if __name__ == "__main__":
    sys.exit(main())
