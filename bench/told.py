"""The figures as a table, one line a measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

LEAST_AT_200_MS, LEAST_OF_BARE = 0.95, 0.70

Line = tuple[str, str, str]


def show(figures: dict[str, Any], console: Console) -> None:
    """Print it; what a person compares by, with the spread of the runs or what is aimed at."""
    table = Table("Measure", "Figure", "Runs, or aim", box=None, pad_edge=False)
    for line in lines(figures):
        table.add_row(*line)
    console.print(table)


def missed(figures: dict[str, Any]) -> list[str]:
    """The aims that were not reached."""
    reached = {
        "ratio_at_200ms": figures["ratio_at_200ms"] >= LEAST_AT_200_MS,
        "ratio_to_bare": figures["ratio_to_bare"] >= LEAST_OF_BARE,
        "peak_rss_mb": figures["memory"]["ok"],
    }
    return [name for name, well in reached.items() if not well]


def lines(figures: dict[str, Any]) -> Iterator[Line]:
    """Every line of the table."""
    yield from _intake(figures)
    for delay_ms, one in figures["submit"].items():
        yield from _submit(f"PARS after {delay_ms} ms, {one['workers']} workers", one)
    yield "sent, of the bare limit at 0 ms", str(figures["ratio_to_bare"]), f">= {LEAST_OF_BARE}"
    at_200 = str(figures["ratio_at_200ms"])
    yield "sent, of workers / 0.2 s", at_200, f">= {LEAST_AT_200_MS}"
    beyond = figures["cpu_us_per_completion_beyond_post"]
    yield "processor beyond the post, 200 ms", f"{beyond} µs", ""
    yield from _whole(figures["whole"])
    yield from _processes(figures["processes"])
    yield from _memory(figures["memory"])
    for pump in ("intake", "submit"):
        for stage, spent in figures["stages"][f"cpu_us_{pump}"].items():
            yield f"processor of {pump}: {stage.replace('_', ' ')}", f"{spent} µs", ""


def _intake(figures: dict[str, Any]) -> Iterator[Line]:
    for bus in ("embedded", "kafka"):
        one = figures["intake"].get(bus)
        if one:
            rates = _spread(one["spread_per_second"])
            yield f"intake, {bus}", f"{one['intake_per_second']:.0f} /s", rates
            yield f"intake, {bus}: processor", f"{one['cpu_us_per_completion']} µs", ""


def _submit(name: str, one: dict[str, Any]) -> Iterator[Line]:
    bare, rate = one["bare_posts_per_second"], one["completions_per_second"]
    yield f"{name}: bare limit", f"{bare:.0f} /s", _spread(one["spread_bare_per_second"])
    yield f"{name}: sent", f"{rate:.0f} /s", _spread(one["spread_per_second"])
    used = f"{one['cpu_us_per_completion']} µs, bare {one['cpu_us_per_bare_post']} µs"
    yield f"{name}: processor", used, ""


def _whole(one: dict[str, Any]) -> Iterator[Line]:
    yield "whole service", f"{one['whole_per_second']:.0f} /s", ""
    at = f"at {one['latency_at_per_second']:.0f} /s"
    for rank in ("p50", "p99"):
        yield f"published to sent, {rank}", f"{one[f'latency_ms_{rank}']} ms", at


def _processes(one: dict[str, Any] | None) -> Iterator[Line]:
    for count, rate in (one or {"processes_per_second": {}})["processes_per_second"].items():
        yield f"{count} process(es), PostgreSQL and Kafka", f"{rate:.0f} /s", ""


def _memory(one: dict[str, Any]) -> Iterator[Line]:
    records, limit = one["records"], f"< {one['limit_mb']} MB"
    yield f"memory at most, {records} records", f"{one['peak_rss_mb']} MB", limit
    for noted in one["rss_mb"]:
        said = f"{noted['sent']} sent"
        yield f"memory after {noted['heard']} taken in", f"{noted['rss_mb']} MB", said


def _spread(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.0f}" for rate in sorted(rates))
