"""What these pages have from the program's tables: `make guide` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from consumer.telemetry import logevents, spans
from consumer.telemetry.metrics import TABLE, Metric, Of

DOCS = Path(__file__).parents[3] / "docs"
ALERTS = DOCS.parent / "deploy/prometheus/alerts.yml"
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- made -->\n)", re.DOTALL)


def _metrics() -> Iterator[str]:
    yield from ("| metric | type | labels | of | question |", "|---|---|---|---|---|")
    for one in TABLE:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.name}` | {_type(one)} | {labels} | {_OF[one.of]} | {one.asks} |"


_OF = {Of.PROCESS: "process", Of.WHOLE: "whole"}


def _type(one: Metric) -> str:
    return f"{one.kind}, {one.unit}" if one.unit else f"{one.kind}"


def _alerts() -> Iterator[str]:
    yield from ("| alert | severity | what it says |", "|---|---|---|")
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            summary = re.sub(
                r"{{ *\$(?:labels\.)?(\w+).*?}}", r"*\1*", rule["annotations"]["summary"]
            )
            yield f"| `{rule['alert']}` | {rule['labels']['severity']} | {summary} |"


def _logs() -> Iterator[str]:
    yield from ("| line | level | keys | what it says |", "|---|---|---|---|")
    for one in logevents.TABLE:
        keys = ", ".join(f"`{key}`" for key in one.keys)
        yield f"| `{one.name}` | {one.level} | {keys} | {one.says} |"


def _spans() -> Iterator[str]:
    yield from ("| span | kind | keys | when |", "|---|---|---|---|")
    for one in spans.TABLE:
        keys = ", ".join(f"`{key}`" for key in one.keys)
        yield f"| `{one.name}` | {one.kind} | {keys} | {one.says} |"


def _attributes() -> Iterator[str]:
    yield from ("| key | attribute of the span |", "|---|---|")
    yield from (f"| `{key}` | `{name}` |" for key, name in spans.ATTRIBUTES.items())


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "metrics": _metrics,
    "alerts": _alerts,
    "logs": _logs,
    "spans": _spans,
    "attributes": _attributes,
}
PAGES = ("metrics.md", "logs.md", "tracing.md")


def made(text: str) -> str:
    """The page with those parts as they should be. Raises KeyError for a part that is unknown."""
    return _PART.sub(
        lambda part: part[1] + "".join(f"{line}\n" for line in PARTS[part[2]]()) + part[3], text
    )


if __name__ == "__main__":
    for name in PAGES:
        page = DOCS / name
        page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")
