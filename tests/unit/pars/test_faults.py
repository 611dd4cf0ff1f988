"""A fault plan: what it may say, how each mistake is told, and when its rules strike."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.pars.simulator.faults import Faults, Kind, On, Rule
from consumer.pars.simulator.plan import (
    PlanProblems,
    plan_from,
    plan_from_file,
    plan_from_flags,
)
from tests.fakes import MORNING

TOML = """
[[faults]]
kind = "status"
on = "any"
status = 503
text = "Try later"
lasting = "5m"

[[faults]]
kind = "down"
seconds = 90
"""
YAML = """
faults:
  - {kind: status, on: any, status: 503, text: Try later, lasting: 5m}
  - {kind: down, seconds: 90s}
"""
FLAGS = ("status on=any status=503 text='Try later' lasting=300", "down seconds=1.5m")


def struck(faults: Faults, requests: int, service: On = On.SAVE) -> list[int]:
    """Which of so many requests went wrong, from 1."""
    return [n for n in range(1, requests + 1) if faults.take(service, MORNING) is not None]


def standing(**rule: Any) -> Faults:
    return Faults([Rule.model_validate({"kind": "hang"} | rule)], MORNING)


def test_file_flag_and_json_say_the_same(tmp_path: Path) -> None:
    files = {"plan.toml": TOML, "plan.yaml": YAML}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    plans = [plan_from_file(tmp_path / name) for name in files]
    plans.append(plan_from_flags(FLAGS))
    said = [{"kind": "status", "on": "any", "status": 503, "text": "Try later", "lasting": "300s"}]
    plans.append(plan_from({"faults": [*said, {"kind": "down", "seconds": "90"}]}))
    assert all(plan == plans[0] for plan in plans)
    assert [rule.kind for rule in plans[0]] == [Kind.STATUS, Kind.DOWN]
    assert [rule.window for rule in plans[0]] == [300.0, 90.0]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "earthquake"}, "kind: "),
    ({}, "kind: "),
    ({"kind": "hang", "tiems": 3}, "tiems: unknown name; did you mean times?"),
    ({"kind": "hang", "on": "sabe"}, "on: "),
    ({"kind": "hang", "times": 0}, "times: "),
    ({"kind": "hang", "share": 1.5}, "share: "),
    ({"kind": "hang", "lasting": "soon"}, "lasting: "),
    ({"kind": "hang", "seconds": "nan"}, "seconds: "),
    ({"kind": "status", "status": 99}, "status: "),
    ({"kind": "down"}, "down needs seconds"),
    ({"kind": "down", "seconds": 5, "times": 2}, "down takes no times"),
    ({"kind": "bomb", "seconds": 5}, "bomb takes no seconds"),
    ({"kind": "board_never", "on": "save"}, "board_never takes no on"),
    ({"kind": "board_rejects", "reason": "mood"}, "reason: "),
]


def test_every_mistake_is_told_at_once_by_its_entry() -> None:
    good = {"kind": "bomb"}
    with pytest.raises(PlanProblems) as found:
        plan_from({"faults": [good, *(entry for entry, _ in WRONG)], "fault": []}, "plan: ")
    unknown, *told = found.value.problems
    assert unknown == "plan: fault: unknown name; only faults is known"
    assert len(told) == len(WRONG)
    for number, (problem, (_, words)) in enumerate(zip(told, WRONG, strict=True), 2):
        assert problem.startswith(f"plan: entry {number}: {words}")


@pytest.mark.parametrize("text", ["faults = 3", "", "[[faults", "faults = []\nmore = 1", "\0"])
def test_a_file_that_is_no_plan_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    for name in ("plan.toml", "plan.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(PlanProblems) as found:
            plan_from_file(tmp_path / name)
        assert all(name in problem for problem in found.value.problems)


@pytest.mark.parametrize("flag", ["", "hang seconds", "hang 'seconds=3", "hang =3", "hang x=1"])
def test_a_flag_that_is_none_is_told_in_its_own_words(flag: str) -> None:
    with pytest.raises(PlanProblems) as found:
        plan_from_flags(["bomb", flag])
    assert all(problem.startswith(f'--fault "{flag}": ') for problem in found.value.problems)


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [
        ({}, [1]),
        ({"times": 3}, [1, 2, 3]),
        ({"nth": 4}, [4]),
        ({"nth": 4, "times": 2}, [4, 5]),
        ({"share": 0.25}, [4, 8, 12]),
        ({"share": 0.25, "times": 2}, [4, 8]),
        ({"share": 0.5, "nth": 7}, [8, 10, 12]),
        ({"share": 1}, [*range(1, 13)]),
        ({"lasting": 10}, [*range(1, 13)]),
    ],
)
def test_a_rule_strikes_when_it_says(rule: dict[str, Any], numbers: list[int]) -> None:
    assert struck(standing(**rule), 12) == numbers


@given(share=st.integers(1, 1000).map(lambda n: n / 1000), requests=st.integers(0, 500))
def test_a_share_is_kept_to_within_one_request(share: float, requests: int) -> None:
    assert abs(len(struck(standing(share=share), requests)) - share * requests) < 1.001


@pytest.mark.parametrize(
    ("rule", "services"),
    [
        ({}, {On.SAVE}),
        ({"on": "status"}, {On.STATUS}),
        ({"on": "any"}, set(On)),
        ({"kind": "down", "seconds": 5}, set(On)),
        ({"kind": "down", "seconds": 5, "on": "save"}, {On.SAVE}),
    ],
)
def test_a_rule_strikes_whom_it_concerns(rule: dict[str, Any], services: set[On]) -> None:
    for service in set(On) - {On.ANY}:
        assert bool(struck(standing(**rule), 1, service)) is (service in services)


def test_rules_strike_in_their_order_and_an_outage_before_all() -> None:
    rules = plan_from_flags(["bomb", "half times=2", "down seconds=10"])
    faults = Faults(rules, MORNING)
    later = MORNING + timedelta(seconds=10)
    due = [faults.take(On.SAVE, at) for at in (MORNING, *[later] * 4)]
    assert [one and one.rule.kind for one in due] == ["down", "bomb", "half", "half", None]
    assert due[0] is not None
    assert due[0].left_seconds == 10
    assert faults.as_json(later) == []


def test_what_is_left_is_shown() -> None:
    faults = Faults(plan_from_flags(["bomb times=3", "half share=0.5 lasting=1m"]), MORNING)
    struck(faults, 2)
    faults.take(On.SAVE, MORNING + timedelta(seconds=20))
    bomb_is_over, *_ = faults.as_json(MORNING + timedelta(seconds=20))
    assert bomb_is_over == {
        "kind": "half",
        "share": 0.5,
        "lasting": 60.0,
        "seen": 0,
        "done": 0,
        "left": None,
        "left_seconds": 40.0,
    }
    assert faults.as_json(MORNING + timedelta(seconds=60)) == []


def test_the_board_s_rules_all_apply_and_no_request_uses_them_up() -> None:
    flags = ["board_late seconds=1h", "board_rejects reason=identity share=0.5"]
    faults = Faults(plan_from_flags(flags), MORNING)
    assert struck(faults, 5) == []
    decided = [[rule.kind.value for rule in faults.board(MORNING)] for _ in range(3)]
    assert decided == [["board_late"], ["board_rejects"], []]
