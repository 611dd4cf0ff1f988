"""PARS's activity service over what is registered: look-up and registration, and its books."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from consumer.clock import Clock
from consumer.pars.registered import EACH, OWN_ID, PARS_ID, ROOT, identifier
from consumer.pars.simulator.activity import Activities, Activity
from consumer.pars.simulator.rule import Refusal
from consumer.pars.value import Value

_ONE_EACH = Refusal("Exactly one activity per request", code="Operation not supported")
_NOT_CALLER = Refusal("ProviderID is not the calling provider")
_UNKNOWN = Refusal("Activity does not exist")
_NUMBERED = Refusal("A new activity has no ACCME Activity ID yet")
_DATES = Refusal("The activity ends before it starts")


@dataclass(slots=True)
class Page:
    """What the books say of one activity that was registered over the wire."""

    registered_at: datetime
    history: list[str] = field(default_factory=list)
    deleted: bool = False


class ActivityService:
    """GetActivity and SaveActivity; every method may be called from any thread.

    Strict: a second registration under the same number of the provider's is stored too, for
    nothing says that PARS would not; the books show it as `doubled`.
    """

    def __init__(self, activities: Activities, visible_after_seconds: float, clock: Clock) -> None:
        self._activities, self._clock = activities, clock
        self._delay = timedelta(seconds=visible_after_seconds)
        self._pages: dict[str, Page] = {}
        self._posts = self._asked = self._refused = 0
        self._lock = threading.Lock()

    def save(self, caller: str, document: Value) -> Refusal | Activity:
        """SaveActivity: what is registered from now on, or why not."""
        with self._lock:
            self._posts += 1
            told = self._settle(caller, document)
            self._refused += isinstance(told, Refusal)
        return told

    def look_up(self, caller: str, catalog: str, number: str) -> list[Activity]:
        """GetActivity; nothing of what is unknown, deleted, not visible yet or another's."""
        with self._lock:
            self._asked += 1
            mine = (one for one in self._activities if one.provider_id == caller)
            return [one for one in mine if _number(one, catalog) == number and self._shows(one)]

    def as_json(self) -> dict[str, Any]:
        """Every activity, and totals; `doubled` counts registrations beyond the first."""
        with self._lock:
            activities = [self._entry(one) for one in self._activities]
            live = [one for one in activities if "Delete" not in one["history"] and one["own_id"]]
            same = Counter((one["provider_id"], one["own_id"]) for one in live)
            totals = {
                "posts": self._posts,
                "asked": self._asked,
                "refused": self._refused,
                "doubled": sum(same.values()) - len(same),
            }
        return {"activities": activities, "totals": totals}

    def _settle(self, caller: str, document: Value) -> Refusal | Activity:
        sent, *more = document[ROOT][EACH]
        if more:
            return _ONE_EACH
        if sent["XtensibleInfo"].get("ProviderID", caller) != caller:
            return _NOT_CALLER
        action = sent["XtensibleInfo"]["activityRecordAction"]
        known = self._activities.get(identifier(sent, PARS_ID))
        if action == "Add":
            return _NUMBERED if identifier(sent, PARS_ID) else self._add(caller, sent)
        if known is None or known.provider_id != caller or not self._alive(known):
            return _UNKNOWN
        return self._change(known, sent, action)

    def _add(self, caller: str, sent: Value) -> Refusal | Activity:
        year = _day(sent, "startDateTime").year
        number = next(n for n in _numbers(year) if self._activities.get(n) is None)
        return self._put(_activity(sent, number, caller), "Add")

    def _change(self, known: Activity, sent: Value, action: str) -> Refusal | Activity:
        changed = _activity(sent, known.activity_id, known.provider_id)
        if action == "Delete":
            changed = replace(known, boards={})
        return self._put(changed, action)

    def _put(self, activity: Activity, action: str) -> Refusal | Activity:
        if activity.ends < activity.starts:
            return _DATES
        self._activities.put([activity])
        page = self._pages.setdefault(activity.activity_id, Page(self._clock.now()))
        page.history.append(action)
        page.deleted = action == "Delete"
        return activity

    def _alive(self, activity: Activity) -> bool:
        page = self._pages.get(activity.activity_id)
        return page is None or not page.deleted

    def _shows(self, activity: Activity) -> bool:
        page = self._pages.get(activity.activity_id)
        visible = page is None or self._clock.now() >= page.registered_at + self._delay
        return visible and self._alive(activity)

    def _entry(self, one: Activity) -> dict[str, Any]:
        page = self._pages.get(one.activity_id)
        return {
            "activity_id": one.activity_id,
            "own_id": one.own_id,
            "provider_id": one.provider_id,
            "title": one.title,
            "boards": {
                board: {name: str(points) for name, points in types.items()}
                for board, types in one.boards.items()
            },
            "history": [] if page is None else page.history,
        }


def _numbers(year: int) -> Iterator[str]:
    """PARS's IDs begin with a year, as far as anybody has seen (dossier 3.4)."""
    return (f"{year}{count:05d}" for count in range(90_000, 100_000))


def _number(activity: Activity, catalog: str) -> str:
    return {PARS_ID: activity.activity_id, OWN_ID: activity.own_id}[catalog]


def _activity(sent: Value, number: str, provider_id: str) -> Activity:
    info = sent["XtensibleInfo"]
    boards: dict[str, dict[str, Decimal]] = {}
    for one in info.get("MOCRegistrations", {}).get("MOCRegistration", ()):
        points = Decimal(str(one["mocPoints"]))
        boards.setdefault(one["boardName"], {}).update(dict.fromkeys(one["MOCCreditType"], points))
    return Activity(
        activity_id=number,
        provider_id=provider_id,
        title=sent["Lom"]["general"]["title"],
        starts=_day(sent, "startDateTime"),
        ends=_day(sent, "endDateTime"),
        boards=boards,
        closed=info.get("closeActivityRecord", False),
        own_id=identifier(sent, OWN_ID),
    )


def _day(sent: Value, name: str) -> date:
    moment: str = sent["healthcareMetadata"]["healthcareEducation"][name]
    return date.fromisoformat(moment.partition("T")[0])


def shown(activities: list[Activity]) -> Value:
    """What PARS tells of them, as ACCME's document has it."""
    return {ROOT: {EACH: [_shown(one) for one in activities]}}


def _shown(one: Activity) -> Value:
    numbers = {PARS_ID: one.activity_id} | ({OWN_ID: one.own_id} if one.own_id else {})
    registrations = [
        {"boardName": board, "mocPoints": max(types.values()), "MOCCreditType": list(types)}
        for board, types in one.boards.items()
        if types
    ]
    moc = {"MOCRegistrations": {"MOCRegistration": registrations}} if registrations else {}
    entries = [{"catalog": name, "entry": number} for name, number in numbers.items()]
    return {
        "Lom": {"general": {"identifier": entries, "title": one.title}},
        "XtensibleInfo": {"ProviderID": one.provider_id, **moc},
    }
