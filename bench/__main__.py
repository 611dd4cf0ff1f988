"""All measures in one run on one machine: a table, two pictures, and last one line of JSON.

python -m bench [--records N] [--times N]

The line holds what is looked at first; everything is in results.json, beside the pictures. Exit
code 1 when an aim is missed; the line then names it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import machine, plot, told
from bench.measures import SUBMIT, Measures


def measure(records: int, times: int) -> dict[str, Any]:
    """Everything, one after the other."""
    measures = Measures(times)
    submit = {str(delay_ms): measures.submit(delay_ms) for delay_ms in SUBMIT}
    intake = {"embedded": measures.intake()}
    with tempfile.TemporaryDirectory() as folder, measures.kafka(Path(folder)) as kafka:
        processes = None
        if kafka:
            intake["kafka"] = measures.intake(kafka)
            processes = measures.processes(kafka)
    return {
        "submit": submit,
        "intake": intake,
        "stages": measures.stages(),
        "whole": measures.whole(),
        "processes": processes,
        "memory": measures.memory(records),
    }


def headline(parts: dict[str, Any]) -> dict[str, Any]:
    """What is looked at first, and compared from one version to the next."""
    submit, whole, processes = parts["submit"], parts["whole"], parts["processes"] or {}
    at_once, late = submit["0"], submit["200"]
    return {
        "intake_per_second": parts["intake"]["embedded"]["intake_per_second"],
        "intake_kafka_per_second": parts["intake"].get("kafka", {}).get("intake_per_second"),
        "completions_per_second": at_once["completions_per_second"],
        "bare_posts_per_second": at_once["bare_posts_per_second"],
        "ratio_to_bare": at_once["ratio_to_bare"],
        "ratio_at_200ms": late["ratio_to_ideal"],
        "cpu_us_per_completion_beyond_post": late["cpu_us_per_completion_beyond_post"],
        "whole_per_second": whole["whole_per_second"],
        "latency_ms_p50": whole["latency_ms_p50"],
        "latency_ms_p99": whole["latency_ms_p99"],
        "processes_per_second": processes.get("processes_per_second"),
        "peak_rss_mb": parts["memory"]["peak_rss_mb"],
    }


def main() -> int:
    """Measure, show, draw, tell."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--records", type=int, default=100_000, help="of the memory's measure")
    parser.add_argument("--times", type=int, default=3, help="runs of each short measure")
    args = parser.parse_args()
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    began: dict[str, Any] = {"measured": measured, "machine": machine.facts()}
    parts = measure(args.records, args.times)
    began["machine"]["load_after"] = machine.load()
    first = began | headline(parts)
    first["missed"] = told.missed(first | parts)
    told.show(first | parts, Console())
    save(first | parts)
    sys.stdout.write(json.dumps(first) + "\n")
    return 1 if first["missed"] else 0


def save(figures: dict[str, Any]) -> None:
    """Everything, beside this file."""
    folder = Path(__file__).parent
    plot.draw(figures, folder)
    file = folder / "results.json"
    # Measured apart, by bench.pages.
    pages = json.loads(file.read_text(encoding="utf-8")).get("pages")
    figures = figures | ({"pages": pages} if pages else {})
    file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
