"""docs/licences.md: what is shipped with the service, under which licences.

`make guide` writes it anew; a test fails where it is stale, or a licence is none of those allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK, TRACING = ROOT / "requirements.lock", ROOT / "deploy/tracing.lock"
FILE = ROOT / "docs/licences.md"
_PART = re.compile(r"(<!-- made: licences -->\n).*?(<!-- made -->\n)", re.DOTALL)

NAMES = {
    "mit license": "MIT",
    "bsd license": "BSD",
    "3-clause bsd license": "BSD-3-Clause",
    "apache software license": "Apache-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
}
"""What older packages call a licence, and what it is called today."""

ALLOWED = frozenset(
    "MIT MIT-0 MIT-CMU BSD BSD-2-Clause BSD-3-Clause Apache-2.0 PSF-2.0 MPL-2.0 0BSD"
    " LGPL-2.1-or-later LGPL-3.0-only".split()
)
"""Licences that ask nothing of who runs the service. Those of the LGPL and MPL are used as they
came, as packages of their own; a change to one of them would have to be published.
"""


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Each package of a lock with its version, those of other systems left out."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            one = Requirement(line.removesuffix("\\"))
            if one.marker is None or one.marker.evaluate():
                found[canonicalize_name(one.name)] = next(iter(one.specifier)).version
    return found


def licence_of(package: str) -> str:
    """Its licence by its SPDX name, or as the package calls it; blank if it says none."""
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return ""
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in told.get_all("Classifier", [])
        if one.startswith("License :: OSI Approved :: ")
    ]
    said = told.get("License-Expression") or " AND ".join(classifiers) or told.get("License", "")
    return NAMES.get(said.lower(), said)


def allowed(licence: str) -> bool:
    """Whether what a package says may be shipped; of several it must hold for each."""
    parts = {one.strip(" ()") for one in re.split(r" AND | OR ", licence)}
    return parts <= ALLOWED


def _rows() -> Iterator[str]:
    yield from ("| package | licence |", "|---|---|")
    shipped = locked()
    for name in sorted(locked(TRACING)):
        yield f"| {name}{'' if name in shipped else ', for traces'} | {licence_of(name)} |"


def made(text: str) -> str:
    """The document with its table as it should be."""
    table = "".join(f"{line}\n" for line in _rows())
    return _PART.sub(lambda part: part[1] + table + part[2], text)


if __name__ == "__main__":
    FILE.write_text(made(FILE.read_text(encoding="utf-8")), encoding="utf-8")
