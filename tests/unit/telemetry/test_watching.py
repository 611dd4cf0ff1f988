"""Alerts and dashboard: only metrics that exist, plain words, and promtool's own judgement."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.telemetry.metrics import BY_NAME, Kind
from tests.conftest import do_without

ROOT = Path(__file__).parents[3]
RUNBOOK = ROOT / "docs/runbook.md"
PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/grafana/moc-consumer.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
QUERIES = [
    *(rule["expr"] for rule in ALERTS),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]


def sample_names() -> Iterator[str]:
    """The names that a query may use: a histogram has three for its one."""
    for name, one in BY_NAME.items():
        if one.kind is Kind.HISTOGRAM:
            yield from (f"{name}_{part}" for part in ("bucket", "sum", "count"))
        else:
            yield name


def promtool(*arguments: str, where: Path = PROMETHEUS) -> str:
    """What it says; the test fails if it is not content."""
    program = shutil.which("promtool")
    if program is None:
        do_without("promtool", FileNotFoundError("apt-get install prometheus"))
    done = subprocess.run([program, *arguments], cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_is_raised_by_what_it_is_for_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_tried() -> None:
    tried = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text(encoding="utf-8"))
    raised = {
        case["alertname"]
        for test in tried["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert raised == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_that_there_are(query: str) -> None:
    named = set(re.findall(r"\bmoc_[a-z0-9_]+", query))
    assert named <= set(sample_names())
    assert named or query.startswith(("up{", "process_"))


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_labels_that_the_metric_has(query: str) -> None:
    for name, wanted in re.findall(r"\b(moc_[a-z0-9_]+?)(?:_bucket)?\{([^}]*)\}", query):
        assert set(re.findall(r"(\w+)[=!]", wanted)) <= set(BY_NAME[name].labels)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    summary, link = rule["annotations"]["summary"], rule["annotations"]["runbook_url"]
    assert summary.endswith((".", ")."))
    assert "moc_" not in summary
    anchor = re.sub("(?<!^)(?=[A-Z])", "-", rule["alert"]).lower()
    assert link == f"docs/runbook.md#{anchor}"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_runbook_says_what_to_do_about_it(rule: dict[str, Any]) -> None:
    _, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall("^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}
    assert anchor in anchors


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", str(file))


def test_panels_have_names_words_and_a_place_of_their_own() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
