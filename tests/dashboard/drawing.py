"""Panels of a Grafana dashboard as one page of SVG, where Grafana would put them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tests.dashboard.prometheus import Prometheus, Series

WIDTH, COLUMN, ROW = 1440, 60, 38
_COLOURS = ("#2f6fde", "#d9822b", "#2e9e5b", "#c23b4b", "#7a52c7", "#0e8f9c", "#a8801a", "#737b8c")
_LEGENDS = 6
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """One series as it is drawn; a legend is what tells it from the others."""

    legend: str
    colour: str
    path: str
    last: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A box on the page, in pixels."""

    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    lines: list[Line]
    top: str


def page(dashboard: dict[str, Any], prometheus: Prometheus) -> str:
    """The dashboard as HTML with all that Prometheus knows of each panel."""
    panels = [_panel(one, prometheus) for one in dashboard["panels"]]
    height = max(one.y + one.height for one in panels)
    templates = Environment(
        loader=PackageLoader("tests.dashboard", "."), autoescape=True, undefined=StrictUndefined
    )
    return templates.get_template("page.html").render(
        title=dashboard["title"], panels=panels, width=WIDTH, height=height, most=_LEGENDS
    )


def _panel(said: dict[str, Any], prometheus: Prometheus) -> Panel:
    place, unit = said["gridPos"], said.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    found = [
        (target.get("legendFormat", ""), series)
        for target in said.get("targets", ())
        for series in prometheus.series(target["expr"])
    ]
    width, height = place["w"] * COLUMN - 8, place["h"] * ROW - 8
    most = max((value for _, one in found for _, value in one.points), default=0.0)
    return Panel(
        said["type"],
        said["title"],
        place["x"] * COLUMN + 4,
        place["y"] * ROW + 4,
        width,
        height,
        list(_lines(found, width, height, most or 1.0, unit)),
        shown(most, unit),
    )


def _lines(
    found: Sequence[tuple[str, Series]], width: int, height: int, most: float, unit: str
) -> Iterator[Line]:
    times = [at for _, one in found for at, _ in one.points] or [0.0]
    for number, (form, one) in enumerate(found):
        yield Line(
            legend(form, one.labels),
            _COLOURS[number % len(_COLOURS)],
            _path(one, (min(times), max(times)), (width, height), most),
            shown(one.points[-1][1], unit) if one.points else "",
        )


def _path(one: Series, times: tuple[float, float], size: tuple[int, int], most: float) -> str:
    began, span = times[0], (times[1] - times[0]) or 1.0
    wide, high = size[0] - 60, size[1] - 70
    dots = (
        f"{48 + wide * (at - began) / span:.1f},{34 + high * (1 - value / most):.1f}"
        for at, value in one.points
    )
    return " ".join(dots)


def legend(form: str, labels: dict[str, str]) -> str:
    """Grafana's `{{label}}` filled in."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), form)


def shown(value: float, unit: str) -> str:
    """A figure as people read it: seconds as minutes, hours or days, bytes as MB."""
    if unit == "bytes":
        return f"{value / 1_000_000:.0f} MB" if value >= 1_000_000 else f"{value / 1000:.0f} kB"
    if unit == "s":
        for length, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
            if value >= length:
                return f"{value / length:.2g} {name}"
        return f"{value:.3g} s"
    return f"{value:.4g}"
