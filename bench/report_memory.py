"""How much memory it takes to report 100,000 credits by file, from the ledger to one Excel file.

One line of JSON; exit 1 above the limit.

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
from itertools import islice
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import insert

from consumer.clock import SystemClock
from consumer.credit import Identity
from consumer.desk.reporting import Reporting, Wanted
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.ledger.schema import credits_
from consumer.ledger.seal import Seal
from consumer.participant import BirthDate, Record
from consumer.reports.files import Limits
from consumer.settings import load_settings

LIMIT_MB = 200
IDENTITY = Identity(b"a secret of the benchmark alone")
DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROFILE = {
    "provider_id": "0009999",
    "name": "Example Academy of Medicine",
    "domain": "example.org",
    "by_file": True,
}


def credits(ledger: Ledger, count: int) -> Iterator[dict[str, object]]:  # noqa: A001
    """Ready credits of invented people, one each."""
    for number in range(count):
        record = _record(number)
        yield {
            "key": ledger.identity.credit_key(record),
            "state": "ready",
            "profile": record.profile,
            "board": record.board,
            "credit_type": record.credit_type,
            "activity": record.activity,
            "pars_activity_id": record.pars_activity_id,
            "completed_on": record.completed_on,
            "points": str(record.points),
            "report_by": DAY,
            "record": ledger.seal.seal_json(record),
            "due_at": NOW,
            "created_at": NOW,
            "changed_at": NOW,
        }


def _fill(ledger: Ledger, count: int) -> None:
    rows = credits(ledger, count)
    while batch := list(islice(rows, 1000)):
        with ledger.begin() as db:
            db.execute(insert(credits_), batch)


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
    """Fill a ledger, export it as one Excel file, and tell what that took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder) / "ledger.db", Seal(Fernet.generate_key()), IDENTITY)
        _fill(ledger, count)
        started = time.perf_counter()
        settings = load_settings(None, data_dir=folder, profiles={"main": PROFILE})
        reporting = Reporting(ledger, settings, SystemClock())
        wanted = Wanted(limits=Limits(rows=count, bytes=1024**3))
        (done,) = reporting.export(wanted, Path(folder), "bench", lambda _what, _done: None)
        files = done.report.files
        ledger.close()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": sum(file.rows for file in files),
        "file_bytes": sum(file.size for file in files),
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
