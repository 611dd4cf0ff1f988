"""Pages for people: colours on a terminal, plain text in a pipe or with NO_COLOR."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumer.cli.output import WRONG, show_json
from consumer.mapping.advice import next_step
from consumer.mapping.problem import MappingProblems, Problem

_LEADER = "    "


def page() -> Console:
    """Where a page is written: no line is broken that a person may want to copy."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def refuse(problems: MappingProblems, root: Path, *, as_json: bool = False) -> NoReturn:
    """Everything that is wrong, and exit 2."""
    if as_json:
        show_json([asdict(one) | {"next": next_step(one.code)} for one in problems.problems])
        sys.exit(WRONG)
    console = page()
    show_problems(console, problems.problems, root)
    files = len({one.file for one in problems.problems})
    many = len(problems.problems)
    console.print(
        Text(f"{many} problem{'s' * (many != 1)} in {files} file{'s' * (files != 1)}", "bold red")
    )
    sys.exit(WRONG)


def table_of(*columns: str) -> Table:
    """An empty table, as every page has them."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def show_table(console: Console, table: Table) -> None:
    """The table, as wide as it needs to be in a pipe; no trailing blanks."""
    if console.is_terminal:
        console.print(table, soft_wrap=False)
        return
    wide = Console(file=sys.stdout, highlight=False, width=1000, no_color=True)
    with wide.capture() as captured:
        wide.print(table)
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()))


def show_problems(console: Console, problems: Sequence[Problem], root: Path) -> None:
    """Each problem with its line, a caret under what is wrong, and what to do next.

    `root` is the folder that the problems' files are named from.
    """
    shown = ""
    for problem in problems:
        if problem.file != shown:
            console.print(Text(problem.file, style="bold"))
            shown = problem.file
        console.print(_heading(problem))
        if not _of_examples(problem) and (line := _line(root / problem.file, problem.line)):
            # The remark of what is open is the message above.
            line = line.partition("# TODO:")[0] if problem.code == "to_do" else line
            console.print(Text(_LEADER + line.rstrip(), style="cyan"))
            if caret := _caret(line, problem):
                console.print(Text(_LEADER + caret, style="bold red"))
        if step := next_step(problem.code):
            step = plain(step).replace("NAME", _name(problem))
            console.print(Text(f"{_LEADER}next: {step}", style="green"))
        console.print()


def plain(text: str) -> str:
    """The text without the marks of the guide, whose chapters a reader here has to find first."""
    named = re.sub(r"\*([^*]+)\*", r'"\1" in docs/mapping-language.md', text)
    return named.replace("`", "")


def _name(problem: Problem) -> str:
    return problem.file.partition("/")[2].rpartition(".")[0]


def _of_examples(problem: Problem) -> bool:
    """About a file beside the mapping: no line of the mapping's own is wrong."""
    return problem.field == "examples" or problem.field.startswith("example ")


def _heading(problem: Problem) -> Text:
    told = Text("  " if _of_examples(problem) else f"  line {problem.line}: ", style="bold")
    parts = ((problem.field, ""), (problem.code, "red"), (problem.message, ""))
    for number, (part, style) in enumerate([one for one in parts if one[0]]):
        told.append(": " if number else "").append(part, style=style)
    return told


def _line(file: Path, number: int) -> str:
    """The line of the mapping; none of any other file, which may hold an event."""
    if file.suffix not in (".yaml", ".yml"):
        return ""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _caret(line: str, problem: Problem) -> str:
    for wanted in _suspects(problem):
        found = re.search(rf"(?<![\w.]){re.escape(wanted)}(?!\w)", line) or re.search(
            rf"(?<!\w){re.escape(wanted)}(?!\w)", line
        )
        if wanted and found:
            return " " * found.start() + "^" * len(wanted)
    return ""


def _suspects(problem: Problem) -> list[str]:
    """What is wrong on the line, the narrowest first."""
    message = problem.message
    named = re.search(r"knows no (\S+) here", message)
    head = re.split(r"[;:] ", message)[0]
    last = problem.field.rpartition(".")[2].partition("[")[0]
    todo = ["TODO"] if problem.code == "to_do" else []
    if problem.code.startswith("missing"):
        return todo
    return [*todo, *([named[1]] if named else []), *([head] if " " not in head else []), last]
