"""Waiting: how long before another try, when a whole profile pauses, how fast requests leave."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.pumps.backoff import Backoff
from consumer.pumps.breaker import Breaker
from consumer.pumps.pace import Pace
from tests.fakes import MORNING

# ---------------------------------------------------------------- back-off


@given(
    first=st.floats(0.001, 1e4),
    longest=st.floats(0.001, 1e6),
    luck=st.floats(0, 1, exclude_max=True),
    tries=st.integers(-1, 10**6),
)
def test_law_a_wait_is_anywhere_up_to_its_ceiling(
    first: float, longest: float, luck: float, tries: int
) -> None:
    delay = Backoff(first, longest, lambda: luck).delay(tries)
    assert 0 <= delay <= longest
    assert delay <= first * 2.0 ** min(max(tries - 1, 0), 60)


@pytest.mark.parametrize(
    ("tries", "ceiling"), [(0, 60), (1, 60), (2, 120), (3, 240), (9, 15360), (10, 21600)]
)
def test_the_ceiling_doubles_with_every_try_up_to_the_longest(tries: int, ceiling: float) -> None:
    assert Backoff(60, 6 * 3600, lambda: 1.0).delay(tries) == ceiling


def test_jitter_is_full_so_that_a_crowd_spreads() -> None:
    lucks = iter([0.0, 0.25, 0.999])
    spread = Backoff(60, 3600, lambda: next(lucks))
    assert [round(spread.delay(2), 2) for _ in range(3)] == [0, 30, 119.88]


# ---------------------------------------------------------------- breaker

PAUSE, STOPPED, PROBE = 60.0, 900.0, 20.0
FRESH = Breaker(3, PAUSE, STOPPED, PROBE)


def after(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def broken() -> Breaker:
    return FRESH.failed(MORNING).failed(MORNING).failed(MORNING)


def test_a_few_failures_hold_nothing_back() -> None:
    twice = FRESH.failed(MORNING).failed(MORNING)
    assert twice.allowance(MORNING, 8) == 8
    assert not twice.is_open


def test_a_row_of_failures_holds_everything_back_for_the_pause() -> None:
    assert broken().is_open
    assert broken().allowance(after(PAUSE - 1), 8) == 0


def test_after_the_pause_one_probe_may_leave_and_no_more() -> None:
    assert broken().allowance(after(PAUSE), 8) == 1
    assert broken().allowance(after(10 * PAUSE), 8) == 1
    assert broken().allowance(after(PAUSE), 0) == 0


def test_while_a_probe_is_away_no_other_leaves_until_it_is_given_up() -> None:
    probed = broken().probing(after(PAUSE))
    assert probed.allowance(after(PAUSE + PROBE - 1), 8) == 0
    assert probed.allowance(after(PAUSE + PROBE), 8) == 1


def test_what_is_mended_may_be_probed_at_once() -> None:
    assert FRESH.refused(MORNING).at_once(after(5)).allowance(after(5), 8) == 1
    assert FRESH.at_once(after(5)).allowance(after(5), 8) == 8


def test_a_success_lets_everything_flow_and_forgets_the_failures() -> None:
    well = broken().succeeded(after(PAUSE))
    assert well.allowance(after(PAUSE), 8) == 8
    assert well.last_success_at == after(PAUSE)
    assert not well.failed(after(61)).failed(after(62)).is_open


def test_an_answer_to_a_question_is_no_proof_that_saving_works() -> None:
    served = Breaker(5, 60, 900, 20).succeeded(MORNING)
    asked = served.failed(MORNING).succeeded(MORNING + timedelta(hours=1), saved=False)
    assert asked.last_success_at == MORNING
    assert not asked.is_open


def test_failures_count_only_in_a_row() -> None:
    breaker = FRESH
    for turn in range(20):
        breaker = breaker.failed(after(turn)).failed(after(turn)).succeeded(after(turn))
    assert not breaker.is_open


def test_pars_asking_for_a_pause_gets_it_at_once() -> None:
    breaker = FRESH.failed(MORNING, retry_after_seconds=300)
    assert breaker.allowance(after(299), 8) == 0
    assert breaker.allowance(after(300), 8) == 1


def test_a_short_retry_after_is_not_shorter_than_our_own_pause() -> None:
    assert FRESH.failed(MORNING, retry_after_seconds=0).allowance(after(PAUSE - 1), 8) == 0


def test_a_failed_probe_pauses_anew() -> None:
    early = FRESH.failed(MORNING, retry_after_seconds=300)
    for breaker in (early, broken()):
        probed = breaker.failed(after(300))
        assert probed.allowance(after(300 + PAUSE - 1), 8) == 0
        assert probed.allowance(after(300 + PAUSE), 8) == 1


def test_a_late_failure_does_not_shorten_the_pause_pars_asked_for() -> None:
    paused = FRESH.failed(MORNING, retry_after_seconds=3600)
    late = paused.failed(after(1)).failed(after(2)).failed(after(3))
    assert late.allowance(after(3599), 8) == 0


def test_refused_credentials_stop_at_once_and_for_long() -> None:
    stopped = FRESH.refused(MORNING)
    assert stopped.stopped
    assert stopped.allowance(after(STOPPED - 1), 8) == 0
    assert stopped.allowance(after(STOPPED), 8) == 1


def test_a_stopped_profile_stays_stopped_until_pars_serves_it() -> None:
    stopped = FRESH.refused(MORNING).failed(after(5))
    assert stopped.stopped
    assert stopped.allowance(after(STOPPED - 1), 8) == 0
    assert not stopped.succeeded(after(STOPPED)).stopped


def test_the_last_success_survives_failures() -> None:
    breaker = FRESH.succeeded(MORNING).failed(after(1)).refused(after(2))
    assert breaker.last_success_at == MORNING


@given(st.lists(st.sampled_from(["ok", "failed", "retry_after", "refused"])), st.integers(1, 9))
def test_law_only_a_success_closes_what_is_open(steps: list[str], wanted: int) -> None:
    breaker, now = FRESH, MORNING
    for step in steps:
        was_open, now = breaker.is_open, now + timedelta(seconds=40)
        match step:
            case "ok":
                breaker = breaker.succeeded(now)
                assert breaker.allowance(now, wanted) == wanted
            case "failed":
                breaker = breaker.failed(now)
            case "retry_after":
                breaker = breaker.failed(now, 100)
            case _:
                breaker = breaker.refused(now)
        if was_open and step != "ok":
            assert breaker.allowance(now, wanted) == 0


# ---------------------------------------------------------------- pace


def leave(pace: Pace, seconds: float, wanted: int) -> tuple[Pace, int]:
    pace = pace.at(after(seconds))
    count = min(wanted, pace.whole)
    return pace.spend(count), count


@given(
    rate=st.floats(0.01, 1000),
    burst=st.floats(1, 64),
    start=st.floats(0, 1e6),
    turns=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100)), max_size=30),
)
def test_law_no_window_sees_more_than_the_rate_and_one_burst(
    rate: float, burst: float, start: float, turns: list[tuple[float, int]]
) -> None:
    pace, now, left = Pace(rate, burst), start, list[tuple[float, int]]()
    for waited, wanted in turns:
        now += waited
        pace, count = leave(pace, now, wanted)
        left.append((now, count))
    for i, (begin, _) in enumerate(left):
        for j in range(i, len(left)):
            window = left[j][0] - begin
            assert sum(n for _, n in left[i : j + 1]) <= burst + rate * window + 1e-3


@given(st.floats(0.01, 1000), st.integers(1, 50))
def test_law_who_waits_a_turn_gets_one(rate: float, turns: int) -> None:
    pace, now, _ = *leave(Pace(rate), 0.0, 1), 0
    for _ in range(turns):
        now += 1 / rate + 1e-6
        pace, count = leave(pace, now, 1)
        assert count == 1


def test_one_a_second_is_one_a_second() -> None:
    pace = Pace(1.0)
    counts = []
    for tenth in range(31):
        pace, count = leave(pace, 7 + tenth / 10, 9)
        counts.append(count)
    assert [i for i, count in enumerate(counts) if count] == [0, 10, 20, 30]
    assert sum(counts) == 4


def test_requests_made_beyond_the_allowance_are_paid_for_later() -> None:
    pace = Pace(1.0).at(MORNING).spend(1).spend(2)  # an exchange asked twice before it sent
    assert pace.at(after(2)).whole == 0
    assert pace.at(after(3)).whole == 1


def test_idle_time_saves_up_no_more_than_the_burst() -> None:
    assert Pace(10.0, burst=4.0).at(MORNING).spend(4).at(after(3600)).whole == 4


def test_a_clock_that_is_behind_another_gives_no_second_time() -> None:
    ahead = Pace(1.0).at(MORNING).spend(1).at(after(10)).spend(1)
    assert ahead.at(after(5)).at(after(10)).whole == 0
    assert ahead.at(after(5)).at(after(11)).whole == 1
