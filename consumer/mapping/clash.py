"""Clashes: verbs that no row has, or that make no sense together or for a target."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from consumer.mapping.problem import hint
from consumer.mapping.target import Target
from consumer.mapping.verb import CONVERSIONS, SOURCES, VERBS


def clashes(target: Target, entries: Collection[str]) -> list[tuple[str, str]]:
    """Code and message of each clash of a row that holds the verbs `entries`."""
    unknown = [name for name in entries if name not in VERBS]
    if unknown:
        return [("unknown_verb", name + hint(name, VERBS)) for name in unknown]
    sources = [name for name in SOURCES if name in entries]
    conversions = [name for name in CONVERSIONS if name in entries]
    wanted = " or ".join(target.conversions) or "no number, instant or date"
    invented = target.from_event and ("const" in entries or "default" in entries)
    rules = (
        (len(sources) == 1, "needs exactly one of from, const, first_of, join"),
        (("with" in entries) == ("join" in entries), "join and with go together"),
        ("zone" not in entries or "instant" in entries, "zone goes with instant"),
        (not {"optional", "default"} <= set(entries), "optional or default, not both"),
        (not ("const" in entries and "optional" in entries), "const is never missing"),
        (_converted(target, conversions), f"{target.name} takes {wanted}"),
        (not invented, f"{target.name} must come from the event, not from const or default"),
    )
    return [("verb_clash", message) for holds, message in rules if not holds]


def _converted(target: Target, conversions: Sequence[str]) -> bool:
    if not target.conversions:
        return not conversions
    return bool(conversions) and set(conversions) <= set(target.conversions)
