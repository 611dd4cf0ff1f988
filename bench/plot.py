"""The figures as two pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

# The script that pygal would load from the net makes tooltips; a picture needs none.
_LOOK: dict[str, Any] = {"js": [], "style": CleanStyle, "legend_at_bottom": True}

Bar = tuple[str, float, float | None]


def draw(figures: dict[str, Any], folder: Path) -> None:
    """`results.svg`, what is done in a second, and `memory.svg`, memory on the way."""
    _rates(figures).render_to_file(str(folder / "results.svg"))
    _memory(figures["memory"]).render_to_file(str(folder / "memory.svg"))


def _rates(figures: dict[str, Any]) -> Any:
    chart = pygal.HorizontalBar(
        title="Completions a second", print_values=True, height=560, margin_right=40, **_LOOK
    )
    # pygal draws the first at the bottom.
    bars = [*_bars(figures)][::-1]
    chart.x_labels = [name for name, *_ in bars]
    chart.add("the service", [round(rate) for _, rate, _ in bars])
    chart.add("the same posts alone", [bare and round(bare) for *_, bare in bars])
    return chart


def _bars(figures: dict[str, Any]) -> Iterator[Bar]:
    for bus, one in figures["intake"].items():
        yield f"intake, {bus}", one["intake_per_second"], None
    for ms, one in figures["submit"].items():
        yield f"sent, PARS {ms} ms", one["completions_per_second"], one["bare_posts_per_second"]
    yield "whole, PARS 0 ms", figures["whole"]["whole_per_second"], None
    processes = (figures["processes"] or {}).get("processes_per_second", {})
    for count, rate in processes.items():
        yield f"{count} x whole, PostgreSQL", rate, None


def _memory(memory: dict[str, Any]) -> Any:
    limit, last = memory["limit_mb"], memory["records"]
    chart = pygal.XY(
        title="Resident memory of the service, MB, by completions taken in", height=320, **_LOOK
    )
    chart.y_labels = range(0, limit + 51, 50)
    chart.add("memory", [(one["heard"], one["rss_mb"]) for one in memory["rss_mb"]])
    # A line that is wholly level would not be drawn.
    chart.add("limit", [(0, limit), (last, limit + 0.01)], show_dots=False)
    return chart
