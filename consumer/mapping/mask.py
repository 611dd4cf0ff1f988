"""Values with nothing left of them but their form, for screens that others may see."""

from __future__ import annotations


def masked(value: str) -> str:
    """Letters as `x`, digits as `#`, the rest as it is; how long it was tells no more than that."""
    return "".join("#" if sign.isdigit() else "x" if sign.isalpha() else sign for sign in value)
