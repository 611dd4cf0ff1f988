"""A few spoilt events of the fuzz run, and that it would notice what is unforeseen."""

from __future__ import annotations

import pytest

from consumer.fate import Refused
from consumer.journey import Heard
from consumer.mapping.mapping import Mapping
from consumer.reason import Reason, Stage
from tests.fuzz_mappings import MARK, Fuzzer, faults, run


def test_every_spoilt_event_has_a_foreseen_fate() -> None:
    came = run(3000, seed=20261126)
    assert came["wrong"] == {}
    assert {"Ready", "Held", "NotReportable", "Refused", "Ignored"} == came["fates"].keys()
    assert len(came["codes"]) > 20


def test_a_fault_of_our_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_args: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(Mapping, "read", breaks)
    wrong = run(200, seed=1)["wrong"]
    assert len(wrong) > 50
    assert {told for one in wrong.values() for told in one.split(", ")} == {"internal KeyError"}


def test_a_value_in_a_reason_is_found() -> None:
    message = Fuzzer(1).message(7)
    told = Reason(Stage.MAP, "wrong_type", "learner", f"not {MARK}")
    assert faults(message, [Heard(Refused((told,)))]) == ["a value is told"]
    assert faults(message, []) == ["nothing came"]


def test_a_seed_gives_the_same_messages_again() -> None:
    first, again, other = Fuzzer(5), Fuzzer(5), Fuzzer(6)
    messages = [first.message(number) for number in range(50)]
    assert [again.message(number) for number in reversed(range(50))] == messages[::-1]
    assert [other.message(number) for number in range(50)] != messages
