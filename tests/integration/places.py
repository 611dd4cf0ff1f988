"""What may stand in the variable parts of the pages' addresses; add what a new page needs."""

from __future__ import annotations

import re

from consumer.console.page import Page

VALUES = {
    "list": "attention",
    "kind": "learners",
    "table": "learners",
    "name": "HF-UPDATE",
}
_ANYTHING = "1"
_VARIABLE = re.compile(r"\{(\w+)(?::\w+)?\}")


def place_of(page: Page) -> str:
    """An address of this page, with plausible values."""
    return _VARIABLE.sub(lambda found: VALUES.get(found[1], _ANYTHING), page.path)
