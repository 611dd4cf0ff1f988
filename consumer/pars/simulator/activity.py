"""What providers have registered with PARS: activities, boards, credit types and points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Activity:
    """One registered activity; `boards` gives the maximum points per board and credit type."""

    activity_id: str
    provider_id: str
    title: str
    starts: date
    ends: date
    boards: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    closed: bool = False
    board_rejects: str = ""
    own_id: str = ""


class Activities:
    """Looks activities up by their 9-digit ID; they can be added and replaced while it runs."""

    def __init__(self, activities: Iterable[Activity] = ()) -> None:
        self._activities: dict[str, Activity] = {}
        self.put(activities)

    def put(self, activities: Iterable[Activity]) -> None:
        """Add these activities, replacing those with the same ID."""
        self._activities.update({one.activity_id: one for one in activities})

    def get(self, activity_id: str) -> Activity | None:
        """The activity, None when PARS has never heard of it."""
        return self._activities.get(activity_id)

    def __iter__(self) -> Iterator[Activity]:
        return iter(list(self._activities.values()))

    def __len__(self) -> int:
        return len(self._activities)


def activity(entry: Mapping[str, Any]) -> Activity:
    """An activity from JSON. Raises KeyError, TypeError or ValueError when it is not one."""
    return Activity(
        activity_id=str(entry["activity_id"]),
        provider_id=str(entry["provider_id"]),
        title=str(entry.get("title", "")),
        starts=date.fromisoformat(entry["starts"]),
        ends=date.fromisoformat(entry["ends"]),
        boards={str(board): _maxima(types) for board, types in entry["boards"].items()},
        closed=bool(entry.get("closed", False)),
        board_rejects=str(entry.get("board_rejects", "")),
        own_id=str(entry.get("own_id", "")),
    )


def _maxima(types: Mapping[str, Any]) -> dict[str, Decimal]:
    maxima = {str(name): Decimal(str(points)) for name, points in types.items()}
    if not all(points.is_finite() for points in maxima.values()):
        raise ValueError("points must be finite")
    return maxima
