"""A backfill's plan in the words of whoever starts it."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.backfill.going import Wish
from consumer.backfill.plan import (
    IGNORED,
    KNOWN,
    NOT_REPORTABLE,
    READY,
    REFUSED,
    SAYS_MORE,
    TAKEN,
    TWICE,
    WAITS,
    Plan,
)
from consumer.settings import Settings

_ORDER = (TAKEN, KNOWN, TWICE, READY, WAITS, REFUSED, NOT_REPORTABLE, SAYS_MORE, IGNORED)
_BY_FILE = (
    "{} of the credits go by file: once credit adopt took over what PARS has, report export"
    " --restored writes them"
)


def in_words(name: str, plan: Plan, wish: Wish, settings: Settings) -> list[str]:
    """One line each; nothing personal in them."""
    return [
        _what(name, plan),
        *(f"  {count}: {one}" for one, count in plan.mappings.most_common()),
        *_fates(plan),
        *_deadlines(plan),
        *_sending(plan, wish, settings),
    ]


def _what(name: str, plan: Plan) -> str:
    if plan.first is None:
        return f"{name}: {plan.events} event(s)."
    return f"{name}: {plan.events} event(s), completed from {plan.first} to {plan.last}; known by"


def _fates(plan: Plan) -> Iterator[str]:
    yield "What would become of them:"
    for fate in _ORDER:
        if count := plan.fates[fate]:
            more = (
                f" ({plan.credits} credit{'s' if plan.credits > 1 else ''})"
                if fate == READY
                else ""
            )
            yield f"  {count}: {fate}{more}"
            for why, number in plan.why.get(fate, {}).items():
                yield f"    {number}: {why}"


def _deadlines(plan: Plan) -> Iterator[str]:
    if plan.late:
        yield f"{plan.late} of these should have been reported by a day that has passed."
    if plan.closed:
        yield f"{plan.closed} of these are of a year that their board has closed."


def _sending(plan: Plan, wish: Wish, settings: Settings) -> Iterator[str]:
    by_file = sum(plan.profiles[one] for one in settings.profiles.keys() - settings.web_profiles)
    if plan.credits and wish.ask_first:
        yield "PARS is asked before each credit is sent: another hand may have put it there."
        if by_file:
            yield _BY_FILE.format(by_file)
    elif plan.credits:
        yield "PARS is NOT asked first: what another hand has put there would be credited twice."
    if plan.new:
        takes = _time(plan.events / wish.rate)
        yield f"At {wish.rate:g} a second they take {takes}, behind what is heard today."
    else:
        yield "There is nothing new among them."


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{round(seconds / 3600)} hours"
