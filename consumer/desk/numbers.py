"""Numbers of the ledger's rows in what people type, or find in an address."""

from __future__ import annotations

_MOST_DIGITS = 18
"""More than this no database counts rows with: what is longer names nothing."""


def number_in(text: str) -> int:
    """The number, 0 where the text is none that a row could have."""
    plain = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if plain else 0
