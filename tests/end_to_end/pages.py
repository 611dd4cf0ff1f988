"""Pages of the guide that are run: their commands, in order, in a folder of their own.

In a page, a fenced block does what the remark before it says:

    <!-- file: event.json -->         the block is this file
    <!-- line: a/b.yaml -->           the block's only line takes the place of the line that begins
                                      with the same word
    <!-- runs -->                     the block's command goes on running beside the others
    <!-- until -->                    the block's command is typed again until its output fits
    <!-- stops: moc-consumer run -->  what goes on running by that command ends before the block

Any other block that begins with `$ ` is typed; what follows each command is its output, in which
times and what is made by chance may differ, and a line `...` stands for any number of lines.

`python -m tests.end_to_end.pages FILE` runs a page and writes today's outputs into it.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kafka.broker import free_ports

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:<!-- (?P<remark>[^>]*?) -->\n)?```\w*\n(?P<body>.*?)```\n", re.DOTALL)
_PORTS = ("8790", "8791", "8793")
"""Of the simulator, of health, of the gateway: in a run each is one that is free."""
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

    def __init__(self, text: str, folder: Path, ports: Mapping[str, int]) -> None:
        self.text, self._folder = text, folder
        self._running: dict[str, subprocess.Popen[str]] = {}
        free = zip(_PORTS, free_ports(len(_PORTS)), strict=True)
        self._ports = [(shown, str(here)) for shown, here in (*free, *ports.items())]

    def run(self, *, write: bool = False) -> str:
        """Do all that the page says; gives its text, with today's outputs if told to write."""
        return _BLOCK.sub(lambda block: self._block(block, write=write), self.text)

    def close(self) -> None:
        """End what goes on running, the last first."""
        while self._running:
            _end(self._running.popitem()[1])

    def _block(self, block: re.Match[str], *, write: bool) -> str:
        remark, body = block["remark"] or "", block["body"]
        what, _, name = remark.partition(": ")
        if what == "stops":
            _end(self._running.pop(name))
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
        return self._shown(done.stdout.decode())

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
        self._running[step.command] = process
        assert process.stdout
        said = ""
        while not _fits(step.shown, said):
            if not (line := process.stdout.readline()):
                raise Differs(f"$ {step.command}\nshown:\n{step.shown}\ngot:\n{said}")
            said += self._shown(line)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return f"$ {step.command}\n{step.shown}"

    def _file(self, name: str) -> Path:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _here(self, text: str) -> str:
        for shown, here in self._ports:
            text = re.sub(rf"\b{shown}\b", here, text)
        return text

    def _shown(self, text: str) -> str:
        for shown, here in self._ports:
            text = re.sub(rf"\b{here}\b", shown, text)
        return text

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
def opened(text: str, folder: Path, ports: Mapping[str, int] | None = None) -> Iterator[Page]:
    """The page, whose processes end with the block; `ports` are those of servers it names."""
    page = Page(text, folder, ports or {})
    try:
        yield page
    finally:
        page.close()


def main(arguments: list[str]) -> None:
    """Run these pages, and write today's outputs into them; 9092=... says where a server is."""
    ports = dict(one.split("=") for one in arguments if "=" in one)
    here = {shown: int(port) for shown, port in ports.items()}
    for name in (one for one in arguments if "=" not in one):
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        with within_source() as folder, opened(text, folder, here) as page:
            file.write_text(page.run(write=True), encoding="utf-8")


@contextmanager
def within_source() -> Iterator[Path]:
    """An empty folder that seems to lie within the source."""
    with TemporaryDirectory() as source:
        for name in ("mappings", "deploy"):
            (Path(source) / name).symlink_to(ROOT / name)
        folder = Path(source) / "try"
        folder.mkdir()
        yield folder


if __name__ == "__main__":
    main(sys.argv[1:])
