"""Several steps, one credit: in whatever order they come, repeated, and in whatever batches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.reason import unpack_reasons
from tests.fakes import FakeClock
from tests.integration.academy import asking, settle_in, told
from tests.integration.office import Office
from tests.integration.people import DAY, NOON, PRIYA

BEGUN = NOON - 10 * DAY
_STEPS: dict[str, tuple[str, int, str]] = {
    "completed": ("completion", 1, ""),
    "evaluated": ("evaluation", 0, ""),
    "evaluated later again": ("evaluation", 4, ""),
    "claimed": ("claim", 2, "1.25"),
    "claimed less": ("claim", 3, "0.5"),
    "claimed less later again": ("claim", 5, "0.5"),
    "taken back": ("retraction", 6, ""),
}
"""Each event: its kind, the day after the first on which it was done, and the points."""
SENT = "PARS takes what is ready"

EVENTS = {
    name: told(kind, PRIYA, BEGUN + days * DAY, **({"points": points} if points else {}))
    for name, (kind, days, points) in _STEPS.items()
}
batches_ = st.lists(
    st.lists(st.sampled_from([*EVENTS]), min_size=1, max_size=4), min_size=1, max_size=5
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What everything that was heard must come to; `credit` is its day and points."""

    taken_back: bool
    missing: list[str]
    credit: tuple[date, Decimal] | None


def expected(heard: set[str], rule: str) -> Expected:
    """The model: which events were heard, and not in which order, says it all."""
    kinds = {_STEPS[name][0] for name in heard}
    missing = [f"{k}_awaited" for k in ("completion", "evaluation", "claim") if k not in kinds]
    if missing or "taken back" in heard:
        return Expected("taken back" in heard, missing, None)
    less = [_STEPS[name][1] for name in heard if name.startswith("claimed less")]
    claimed = min(less) if less else 2
    evaluated = 0 if "evaluated" in heard else 4
    last = max(1, claimed, evaluated)
    days = {"completion": 1, "claim": claimed, "last_step": last}[rule]
    day = (BEGUN + days * DAY).date()
    return Expected(False, [], (day, Decimal("0.5" if less else "1.25")))


def opened(folder: str, rule: str) -> Office:
    """An office whose course requires an evaluation and a claim."""
    return settle_in(Office(Path(folder), FakeClock()), asking(date_rule=rule))


def hear(office: Office, batch: Sequence[str]) -> None:
    """One transaction's worth; or PARS takes what is ready."""
    if list(batch) == [SENT]:
        office.take_for_sent()
    else:
        office.hear(*(EVENTS[name] for name in batch))


def live(office: Office) -> list[tuple[date, Decimal]]:
    """Day and points of every credit that is not withdrawn."""
    rows = [row for row in office.credits if row.state != "withdrawn"]
    records = [office.ledger.seal.open_record(row.sent or row.record) for row in rows]
    return [(record.completed_on, record.points) for record in records]


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(batches_, st.sampled_from(["completion", "last_step", "claim"]))
@example([["evaluated", "completed", "claimed"]], "last_step")
@example([["evaluated"], ["completed"], ["claimed"]], "last_step")
@example([["taken back"], ["evaluated", "claimed"], ["completed"]], "claim")
def test_law_all_orders_repetitions_and_batches_come_to_one_credit(
    batches: list[list[str]], rule: str
) -> None:
    heard = {name for batch in batches for name in batch}
    with TemporaryDirectory() as folder, closing(opened(folder, rule)) as office:
        for batch in batches:
            hear(office, batch)
        model = expected(heard, rule)
        (row,) = office.completions
        assert live(office) == ([model.credit] if model.credit else [])
        assert len(office.credits) <= 1
        assert (row.state == "retracted") == model.taken_back
        if not model.taken_back:
            assert [one.code for one in unpack_reasons(row.reasons)] == model.missing
            assert office.letters == []
        office.clock.advance(90_000)
        office.look()
        assert live(office) == ([model.credit] if model.credit else [])


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(batches_, st.integers(0, 4), st.sampled_from(["completion", "last_step", "claim"]))
@example([["completed", "evaluated", "claimed"], ["claimed less"]], 1, "claim")
@example([["completed", "evaluated", "claimed"], ["taken back"]], 1, "completion")
def test_law_what_pars_has_changes_only_by_a_person(
    batches: list[list[str]], sent_after: int, rule: str
) -> None:
    with TemporaryDirectory() as folder, closing(opened(folder, rule)) as office:
        for batch in batches[:sent_after]:
            hear(office, batch)
        hear(office, [SENT])
        at_pars = live(office)
        for batch in batches[sent_after:]:
            hear(office, batch)
        if not at_pars:
            return
        assert live(office) == at_pars
        assert len(office.credits) == 1
        model = expected({name for batch in batches for name in batch}, rule)
        if model.taken_back or (model.credit and model.credit[1] != at_pars[0][1]):
            assert office.open_letters(), "a person is asked"
