"""Processor time by stage, of the intake and of the submit pump: one line of JSON.

Each pump alone in a process, with a CPU clock of the thread around each stage (`bench.clocked`).
The clocks themselves cost a few microseconds a completion: rates are measured without them.

python -m bench.stages [--workers N] [--records N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.lean import lean
from bench.office import all_sent, heard, make_ready, open_office, publish, wait, write_settings
from tests.end_to_end.office import Office


def of_intake(office: Office, records: int) -> dict[str, int]:
    """Microseconds by stage of one completion, from the bus into the ledger."""
    publish(office, records)
    with office.script("bench.clocked", "intake") as intake:
        wait(intake, lambda: heard(office) >= records)
    return per_completion(intake.said, records)


def of_submit(office: Office, workers: int, records: int) -> dict[str, int]:
    """Microseconds by stage of one completion, from the ledger to PARS and back."""
    make_ready(office, records)
    with lean() as pars:
        write_settings(office, pars.url, sending={"workers": workers})
        with office.script("bench.clocked", "submit") as submit:
            wait(submit, lambda: pars.answered >= records and all_sent(office))
        pars.check(records)
    return per_completion(submit.said, records)


def per_completion(said: str, records: int) -> dict[str, int]:
    """The last line of what the process wrote, for one completion; the largest first."""
    spent: dict[str, float] = json.loads(said.splitlines()[-1])
    in_order = sorted(spent.items(), key=lambda one: -one[1])
    return {stage: round(seconds / records * 1e6) for stage, seconds in in_order}


def main() -> int:
    """Tell what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--records", type=int, default=5000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        intake = of_intake(open_office(folder / "hearing"), args.records)
        submit = of_submit(open_office(folder / "sending"), args.workers, args.records)
    figures = {"records": args.records, "workers": args.workers}
    stages = {"cpu_us_intake": intake, "cpu_us_submit": submit}
    sys.stdout.write(json.dumps(figures | stages) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
