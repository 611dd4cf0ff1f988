"""How much of each core module the last `coverage run` went through: `make coverage`.

`python -m tests.core_coverage` prints a table, the least first, and ends with 1 below LEAST.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

from tests.unit.test_architecture import CORE, source

LEAST = 95.0  # percent of lines and branches together, of each module by itself
# What reads the mapping files is no core, but may lose as little.
MEASURED = [*CORE, "consumer.mapping.loader"]


def measured() -> dict[str, float]:
    """Percent by module; 0 for one that no test imported."""
    read = Coverage()
    read.load()
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "coverage.json"
        read.json_report([str(source(name)) for name in MEASURED], outfile=str(told))
        files = json.loads(told.read_text(encoding="utf-8"))["files"]
    found = {Path(file).resolve(): one["summary"]["percent_covered"] for file, one in files.items()}
    return {name: found.get(source(name).resolve(), 0.0) for name in MEASURED}


def main() -> int:
    """Print the table; 1 when a module has too little."""
    percents = sorted(measured().items(), key=lambda one: one[1])
    for name, percent in percents:
        sys.stdout.write(f"{percent:6.1f} %  {name}{'' if percent >= LEAST else '  too little'}\n")
    return int(percents[0][1] < LEAST)


if __name__ == "__main__":
    sys.exit(main())
