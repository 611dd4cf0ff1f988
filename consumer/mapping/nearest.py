"""Which mapping an event that none knows nearly fits, and what of its `match` does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from consumer.event import Envelope
from consumer.mapping.condition import Condition, all_hold, token
from consumer.mapping.fault import Fault
from consumer.mapping.mapping import Mapping

_NEAR = 0.3
"""Below this it resembles nothing: of one rule, a text of which three fifths are another's."""


def nearest(mappings: Iterable[Mapping], event: Envelope) -> str:
    """The mapping and the first rule of its `match` that fails; blank where none is near.

    It says what the mapping expects, and never what stands in the event.
    """
    inside = event.place is not None
    fit = [(_fit(one.match, event), one) for one in mappings if (one.each is not None) is inside]
    best, mapping = max(fit, key=lambda found: found[0], default=(0.0, None))
    if mapping is None or best < _NEAR:
        return ""
    failing = next((one for one in mapping.match if not all_hold([one], event)), None)
    return f"nearly {mapping.name}: {_expected(failing)}" if failing else ""


def _fit(conditions: Sequence[Condition], event: Envelope) -> float:
    """From 0, nothing fits, to 1; a rule that fails counts half as much as its text resembles.

    Rules that want no certain value say little: that something is missing holds of anything.
    """
    wanting = [one for one in conditions if one.wanted]
    fits = [1.0 if all_hold([one], event) else _likeness(one, event) / 2 for one in wanting]
    return sum(fits) / len(fits) if fits else 0.0


def _likeness(condition: Condition, event: Envelope) -> float:
    try:
        said = token(condition.path.find(event))
    except Fault:
        return 0.0
    if not isinstance(said, str):
        return 0.0
    wanted = [one for one in condition.wanted if isinstance(one, str)]
    return max((SequenceMatcher(None, said[:200], one).ratio() for one in wanted), default=0.0)


def _expected(condition: Condition) -> str:
    path = condition.path.text
    if not condition.wanted:
        return f"{path} is not as line {condition.line} of its match expects"
    return f"{path} is expected to be {' or '.join(sorted(map(str, condition.wanted)))}"
