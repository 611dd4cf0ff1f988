"""Where processes are born with the program already loaded: reading it takes longer than a round.

`python -m tests.end_to_end.harness.nursery` imports what `moc-consumer` is made of, and then forks
for every line it is told. A child is a process like any other, to be killed, frozen and thawed; it
runs the command's own `main`, from a program that was read once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kafka.broker import _die_with_parent

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A process that is wanted: the command's words, and how it is spoilt, if at all."""

    words: Sequence[str]
    spoiling: str
    folder: Path
    env: Mapping[str, str]
    log: Path


class Born:
    """A process under way; what it says goes to a file."""

    def __init__(self, nursery: Nursery, pid: int, log: Path) -> None:
        self._nursery, self.pid, self._log = nursery, pid, log
        self._code: int | None = None

    @property
    def said(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.exit_code is not None

    @property
    def exit_code(self) -> int | None:
        """Its exit code; negative: the signal's number; None while it runs."""
        if self._code is None:
            self._code = self._nursery.code_of(self.pid)
        return self._code

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        if not self.ended:
            os.kill(self.pid, number)


class Nursery:
    """The parent of a lane's processes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )

    def bear(self, wanted: Wanted) -> Born:
        """A new process."""
        asked = {
            "words": [*wanted.words],
            "spoiling": wanted.spoiling,
            "folder": str(wanted.folder),
            "env": dict(wanted.env),
            "log": str(wanted.log),
        }
        return Born(self, int(self._ask(asked)["pid"]), wanted.log)

    def code_of(self, pid: int) -> int | None:
        """The exit code of a child, None while it runs."""
        code: int | None = self._ask({"wait": pid})["code"]
        return code

    def close(self) -> None:
        """End it, and with it whatever it bore that still runs."""
        with self._lock:
            self._process.communicate()

    def _ask(self, what: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
            told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


# ------------------------------------------------------------------ the nursery's own process


def serve() -> None:
    """Bear and bury until nobody asks any more."""
    _load()
    assert threading.active_count() == 1
    children: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            told: dict[str, int | None] = {"code": _code(asked["wait"], children)}
        else:
            pid = os.fork()
            if pid == 0:
                _live(asked)
            children.add(pid)
            told = {"pid": pid}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _load() -> None:
    """All that a service and its commands ever import."""

    import tests.end_to_end.harness.spoilt  # noqa: F401


def _code(pid: int, children: set[int]) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found:
        return None
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _live(asked: Mapping[str, Any]) -> None:
    """Be the process that was asked for; never returns."""
    code = 1
    try:
        _die_with_parent()
        _move_in(asked)
        from consumer.cli import main
        from tests.end_to_end.harness.moments import unpacked
        from tests.end_to_end.harness.spoilt import Striker, spoil

        if asked["spoiling"]:
            spoil(Striker(unpacked(asked["spoiling"])))
        main(asked["words"], prog_name="moc-consumer")
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:  # noqa: BLE001  its fate: told in the process's own log, exit code 1
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _move_in(asked: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    os.close(nothing)
    os.close(log)


def ended(born: Born, seconds: float) -> bool:
    """Whether it ends within this time."""
    until = time.monotonic() + seconds
    while not born.ended:
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.02)
    return True


if __name__ == "__main__":
    serve()
