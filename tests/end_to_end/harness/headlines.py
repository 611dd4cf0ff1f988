"""What a round is mainly about: the named moments, and mixed rounds; each makes its steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.end_to_end.harness.moments import Blow, Moment, Spoiling
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
from tests.end_to_end.harness.story import Act, Kind, Thread

EVERYWHERE = (Setting.EMBEDDED, Setting.KAFKA, Setting.SERVER)
ON_KAFKA = (Setting.SERVER, Setting.KAFKA)
ON_SERVER = (Setting.SERVER,)
IN_FILE = (Setting.EMBEDDED, Setting.KAFKA)
SHORT, LONG = (0.2, 0.9), (2.3, 3.0)
"""Freezes and outages in seconds: within the lease and the session, and beyond both."""

_TIMES = {Moment.MID_BATCH: 2, Moment.WRITTEN: 2}
"""How often a moment surely comes to the first process of a round, where that is not thrice."""


class Author:
    """Writes the steps of one round."""

    def __init__(self, drawn: random.Random, setting: Setting, threads: Sequence[Thread]) -> None:
        self.drawn, self.setting, self._threads = drawn, setting, threads
        self.steps: list[Step] = []
        self._left = [len(thread.acts) for thread in threads]
        self._names = iter("abcdefghijklmnop")
        self.running: list[str] = []

    # ------------------------------------------------------------ small things

    def add(self, *steps: Step) -> None:
        """These steps next."""
        self.steps += steps

    def tell(self, share: float = 1.0, *, office: bool = True, only: Kind | None = None) -> None:
        """The next act of some of the threads, or of those of one kind."""
        open_ = [n for n, left in enumerate(self._left) if left and self._may(n, office)]
        if only:
            open_ = [n for n in open_ if self._threads[n].kind is only]
        chosen = sorted(self.drawn.sample(open_, round(share * len(open_))))
        for number in chosen:
            self._left[number] -= 1
        if chosen:
            self.add(Tell(tuple(chosen)))

    def _may(self, number: int, office: bool) -> bool:
        thread = self._threads[number]
        return office or not isinstance(thread.acts[-self._left[number]], Act)

    def pause(self, bounds: tuple[float, float] = (0.1, 0.9)) -> None:
        """A while."""
        self.add(Pause(round(self.drawn.uniform(*bounds), 2)))

    def start(self, spoiling: Spoiling | None = None, pumps: tuple[str, ...] = ()) -> str:
        """Another process; gives its name."""
        name = next(self._names)
        self.add(Start(name, spoiling, pumps))
        self.running.append(name)
        return name

    def strike(self, name: str, hit: Hit) -> None:
        """Something is done to a process."""
        self.add(Strike(name, hit))
        if hit in {Hit.KILL, Hit.STOP}:
            self.running.remove(name)

    def crew(self, count: int = 0) -> None:
        """As many processes as this setting has, or more of them."""
        wanted = count or (2 if self.setting is Setting.SERVER else 1)
        while len(self.running) < wanted:
            self.start()

    def someone(self) -> str:
        """One of the running processes."""
        return self.drawn.choice(self.running)

    # ------------------------------------------------------------ blows from outside

    def any_blow(self) -> None:
        """Something happens to a process, or to what the service leans on."""
        blows: list[Callable[[], None]] = [self.kill, self.kill, self.freeze, self.stop, self.pars]
        self.drawn.choice([*blows, self.weather])()

    def kill(self) -> None:
        """One is killed, another takes its place."""
        self.crew()
        self.pause((0.05, 0.9))
        self.strike(self.someone(), Hit.KILL)
        self.tell(0.4)
        self.crew()

    def stop(self) -> None:
        """One is told to stop."""
        self.crew()
        self.pause()
        self.strike(self.someone(), Hit.STOP)
        self.crew()

    def freeze(self, bounds: tuple[float, float] | None = None) -> None:
        """One freezes, others go on if there are any; it thaws."""
        self.crew()
        self.pause((0.05, 0.9))
        frozen = self.someone()
        self.add(Strike(frozen, Hit.FREEZE))
        self.tell(0.4, office=self.setting is Setting.SERVER)
        self.pause(bounds or self.drawn.choice([SHORT, LONG]))
        self.add(Strike(frozen, Hit.THAW))
        if self.drawn.random() < 0.4:
            self.pause((0.0, 0.3))
            self.strike(frozen, Hit.KILL)

    def away(self, part: Part, bounds: tuple[float, float] = SHORT) -> None:
        """Something goes away for a while."""
        self.crew()
        self.pause()
        self.add(Away(part, hard=self.drawn.random() < 0.6))
        self.pause(bounds)
        self.add(Back(part))

    def pars(self) -> None:
        """PARS goes away."""
        self.away(Part.PARS)

    def weather(self) -> None:
        """PARS loses answers."""
        kind = self.drawn.choice(["cut_after_store", "cut_before", "half", "status", "hang"])
        seconds = round(self.drawn.uniform(0.3, 1.2), 1) if kind == "hang" else None
        on = self.drawn.choice(["save", "save", "any"])
        self.add(Weather(kind, self.drawn.randint(1, 4), seconds, on))
        self.crew()


@dataclass(frozen=True, slots=True)
class Headline:
    """One kind of round."""

    words: str
    settings: tuple[Setting, ...]
    write: Callable[[Author], None]
    needs: tuple[Kind, ...] = ()

    def steps(
        self, drawn: random.Random, setting: Setting, threads: Sequence[Thread]
    ) -> list[Step]:
        """The steps of a round of this kind."""
        author = Author(drawn, setting, threads)
        self.write(author)
        return author.steps


def _killed_at(moment: Moment) -> Callable[[Author], None]:
    def write(author: Author) -> None:
        author.tell(0.8, office=False)
        nth = author.drawn.randint(1, _TIMES.get(moment, 3))
        struck = author.start(Spoiling(moment, Blow.KILL, nth))
        author.add(Struck(struck))
        author.strike(struck, Hit.KILL)
        author.tell(0.7)
        author.crew()
        author.any_blow()

    return write


def _frozen_at(moment: Moment, blow: Blow = Blow.FREEZE) -> Callable[[Author], None]:
    """Frozen at a moment for longer than its lease, while another takes over if it may."""

    def write(author: Author) -> None:
        author.tell(0.8, office=False)
        nth = author.drawn.randint(1, _TIMES.get(moment, 3))
        frozen = author.start(Spoiling(moment, blow, nth))
        author.add(Struck(frozen))
        if author.setting is Setting.SERVER:
            author.crew(2)
            author.pause((0.5, 1.5))
            author.tell(0.7)
        author.pause(author.drawn.choice([SHORT, LONG, LONG]))
        author.add(Strike(frozen, Hit.THAW))
        author.tell(0.5)
        if author.drawn.random() < 0.5:
            author.pause((0.0, 0.4))
            author.strike(frozen, Hit.KILL)
        author.any_blow()

    return write


def _mixed(author: Author) -> None:
    author.tell(0.6, office=False)
    author.crew()
    for _ in range(author.drawn.randint(2, 3)):
        author.any_blow()
        author.tell(0.5)


def _broker(author: Author) -> None:
    author.tell(0.6, office=False)
    author.away(Part.BROKER)
    author.tell(0.5)
    author.kill()


def _database(author: Author) -> None:
    author.tell(0.6, office=False)
    author.away(Part.DATABASE)
    author.tell(0.5)
    author.any_blow()


def _pars_away(author: Author) -> None:
    author.tell(0.6, office=False)
    author.away(Part.PARS, author.drawn.choice([SHORT, LONG]))
    author.weather()
    author.tell(0.5)
    author.kill()


def _outbox(moment: Moment) -> Callable[[Author], None]:
    """Much is to be published when the process comes that dies of it."""

    def write(author: Author) -> None:
        author.tell(1.0, office=False)
        first = author.start(pumps=("intake", "submit", "follow"))
        # What happens to a letter stands in the outbox one behind the other.
        author.add(Settled())
        author.tell(1.0)
        author.add(Tidy(), Settled())
        author.strike(first, author.drawn.choice([Hit.KILL, Hit.STOP]))
        struck = author.start(Spoiling(moment, author.drawn.choice([Blow.KILL, Blow.FREEZE])))
        author.add(Struck(struck))
        if author.setting is Setting.SERVER:
            author.crew(2)
            author.add(Tidy())
            author.pause(SHORT)
        author.strike(struck, Hit.KILL)
        author.tell(0.7)
        author.crew()

    return write


def _withdrawing(moment: Moment) -> Callable[[Author], None]:
    """All is settled; then people take back, and the process is struck that has PARS delete."""

    def write(author: Author) -> None:
        author.tell(1.0, office=False)
        first = author.start()
        author.add(Settled())
        author.strike(first, author.drawn.choice([Hit.KILL, Hit.STOP]))
        author.tell(1.0)
        blow = author.drawn.choice([Blow.KILL, Blow.FREEZE])
        struck = author.start(Spoiling(moment, blow))
        author.add(Struck(struck))
        if author.setting is Setting.SERVER:
            author.crew(2)
            author.pause(LONG)
            author.add(Strike(struck, Hit.THAW))
            author.pause((0.0, 0.4))
        author.strike(struck, Hit.KILL)
        author.crew()
        author.tell(1.0)

    return write


def _rebalance(author: Author) -> None:
    author.tell(0.6, office=False)
    nth = author.drawn.randint(1, 2) if author.setting is Setting.SERVER else 1
    blow = author.drawn.choice([Blow.KILL, Blow.FREEZE])
    struck = author.start(Spoiling(Moment.REBALANCED, blow, nth))
    if author.setting is Setting.SERVER:
        author.crew(2)
    author.add(Struck(struck))
    author.tell(0.5, office=False)
    author.pause(author.drawn.choice([SHORT, LONG]))
    author.add(Strike(struck, Hit.THAW))
    author.pause((0.0, 0.4))
    author.strike(struck, Hit.KILL)
    author.crew()
    author.tell(0.7)


def _replay(author: Author) -> None:
    author.tell(1.0, office=False)
    author.crew()
    author.add(Settled())
    author.tell(1.0)
    author.add(Tidy(Spoiling(Moment.COMMANDED, Blow.KILL, author.drawn.randint(1, 2))))
    author.strike(author.someone(), Hit.KILL)
    author.crew()
    author.pause()


def _backup(author: Author) -> None:
    author.tell(0.5, office=False)
    author.crew()
    author.pause((0.3, 1.2))
    author.add(Backup(Spoiling(Moment.BACKING_UP, Blow.KILL)))
    _put_back(author, None)


def _restore(moment: Moment | None) -> Callable[[Author], None]:
    def write(author: Author) -> None:
        author.tell(0.4, office=False)
        author.crew()
        if author.drawn.random() < 0.5:
            author.add(Settled())
        else:
            author.pause((0.2, 1.2))
        author.add(Backup())
        _put_back(author, moment)

    return write


def _put_back(author: Author, moment: Moment | None) -> None:
    author.tell(0.6)
    if author.drawn.random() < 0.5:
        author.add(Settled())
        author.tell(0.6)
    author.pause((0.2, 1.0))
    for name in [*author.running]:
        author.strike(name, author.drawn.choice([Hit.KILL, Hit.STOP]))
    author.add(Restore(Spoiling(moment, Blow.KILL) if moment else None))
    author.tell(0.5, office=False)
    author.crew()
    author.pause()
    if author.drawn.random() < 0.5:
        author.kill()


def _late_post(kind: Kind, blow: Blow) -> Callable[[Author], None]:
    """Frozen before a post; the credit is withdrawn, perhaps sent again; then the post goes out.

    The thaw comes when PARS has been asked twice, and before `overtaken_seconds` are over.
    """

    def write(author: Author) -> None:
        author.tell(only=kind)
        late = author.start(Spoiling(Moment.BEFORE_POST, blow))
        author.add(Struck(late))
        author.start()
        author.pause((0.2, 0.4))
        author.tell(only=kind)
        author.pause((2.6, 2.9))
        if kind is Kind.AGAIN:
            author.tell(only=kind)
            author.pause((0.3, 0.5))
            author.add(Tidy())
        author.add(Strike(late, Hit.THAW))
        author.pause((0.8, 1.2))
        author.strike(late, Hit.KILL)
        author.tell()
        author.crew()

    return write


_TAKEN_BACK = (Kind.WITHDRAWN, Kind.AGAIN)
_MISTAKEN = (Kind.MISBORN, Kind.MISBORN)

HEADLINES = [
    Headline("kills, freezes and outages", EVERYWHERE, _mixed),
    *(
        Headline(f"killed: {moment}", EVERYWHERE, _killed_at(moment))
        for moment in (
            Moment.MID_BATCH,
            Moment.WRITTEN,
            Moment.BEFORE_POST,
            Moment.REQUEST_SENT,
            Moment.ANSWERED,
        )
    ),
    *(
        Headline(f"frozen: {moment}", (Setting.SERVER, *EVERYWHERE), _frozen_at(moment))
        for moment in (Moment.WRITTEN, Moment.BEFORE_POST, Moment.REQUEST_SENT, Moment.ANSWERED)
    ),
    *(
        Headline(f"struck: {moment}", EVERYWHERE, _outbox(moment), _MISTAKEN)
        for moment in (Moment.HALF_PUBLISHED, Moment.PUBLISHED)
    ),
    *(
        Headline(f"struck: {moment}", EVERYWHERE, _withdrawing(moment), _TAKEN_BACK)
        for moment in (Moment.BEFORE_DELETE, Moment.DELETED)
    ),
    Headline(f"struck: {Moment.REBALANCED}", ON_KAFKA, _rebalance),
    Headline("a replay killed half-way", EVERYWHERE, _replay, _MISTAKEN),
    Headline("the broker goes away", ON_KAFKA, _broker),
    Headline("the database goes away", ON_SERVER, _database),
    Headline("PARS goes away", EVERYWHERE, _pars_away),
    Headline("restored from a backup", EVERYWHERE, _restore(None)),
    Headline("a backup killed half-way, another put back", IN_FILE, _backup),
    *(
        Headline(f"killed: {moment}", IN_FILE, _restore(moment), (Kind.WITHDRAWN,))
        for moment in (Moment.RESTORE_READY, Moment.RESTORE_BETWEEN, Moment.RESTORE_DONE)
    ),
]

LATE = [
    Headline(f"posts late, and {what}: {kind}", ON_SERVER, _late_post(kind, blow), (kind,))
    for kind in (Kind.WITHDRAWN, Kind.AGAIN)
    for what, blow in (("dies of it", Blow.FREEZE_THEN_DIE), ("lives", Blow.FREEZE))
]
HEADLINES += LATE
