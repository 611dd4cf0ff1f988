"""The figures as two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygal
from pygal.style import LightColorizedStyle

# The script that pygal would load from the net makes tooltips; a picture needs none.
_LOOK: dict[str, Any] = {"js": [], "style": LightColorizedStyle, "legend_at_bottom": True}


def draw(figures: dict[str, Any], folder: Path) -> None:
    """`results.svg`, what is done in a second, and `memory.svg`, memory on the way."""
    _rates(figures).render_to_file(str(folder / "results.svg"))
    _memory(figures["memory"]).render_to_file(str(folder / "memory.svg"))


def _rates(figures: dict[str, Any]) -> Any:
    chart = pygal.HorizontalBar(
        title="Completions a second", print_values=True, height=640, margin_right=60, **_LOOK
    )
    submit = figures["submit"]
    bars = [
        *((f"intake, {bus}", one["intake_per_second"]) for bus, one in figures["intake"].items()),
        *((f"bare limit, PARS {ms} ms", submit[ms]["bare_posts_per_second"]) for ms in submit),
        *((f"sent, PARS {ms} ms", submit[ms]["completions_per_second"]) for ms in submit),
        ("whole service", figures["whole"]["whole_per_second"]),
        *(
            (f"{count} process(es)", rate)
            for count, rate in (figures["processes"] or {}).get("processes_per_second", {}).items()
        ),
    ]
    for name, rate in bars:
        chart.add(name, round(rate))
    return chart


def _memory(memory: dict[str, Any]) -> Any:
    chart = pygal.XY(
        title="Resident memory of the service, MB",
        x_title="completions taken in",
        range=(0, memory["limit_mb"] * 1.2),
        show_legend=True,
        height=320,
        **_LOOK,
    )
    last = memory["records"]
    chart.add("memory", [(one["heard"], one["rss_mb"]) for one in memory["rss_mb"]])
    chart.add("limit", [(0, memory["limit_mb"]), (last, memory["limit_mb"])])
    return chart
