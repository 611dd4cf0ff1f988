"""Plays rounds, side by side if wanted, until there are enough or the time is up."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.harness.plan import Plan, draw
from tests.end_to_end.harness.play import Play
from tests.end_to_end.harness.tally import Round, Tally
from tests.end_to_end.harness.verdict import Verdict
from tests.end_to_end.harness.world import World


@dataclass(frozen=True, slots=True)
class Order:
    """How many rounds of which seed, from which on; `seconds` stops the starting of new ones."""

    rounds: int
    seed: str
    first: int = 0
    jobs: int = 1
    seconds: float = float("inf")
    keep: bool = False


def run(order: Order, folder: Path, tell: Callable[[str], None]) -> Tally:
    """Play them; `tell` hears a line for each."""
    tally, numbers = Tally(order.seed), itertools.count(order.first)
    until, lock = time.monotonic() + order.seconds, threading.Lock()

    def lane(number: int) -> None:
        with World(folder / f"lane-{number}", folder / "cache") as world:
            while time.monotonic() < until:
                with lock:
                    drawn = next(numbers)
                if drawn >= order.first + order.rounds:
                    return
                done = play(world, draw(order.seed, drawn), keep=order.keep)
                with lock:
                    tally.rounds.append(done)
                    tell(str(done))

    with ThreadPoolExecutor(order.jobs) as pool:
        for one in [pool.submit(lane, number) for number in range(order.jobs)]:
            one.result()
    return tally


def play(world: World, plan: Plan, *, keep: bool = False) -> Round:
    """One round; whatever the harness itself stumbles over is a finding too."""
    started, folder = time.monotonic(), world.folder / f"round-{plan.number}"
    verdict, counts, published, played = Verdict(), Counter[str](), 0, None
    try:
        played = Play(world, plan, folder)
        verdict = played.play()
        counts, published = played.counts, played.published
    except Exception:  # noqa: BLE001  its fate: the round has failed, and says why
        verdict.add("ended_badly", traceback.format_exc())
    done = Round(plan, verdict, counts, published, time.monotonic() - started)
    if played and done.good and not keep:
        played.place.give_back()
    return done
