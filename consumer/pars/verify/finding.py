"""What one step of a verification found, and which of our settings it speaks about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How PARS compares with what we assume of it."""

    PASS = "pass"  # noqa: S105  as assumed, or it makes no difference to us
    DIFFERS = "differs"
    FAILED = "failed"  # no answer that says anything, or a record that is not where it should be
    NOT_POSSIBLE = "not possible"


Value = str | float


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people: `seen` quotes PARS masked of everything personal.

    `setting` is the one this is about, by its path, and `fits` the value that fits PARS, None when
    nobody can tell; `suggested_row` is a line for a table of consumer/pars/symptoms.py.
    """

    check: str
    title: str
    outcome: Outcome
    seen: str
    setting: str = ""
    configured: Value | None = None
    fits: Value | None = None
    suggested_row: str = ""

    @property
    def change(self) -> str:
        """What to write into the settings, "" when they fit."""
        if not self.setting or self.fits in (None, self.configured):
            return ""
        return f"{self.setting} = {written(self.fits)}"


def written(value: Value | None) -> str:
    """A setting's value as TOML writes it."""
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
