"""Pages of the guide that are run: their commands, in order, in a folder of their own.

In a page, a fenced block does what the remark before it says:

    <!-- file: event.json -->         the block is this file
    <!-- line: a/b.yaml -->           the block's only line takes the place of the line that begins
                                      with the same word
    <!-- runs -->                     the block's command goes on running beside the others
    <!-- until -->                    the block's command is typed again until its output fits

Any other block that begins with `$ ` is typed; what follows each command is its output, in which
times and what is made by chance may differ, and a line `...` stands for any number of lines.

`python -m tests.end_to_end.pages FILE` runs a page and writes today's outputs into it.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_BLOCK = re.compile(r"(?:<!-- (?P<remark>[^>]*?) -->\n)?```\w*\n(?P<body>.*?)```\n", re.DOTALL)
_PORT = "8790"
_PATIENCE_SECONDS = 60.0
_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"ccid:[\w.:-]+"), "<credit>"),
    (re.compile(r"dl-[0-9a-f]+"), "<letter>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<digest>"),
    (re.compile(r" {2,}"), "  "),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, and the output that the page shows."""

    command: str
    shown: str


class Differs(AssertionError):
    """A command does something else than its page says."""


class Page:
    """One page, run in `folder`; what it starts ends with `close`."""

    def __init__(self, text: str, folder: Path) -> None:
        self.text, self._folder, self._running = text, folder, ExitStack()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])

    def run(self, *, write: bool = False) -> str:
        """Do all that the page says; gives its text, with today's outputs if told to write."""
        return _BLOCK.sub(lambda block: self._block(block, write=write), self.text)

    def close(self) -> None:
        """End what goes on running."""
        self._running.close()

    def _block(self, block: re.Match[str], *, write: bool) -> str:
        remark, body = block["remark"] or "", block["body"]
        what, _, name = remark.partition(": ")
        if what == "file":
            self._file(name).write_text(self._here(body), encoding="utf-8")
        elif what == "line":
            self._put_line(self._file(name), body)
        elif body.startswith("$ "):
            said = [self._step(step, remark, write=write) for step in _steps(body)]
            return block[0].replace(body, "".join(said))
        return block[0]

    def _step(self, step: Step, remark: str, *, write: bool) -> str:
        if remark == "runs":
            return self._start(step)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            said = self._type(step.command)
            fits = _fits(step.shown, said)
            if fits or (write and remark != "until"):
                break
            if remark != "until" or time.monotonic() > deadline:
                raise Differs(f"$ {step.command}\nshown:\n{step.shown}\ngot:\n{said}")
        return f"$ {step.command}\n{step.shown if fits else said}"

    def _type(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self._here(command)],
            cwd=self._folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE_SECONDS,
        )
        return done.stdout.decode().replace(self._port, _PORT)

    def _start(self, step: Step) -> str:
        """The process is ready once it has said what the page shows of it."""
        process = subprocess.Popen(
            shlex.split(self._here(step.command)),
            cwd=self._folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.callback(_end, process)
        assert process.stdout
        said = ""
        while not _fits(step.shown, said):
            if not (line := process.stdout.readline()):
                raise Differs(f"$ {step.command}\nshown:\n{step.shown}\ngot:\n{said}")
            said += line.replace(self._port, _PORT)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return f"$ {step.command}\n{step.shown}"

    def _file(self, name: str) -> Path:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _here(self, text: str) -> str:
        return text.replace(_PORT, self._port)

    @staticmethod
    def _put_line(file: Path, line: str) -> None:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        word = line.split()[0]
        places = [n for n, one in enumerate(lines) if one.split()[:1] == [word]]
        assert len(places) == 1, f"{file.name}: {len(places)} lines begin with {word}"
        lines[places[0]] = line
        file.write_text("".join(lines), encoding="utf-8")


def _steps(body: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        count = 1
        while lines[count - 1].endswith("\\\n"):
            count += 1
        yield Step("".join(lines[:count]).rstrip("\n"), "".join(lines[count:]))


def _environment() -> dict[str, str]:
    bin_ = str(Path(sys.executable).parent)
    names = ("HOME", "LANG", "TMPDIR")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"PATH": f"{bin_}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _fits(shown: str, said: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(_masked(line)) + r"\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{_masked(x)}\n" for x in said.splitlines())) is not None


def _masked(line: str) -> str:
    for mask, name in _MASKS:
        line = mask.sub(name, line)
    return line.rstrip()


@contextmanager
def opened(text: str, folder: Path) -> Iterator[Page]:
    """The page, whose processes end with the block."""
    page = Page(text, folder)
    try:
        yield page
    finally:
        page.close()


def main(files: list[str]) -> None:
    """Run these pages, and write today's outputs into them."""
    for name in files:
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        with TemporaryDirectory() as folder, opened(text, Path(folder)) as page:
            file.write_text(page.run(write=True), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
