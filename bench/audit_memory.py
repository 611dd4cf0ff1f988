"""How much memory the audit pack of one activity takes: one line of JSON; exit 1 above the limit.

python bench/audit_memory.py [learners]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import insert

from consumer.clock import SystemClock
from consumer.credit import Heard, Identity, State
from consumer.desk.audit import AuditDesk
from consumer.journey import Provider
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.seal import Seal
from consumer.mapping.said import Kind, Said
from consumer.participant import BirthDate, Record
from consumer.reason import Reason, Stage, pack_reasons
from consumer.tables import load_tables

LIMIT_MB = 200
NOW = datetime(2026, 11, 22, 15, 15, tzinfo=UTC)
DAY = date(2026, 11, 20)
SITE, COURSE = "learn.example.org", "37"
HEADS = {
    "learners.csv": "learner,given_name,family_name,birth_date,board_id,consent\n",
    "activities.csv": "site,course,activity,pars_activity_id,title,credit_types,max_points,zone\n"
    f"{SITE},{COURSE},HF-UPDATE,202600001,Heart Failure Update,Medical Knowledge,1.5,UTC\n",
}
PROFILES = {"main": Provider("0009999", "Example Academy of Medicine")}
HELD = pack_reasons([Reason(Stage.LOOK_UP, "learner_not_found", "learner")])


def fill(ledger: Ledger, count: int) -> None:
    """Invented people, every tenth of them waiting; each with one completion."""
    for start in range(0, count, 1000):
        numbers = range(start + 1, min(start + 1000, count) + 1)
        sent = [number for number in numbers if number % 10]
        with ledger.begin() as db:
            db.execute(insert(completions), [_completion(ledger, number) for number in numbers])
            db.execute(insert(credits_), [_credit(ledger, number) for number in sent])
            links = [{"completion_id": number, "credit_id": number} for number in sent]
            db.execute(insert(completion_credits), links)


def _completion(ledger: Ledger, number: int) -> dict[str, object]:
    said = Said(Kind.COMPLETION, "moodle", "m", 1, SITE, str(number), COURSE, NOW)
    waits = number % 10 == 0
    return {
        "id": number, "key": f"c{number}", "source": "moodle", "mapping": "m",
        "mapping_version": 1, "site": SITE, "course": COURSE, "said": ledger.seal.seal_json(said),
        "state": Heard.HELD if waits else Heard.CREDITED, "reasons": HELD if waits else "[]",
        "original": b"", "heard_at": NOW, "changed_at": NOW,
    }  # fmt: skip


def _credit(ledger: Ledger, number: int) -> dict[str, object]:
    record = Record(
        "main", "0009999", "Example Academy of Medicine", "HF-UPDATE", "202600001",
        "Heart Failure Update", f"Given {number:x}", f"Family {number}", BirthDate(9, 10), "ABIM",
        f"{number % 10**6:06d}", None, "Medical Knowledge", "Medical Knowledge", Decimal("1.5"),
        DAY - timedelta(days=number % 300),
    )  # fmt: skip
    return {
        "id": number, "key": f"k{number}", "credit_id": f"ccid:example.org:{number}-r1",
        "state": State.ACCEPTED, "profile": "main", "board": "ABIM", "points": "1.5",
        "credit_type": "Medical Knowledge", "activity": "HF-UPDATE",
        "pars_activity_id": "202600001", "completed_on": record.completed_on,
        "report_by": record.completed_on, "record": ledger.seal.seal_json(record),
        "due_at": NOW, "submitted_at": NOW, "decided_at": NOW, "created_at": NOW,
        "changed_at": NOW,
    }  # fmt: skip


def main() -> int:
    """Write one Excel file and tell what it took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, text in HEADS.items():
            (folder / name).write_text(text, encoding="utf-8")
        seal, identity = Seal(Fernet.generate_key()), Identity(b"a secret of this bench")
        ledger = open_ledger(folder / "ledger.db", seal, identity)
        fill(ledger, count)
        desk = AuditDesk(ledger, load_tables(folder, {"main"}), PROFILES, SystemClock())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        (written,) = desk.write("HF-UPDATE", folder, "bench", ["excel"])
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "reported": written.reported,
            "not_reported": written.not_reported,
            "file_bytes": written.file.stat().st_size,
            "seconds": round(seconds, 1),
            "rss_before_mb": round(before, 1),
            "peak_rss_mb": round(peak, 1),
            "limit_mb": LIMIT_MB,
            "ok": peak < LIMIT_MB,
        }
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
