"""Prometheus itself, from the machine's own program, watching one service."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.patience import until
from tests.kafka.broker import free_ports

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
_CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 5s}}
rule_files: ["{alerts}"]
scrape_configs:
  - job_name: moc-consumer
    static_configs: [{{targets: ["{target}"]}}]
"""
_RATE_INTERVAL = "30s"
_STEP_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel: its labels, and what was measured when (seconds since 1970)."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """What it has seen since it was started."""

    address: str
    began: datetime

    def series(self, query: str) -> list[Series]:
        """The query over the whole time. Raises httpx.HTTPStatusError where it is no query."""
        asked = {
            "query": query.replace("$__rate_interval", _RATE_INTERVAL),
            "start": self.began.timestamp(),
            "end": datetime.now(UTC).timestamp(),
            "step": _STEP_SECONDS,
        }
        answer = httpx.get(f"{self.address}/api/v1/query_range", params=asked, trust_env=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return [
            Series(one["metric"], [(at, float(v)) for at, v in one["values"] if v != "NaN"])
            for one in found
        ]


@contextmanager
def watching(target: str, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes host:port every second, with our alert rules."""
    program = shutil.which("prometheus")
    if program is None:
        raise FileNotFoundError(
            "Prometheus is not installed; on Debian: apt-get install prometheus"
        )
    folder.mkdir()
    config, listen = folder / "prometheus.yml", f"127.0.0.1:{free_ports(1)[0]}"
    config.write_text(_CONFIG.format(alerts=ALERTS, target=target), encoding="utf-8")
    own = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *own, f"--web.listen-address={listen}"], stdout=log, stderr=log
        )
    try:
        until(lambda: _answers(listen), 30, "Prometheus answers")
        yield Prometheus(f"http://{listen}", datetime.now(UTC))
    finally:
        process.kill()
        process.wait()


def _answers(listen: str) -> bool:
    try:
        return httpx.get(f"http://{listen}/-/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False
