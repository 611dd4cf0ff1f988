"""The settings that fit what was found, as a piece of TOML without a single credential."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from consumer.pars.verify.finding import Finding, written

_HEAD = """\
# What `moc-consumer pars verify` found to fit. Put each line under the same heading of your
# settings, in place of the one that is there, then run: moc-consumer check
"""
_ROWS = """
# PARS says things that consumer/pars/symptoms.py does not know. Suggested lines, for a developer:
"""


def fragment(findings: Iterable[Finding], profile: str, transport: str) -> str:
    """Every setting that was tried out, with the value that fits; suggested rows as comments."""
    sections: dict[str, dict[str, str]] = defaultdict(dict)
    found = list(findings)
    sections[f"profiles.{profile}"]["transport"] = f'transport = "{transport}"'
    for one in found:
        if one.setting and one.fits is not None:
            section, _, name = one.setting.rpartition(".")
            sections[section][name] = _line(name, one)
    rows = [one.suggested_row for one in found if one.suggested_row]
    parts = ("\n".join((f"\n[{name}]", *lines.values(), "")) for name, lines in sections.items())
    return _HEAD + "".join(parts) + (_ROWS if rows else "") + "".join(f"#   {r}\n" for r in rows)


def write_new(path: Path, text: str) -> None:
    """A file of mode 0600. Raises FileExistsError rather than overwrite one, or OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _line(name: str, finding: Finding) -> str:
    line = f"{name} = {written(finding.fits)}"
    return f"{line}  # was {written(finding.configured)}" if finding.change else line
