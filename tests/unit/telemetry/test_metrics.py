"""The table of metrics: names as Prometheus wants them, a page that says the same, few labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ledger.surges import Settled
from consumer.telemetry.exposition import Exposition
from consumer.telemetry.meters import MOST_VALUES, OTHER, Labels, Meters
from consumer.telemetry.metrics import BY_NAME, TABLE, Kind, Metric, Of
from consumer.telemetry.readiness import Readiness
from tests.fakes import FakeClock
from tests.unit.telemetry.guide import DOCS, PAGES, PARTS, made

UNITS = {"s": "_seconds", "bytes": "_bytes", "days": "_days"}
EVENTS = BY_NAME["moc_events_total"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_what_the_program_says_of_itself(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert "<!-- made: " in text
    assert made(text) == text, "write it anew with: make guide"


def test_every_part_stands_on_a_page() -> None:
    pages = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    assert [part for part in PARTS if f"<!-- made: {part} -->" not in pages] == []


def test_no_name_stands_twice() -> None:
    assert len(BY_NAME) == len(TABLE)


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_a_name_says_unit_and_kind(one: Metric) -> None:
    assert re.fullmatch("moc(_[a-z0-9]+)+", one.name)
    assert one.name.endswith("_total") == (one.kind is Kind.COUNTER)
    if one.unit:
        assert one.name.endswith(UNITS[one.unit])
    assert not re.search("_(count|sum|bucket|info|created)$", one.name), "Prometheus's own"
    assert one.kind is not Kind.HISTOGRAM or one.buckets == tuple(sorted(one.buckets))
    assert one.of is Of.PROCESS or one.kind is Kind.GAUGE, "of the whole nobody counts upwards"
    assert one.asks.endswith((".", "?"))


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_no_label_is_a_persons(one: Metric) -> None:
    codes = {
        "fate",
        "state",
        "action",
        "outcome",
        "list",
        "stage",
        "reason",
        "verdict",
        "way",
        "why",
        "kind",
    }
    allowed = codes | {"source", "profile", "topic", "webhook", "condition", "pump", "within_days"}
    assert set(one.labels) <= allowed


@given(st.lists(st.text(max_size=200)))
def test_law_the_values_of_a_label_stay_few_and_plain(values: list[str]) -> None:
    labels = Labels()
    kept = {labels.values(EVENTS, (value, "ready"))[0] for value in values}
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]{1,120}", one) for one in kept)


def test_one_value_too_many_is_counted_with_the_others() -> None:
    meters = Meters()
    for number in range(MOST_VALUES + 50):
        meters.heard([Settled("t", 0, number, f"lms{number}/x", "ready")], {})
    (family,) = (one for one in meters.registry.collect() if one.name == "moc_events")
    by_source = {one.labels["source"]: one.value for one in family.samples}
    assert len(by_source) == MOST_VALUES + 1
    assert by_source[OTHER] == 50


def test_a_word_that_is_no_code_becomes_no_label() -> None:
    meters = Meters()
    meters.asked("main", "Ada Abara", 0.1)
    (family,) = (one for one in meters.registry.collect() if one.name == "moc_pars_request_seconds")
    assert {one.labels["action"] for one in family.samples} == {OTHER}


def test_a_figure_that_is_not_declared_is_told_to_nobody() -> None:
    clock = FakeClock()
    exposition = Exposition(Meters(), Readiness(clock), clock)
    exposition.watch(lambda: [("moc_unheard_of", (), 1.0)])
    with pytest.raises(KeyError, match="moc_unheard_of"):
        exposition.answer("")
