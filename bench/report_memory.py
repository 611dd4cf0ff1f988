"""How much memory a report of 100,000 rows takes: one line of JSON; exit 1 above the limit.

python bench/report_memory.py [rows]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from consumer.pars.port import Action
from consumer.participant import BirthDate, Record
from consumer.reports.entry import Entry
from consumer.reports.excel import ExcelTemplate
from consumer.reports.files import Limits, write_report

LIMIT_MB = 200
DAY = date(2026, 11, 22)


def entries(count: int) -> Iterator[Entry]:
    """Invented people, one credit each."""
    for number in range(count):
        yield Entry(_record(number), Action.ADD, f"ccid:example.org:{number:032x}-r1")


def _record(number: int) -> Record:
    return Record(
        profile="main",
        provider_id="0009999",
        provider_name="Example Academy of Medicine",
        activity="HF-UPDATE",
        pars_activity_id="202600001",
        title="Heart Failure Update",
        given_name=f"Given {number:x}",
        family_name=f"Family {number * 7919 % 1_000_003}",
        birth_date=BirthDate(1 + number % 12, 1 + number % 28, 1950 + number % 50),
        board="ABIM",
        board_id=f"{number % 1_000_000:06d}",
        npi=None,
        credit_type="Medical Knowledge",
        certification="Medical Knowledge",
        points=Decimal(1 + number % 40) / 4,
        completed_on=DAY - timedelta(days=number % 300),
    )


def main() -> int:
    """Write one Excel file and tell what it took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        limits = Limits(rows=count, bytes=1024**3)
        report = write_report(entries(count), ExcelTemplate(), Path(folder), DAY, limits)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": sum(file.rows for file in report.files),
        "file_bytes": sum(file.size for file in report.files),
        "seconds": round(seconds, 1),
        "rows_per_second": round(count / seconds),
        "peak_rss_mb": round(peak, 1),
        "limit_mb": LIMIT_MB,
        "ok": peak < LIMIT_MB,
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
