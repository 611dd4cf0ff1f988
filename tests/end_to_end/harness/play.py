"""Plays a plan step by step, lets everything heal, and takes the verdict."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from consumer.bus.port import BusUnavailable, Outgoing
from tests.end_to_end.harness.crew import PAUSE, Crew, Place
from tests.end_to_end.harness.desk import Desk
from tests.end_to_end.harness.nursery import ended
from tests.end_to_end.harness.plan import Plan
from tests.end_to_end.harness.steps import (
    Away,
    Back,
    Backup,
    Hit,
    Part,
    Pause,
    Restore,
    Setting,
    Settled,
    Start,
    Step,
    Strike,
    Struck,
    Tell,
    Tidy,
    Weather,
)
from tests.end_to_end.harness.story import Act, Thread, mended
from tests.end_to_end.harness.verdict import Verdict, judge_books, judge_letters, judge_topic
from tests.end_to_end.harness.world import World
from tests.end_to_end.patience import LOOK_SECONDS

HEAL_SECONDS = 80.0
TIDIES = 8
_SIGNALS = {
    Hit.KILL: signal.SIGKILL,
    Hit.FREEZE: signal.SIGSTOP,
    Hit.THAW: signal.SIGCONT,
    Hit.STOP: signal.SIGTERM,
}
STOP_SECONDS = 8.0


class Play:
    """One round on one world."""

    def __init__(self, world: World, plan: Plan, folder: Path) -> None:
        self._world, self.plan = world, plan
        world.pars.know(plan.scenario)
        self.place = Place(world, folder, plan.setting)
        self._write_tables()
        self._desk = Desk(self.place, plan.threads)
        self._crew = Crew(self.place)
        self._restored = False
        self._away: set[Part] = set()
        self._final: list[str] = []
        self.published = 0
        self.counts: Counter[str] = Counter()
        self.verdict = Verdict()

    def play(self) -> Verdict:
        """Step by step, then the healing, then the verdict."""
        with self._crew:
            for step in self.plan.steps:
                self._do(step)
            self._heal()
        threads = self.plan.threads
        people = {thread.learner.board_id for thread in threads}
        judge_books(self.verdict, threads, self._world.pars.records(people))
        judge_letters(self.verdict, threads, self._desk.letters(), restored=self._restored)
        judge_topic(self.verdict, self.place, restored=self._restored)
        return self.verdict

    # ------------------------------------------------------------ steps

    def _do(self, step: Step) -> None:
        """What a step says: to the story and its people, or to processes and parts."""
        match step:
            case Tell(numbers):
                self._tell([self.plan.threads[number] for number in numbers])
            case Tidy(spoiling):
                self._desk.tidy(spoiling, restored=self._restored)
            case Pause(seconds):
                PAUSE.wait(seconds)
            case Settled(seconds):
                self._waited(seconds, lambda: self.place.sent(self.published))
            case Start() | Struck() | Strike():
                self._do_to_process(step)
            case _:
                self._do_to_part(step)

    def _do_to_process(self, step: Start | Struck | Strike) -> None:
        match step:
            case Start(name, spoiling, pumps):
                self._crew.start(name, spoiling, pumps)
            case Struck(name, seconds):
                self._struck(name, seconds)
            case Strike(name, hit):
                self._strike(name, hit)

    def _do_to_part(self, step: Away | Back | Weather | Backup | Restore) -> None:
        match step:
            case Away(part, hard):
                self._go(part, hard=hard)
            case Back(part):
                self._come(part)
            case Weather(kind, times, seconds, on):
                rule = {"kind": kind, "times": times, "on": on}
                self._world.pars.weather(**rule, **({"seconds": seconds} if seconds else {}))
            case Backup(spoiling):
                self._back_up(spoiling)
            case Restore(spoiling):
                self._put_back(spoiling)

    def _tell(self, threads: list[Thread]) -> None:
        """Do the next act of each; what cannot be done yet is done later."""
        said = {
            n: t.acts[0] for n, t in enumerate(threads) if t.acts and isinstance(t.acts[0], list)
        }
        others = [t for n, t in enumerate(threads) if t.acts and n not in said]
        if said and self._published([event for act in said.values() for event in act]):
            for number in said:
                threads[number].acts.pop(0)
        for thread in others:
            self._act(thread)

    def _published(self, said: list[Outgoing]) -> bool:
        try:
            self.place.publish(said)
        except BusUnavailable:
            return False  # a frozen process holds the log's lock: an LMS would try again, too
        self.published += len(said)
        return True

    def _act(self, thread: Thread) -> None:
        if thread.acts[0] is Act.MEND:
            mended(self.plan.scenario, thread)
            self._write_tables()
            thread.acts.pop(0)
        elif self._desk.withdraw(thread):
            thread.acts.pop(0)

    def _write_tables(self) -> None:
        self.plan.scenario.write_tables(self.place.tables)

    def _struck(self, name: str, seconds: float) -> None:
        if self._waited(seconds, lambda: self._crew.struck(name)):
            kind = "freezes" if name in self._crew.frozen else "kills"
            self.counts[kind] += 1
            self.counts["moments"] += 1
        else:
            self.counts["moments_missed"] += 1

    def _strike(self, name: str, hit: Hit) -> None:
        if self._crew.of(name).ended:
            return
        self.counts[{Hit.KILL: "kills", Hit.FREEZE: "freezes"}.get(hit, "")] += 1
        self._crew.send(name, _SIGNALS[hit])
        if hit is Hit.STOP:
            self._crew.send(name, signal.SIGCONT)
            self._stopped(name)
        if hit is Hit.KILL:
            ended(self._crew.of(name), STOP_SECONDS)

    def _stopped(self, name: str) -> None:
        running = self._crew.of(name)
        if not self._waited(STOP_SECONDS + 2, lambda: running.ended):
            said = running.said[-900:]
            self.verdict.add("ended_badly", f"{name} still runs after SIGTERM: {said}")
            self._crew.send(name, signal.SIGKILL)

    def _go(self, part: Part, *, hard: bool) -> None:
        self._away.add(part)
        match part:
            case Part.PARS:
                self._world.pars.go()
            case Part.BROKER:
                (self._world.broker.kill if hard else self._world.broker.stop)()
            case Part.DATABASE:
                self._world.postgres.stop()

    def _come(self, part: Part) -> None:
        self._away.discard(part)
        self.counts["restarts"] += 1
        match part:
            case Part.PARS:
                self._world.pars.come()
            case Part.BROKER:
                self._world.broker.start()
            case Part.DATABASE:
                self._world.postgres.start()

    def _back_up(self, spoiling: object) -> None:
        if spoiling and self.place.back_up(spoiling) < 0:  # type: ignore[arg-type]
            self.counts["kills"] += 1
        self._waited(HEAL_SECONDS, lambda: self.place.back_up() == 0)

    def _put_back(self, spoiling: object) -> None:
        self._restored = True
        if spoiling and self.place.put_back(spoiling) < 0:  # type: ignore[arg-type]
            self.counts["kills"] += 1
        if not self._waited(HEAL_SECONDS, lambda: self.place.put_back() == 0):
            self.verdict.add("ended_badly", "the backup could not be put back")

    # ------------------------------------------------------------ healing

    def _heal(self) -> None:
        """All faults cleared, all processes restarted as usual, the story told to its end."""
        for part in [*self._away]:
            self._come(part)
        self._world.pars.weather()
        for name in self._crew.alive:
            self._crew.send(name, signal.SIGCONT)
        for name in self._crew.alive:
            self._strike(name, Hit.STOP)
        final = [f"final-{n}" for n in range(2 if self.plan.setting is Setting.SERVER else 1)]
        for name in final:
            self._crew.start(name, None, ())
        self._final = final
        self._finish()
        for name in final:
            self._crew.send(name, signal.SIGTERM)
        for name in final:
            self._stopped(name)
            if code := self._crew.of(name).exit_code:
                said = self._crew.of(name).said[-900:]
                self.verdict.add("ended_badly", f"{name} ended with {code}: {said}")

    def _finish(self) -> None:
        for _ in range(TIDIES):
            if not self._rest():
                return
            if any(thread.acts for thread in self.plan.threads):
                self._tell([thread for thread in self.plan.threads if thread.acts])
            elif not self._desk.tidy(restored=self._restored):
                return
        self.verdict.add("not_at_rest", "people are asked for ever")

    def _rest(self) -> bool:
        events = self.place.on_bus()
        if self._waited(HEAL_SECONDS, lambda: self._rests(events) or self._dead()):
            return True
        told = self.place.ledger("SELECT state, count(*) FROM credits GROUP BY state")
        heard = self.place.count("events")
        self.verdict.add("not_at_rest", f"{heard} of {events} events heard; credits: {told}")
        return False

    def _rests(self, events: int) -> bool:
        if not self.place.rests(events):
            return False
        # What a table has just been mended for is not judged again yet: it rests only as it seems.
        more = any(thread.acts for thread in self.plan.threads)
        return more or not self.place.count("completions WHERE state = 'held'")

    def _dead(self) -> bool:
        return all(self._crew.of(name).ended for name in self._final)

    def _waited(self, seconds: float, found: Callable[[], bool]) -> bool:
        """Whether something became true in time."""
        until = time.monotonic() + seconds
        while not found():
            if time.monotonic() > until:
                return False
            PAUSE.wait(LOOK_SECONDS)
        return True
