"""Reporting by file as its page tells it: by commands alone, from completions to the end."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.end_to_end.office import COMMAND
from tests.end_to_end.patience import until


def run(folder: Path, *words: str) -> list[dict[str, Any]]:
    """A command in the office's folder; what it printed."""
    done = subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, check=True)
    return [orjson.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """The office that the demo leaves."""
    folder = tmp_path / "trial"
    (summary,) = run(tmp_path, "demo", "--json", "--by-file", str(folder))
    assert summary["ready"] == 147
    return folder


@pytest.fixture
def pars(trial: Path) -> Iterator[str]:
    """`moc-consumer simulate`, with what the office's PARS knows; its address."""
    words = ["simulate", "--port", "0", "--roster", "pars-roster.json", "--board-delay", "0"]
    command = [COMMAND, *words, "--activities", "pars-activities.json"]
    log = trial / "simulate.log"
    with log.open("wb") as out, subprocess.Popen(command, cwd=trial, stdout=out) as process:
        try:
            found = until(lambda: re.search(r"http://[^/]+", log.read_text()), 20, "the simulator")
            yield found[0]
        finally:
            process.terminate()


@pytest.mark.parametrize("form", ["excel", "xml"])
def test_exported_uploaded_imported_everything_is_settled(
    trial: Path, pars: str, form: str
) -> None:
    exported = run(trial, "report", "export", "--form", form, "--rows", "20", "--yes")[-6:]
    assert sum(one["rows"] for one in exported) == 147
    with httpx.Client(base_url=pars, trust_env=False) as client:
        for file in (name for one in exported for name in one["files"].split(", ")):
            client.post("/_upload", content=(trial / file).read_bytes()).raise_for_status()
        sheet = trial / "results.xlsx"
        sheet.write_bytes(client.get("/_results.xlsx").content)
        books = client.get("/_books").json()
    (counts,) = run(trial, "report", "import", "results.xlsx", "--yes")
    assert (counts["accepted"], counts["rejected"], counts["error"]) == (132, 4, 11)
    assert {one["standing"] for one in run(trial, "report", "list")} == {"settled"}
    listed = {one["id"]: one["state"] for one in run(trial, "credit", "list", "--limit", "1000")}
    states = Counter(listed.values())
    assert (states["accepted"], states["reported"], states["ready"]) == (132, 0, 0)
    totals = books["totals"]
    assert (totals["live"], totals["doubled"]) == (136, 0)
    assert run(trial, "report", "export", "--yes") == []
