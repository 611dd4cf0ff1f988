"""The parts of docs/mapping-language.md that the program says of itself.

`make guide` writes them anew; a test fails where the guide says something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from consumer.mapping.advice import LOADING, READING
from consumer.mapping.verb import TABLE

FILE = Path(__file__).parents[3] / "docs/mapping-language.md"
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- made -->\n)", re.DOTALL)


def _verbs() -> Iterator[str]:
    yield from ("| verb | does | as in |", "|---|---|---|")
    for verb in TABLE:
        yield f"| `{verb.name}: {verb.argument}` | {verb.does} | `{verb.example}` |"


def _loading() -> Iterator[str]:
    yield from ("| code | what to do |", "|---|---|")
    for code, step in LOADING.items():
        yield f"| `{code}` | {step} |"


def _reading() -> Iterator[str]:
    yield from ("| code | means | what to do |", "|---|---|---|")
    for code, (means, step) in READING.items():
        yield f"| `{code}` | {means} | {step} |"


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "verbs": _verbs,
    "loading": _loading,
    "reading": _reading,
}


def made(text: str) -> str:
    """The guide with those parts as they should be. Raises KeyError for a part that is unknown."""
    return _PART.sub(
        lambda part: part[1] + "".join(f"{line}\n" for line in PARTS[part[2]]()) + part[3], text
    )


if __name__ == "__main__":
    FILE.write_text(made(FILE.read_text(encoding="utf-8")), encoding="utf-8")
