"""By what a person is recognised in a text that somebody wrote, or in bytes that nobody could read.

Their IDs and addresses, each as a word of its own, and their names, given and family name both: a
family name alone may be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumer.ledger.seal import normalise

_SHORTEST = 5
"""A shorter ID stands by chance in many a text."""
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Traces:
    """What to look for; `names` are pairs of given and family name."""

    ids: frozenset[str] = field(repr=False)
    names: frozenset[tuple[str, str]] = field(repr=False)

    def within(self, text: str | bytes) -> bool:
        """Whether the person stands in it."""
        plain = text.decode(errors="replace") if isinstance(text, bytes) else text
        plain = normalise(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), plain))
        return any(_word(one, plain) for one in self.ids) or any(
            _word(given, plain) and _word(family, plain) for given, family in self.names
        )


def traces(ids: Iterable[str], names: Iterable[tuple[str, str]]) -> Traces:
    """What these lead to; what is too short to be anybody's is left out."""
    long = {normalise(one) for one in ids}
    pairs = {(normalise(given), normalise(family)) for given, family in names}
    return Traces(
        frozenset(one for one in long if len(one) >= _SHORTEST),
        frozenset(pair for pair in pairs if all(pair)),
    )


def _word(word: str, text: str) -> bool:
    return word in text and bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text))
