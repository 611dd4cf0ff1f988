"""Two people at one thing: the second is told who was first, and nothing of theirs is done."""

from __future__ import annotations

from datetime import datetime


class ChangedMeanwhile(Exception):
    """What somebody looked at is another by now; nothing was written.

    `who` is blank and `at` None where nobody knows.
    """

    def __init__(self, what: str, who: str = "", at: datetime | None = None) -> None:
        self.what, self.who, self.at = what, who, at
        super().__init__(f"{who or 'somebody'} changed {what} meanwhile")
