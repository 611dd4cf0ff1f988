"""How long 100,000 learners take to import, and how much memory, from Excel and from CSV.

One line of JSON for each form; exit 1 above a limit.

python -m bench.tables [rows]
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openpyxl import Workbook

from consumer.clock import SystemClock
from consumer.desk.tabling import TableDesk, Wish
from consumer.tables import load_tables
from consumer.tables.boards import shipped_boards
from consumer.tables.kind import ACTIVITIES, LEARNERS

LIMIT_MB, LIMIT_SECONDS = 400, 120
SITE = "learn.example.org"


def row(number: int, consent: str = "yes") -> list[str]:
    """One invented learner with all that an office keeps."""
    born = f"19{40 + number % 50}-{1 + number % 12:02}-{1 + number % 28:02}"
    names = [f"Ada{number}", f"Quill{number}", f"ada{number}@example.org", born]
    licence = ["ABIM", f"{number:06d}", "", "NY", f"MD{number:07d}"]
    kept = [consent, "2026-01-15", "registration form", ""]
    return [SITE, str(4_000_000 + number), *names, *licence, *kept]


def write(path: Path, rows: int, consent: str = "yes") -> None:
    """A file of so many learners, by the name's ending."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(LEARNERS.columns)
            out.writerows(row(number, consent) for number in range(rows))
        return
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Learners")
    sheet.append(LEARNERS.columns)
    for number in range(rows):
        sheet.append(row(number, consent))
    book.save(path)


def measure(folder: Path, file: Path) -> dict[str, object]:
    """What this process takes to import the file into the tables of the folder."""
    desk = TableDesk(folder, shipped_boards(), ["main"], SystemClock(), 20)
    start = time.monotonic()
    preview = desk.preview_file("learners", file, Wish())
    seen = time.monotonic()
    desk.apply(preview, "bench")
    done = time.monotonic()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    counts = preview.counts()
    return {
        "file": file.name,
        "mib": round(file.stat().st_size / 2**20, 1),
        "rows": counts["rows"],
        "added": counts["added"],
        "changed": counts["changed"],
        "preview_seconds": round(seen - start, 1),
        "apply_seconds": round(done - seen, 1),
        "processor_seconds": round(time.process_time(), 1),
        "peak_mib": peak,
    }


def run(rows: int) -> bool:
    """Each form in a process of its own: into no table, then with every row changed."""
    good = True
    for name in ("learners.csv", "learners.xlsx"):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "tables"
            folder.mkdir()
            (folder / ACTIVITIES.file).write_text(",".join(ACTIVITIES.columns) + "\n")
            for consent in ("yes", "no"):
                file = Path(place) / name
                write(file, rows, consent)
                told = subprocess.run(
                    [sys.executable, "-m", "bench.tables", str(folder), str(file)],
                    check=True, capture_output=True, text=True,
                ).stdout  # fmt: skip
                sys.stdout.write(told)
                sys.stdout.flush()
                figures = json.loads(told)
                seconds = figures["preview_seconds"] + figures["apply_seconds"]
                good &= figures["peak_mib"] <= LIMIT_MB and seconds <= LIMIT_SECONDS
            if len(load_tables(folder, ["main"]).learners) != rows:
                raise SystemExit("the table does not hold what was imported")
    return good


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
    else:
        sys.exit(0 if run(int((sys.argv[1:] or ["100000"])[0])) else 1)
