"""Processor time by stage, by each thread's own CPU clock: waiting costs nothing here."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from consumer.ledger.ledger import Ledger


class _Thread:
    """One thread's stages; what an inner stage takes is not counted for the outer one."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._stages: list[str] = []
        self._since = 0.0

    def enter(self, stage: str) -> None:
        self._count()
        self._stages.append(stage)

    def leave(self) -> None:
        self._count()
        self._stages.pop()

    def _count(self) -> None:
        now = time.thread_time()
        if self._stages:
            self.spent[self._stages[-1]] += now - self._since
        self._since = now


class Clocks:
    """A process's stages, all threads together; `rest` is what stands in none."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._threads: list[_Thread] = []
        self._began = 0.0

    def start(self) -> None:
        """What the process took so far does not count."""
        self._began = time.process_time()

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Count what `owner` does under this name, for every thread."""
        work: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            mine = self._mine()
            mine.enter(stage)
            try:
                return work(*args, **options)
            finally:
                mine.leave()

        setattr(owner, name, counted)

    def around_sql(self, ledger: Ledger) -> None:
        """Count what the database's driver does, commits too."""
        self.around(ledger.engine.dialect, "do_commit", "sql")
        event.listen(ledger.engine, "before_cursor_execute", lambda *_: self._mine().enter("sql"))
        event.listen(ledger.engine, "after_cursor_execute", lambda *_: self._mine().leave())

    def spent(self) -> dict[str, float]:
        """Seconds by stage."""
        total: Counter[str] = Counter()
        for thread in self._threads:
            total.update(thread.spent)
        rest = time.process_time() - self._began - total.total()
        return dict(total) | {"rest": rest}

    def _mine(self) -> _Thread:
        mine: _Thread | None = getattr(self._local, "mine", None)
        if mine is None:
            mine = self._local.mine = _Thread()
            self._threads.append(mine)
        return mine
