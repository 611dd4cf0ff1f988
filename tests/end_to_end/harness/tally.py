"""What many rounds came to: one line for each, and one line of JSON at the end."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from tests.end_to_end.harness.plan import Plan
from tests.end_to_end.harness.verdict import Verdict

WRONG = (
    "lost",
    "credited_twice",
    "out_of_order",
    "left_behind",
    "withdrawn_unasked",
    "unexplained_letters",
    "letters_out_of_order",
    "not_at_rest",
    "ended_badly",
)
"""What must be 0."""
_COUNTED = ("kills", "freezes", "restarts", "moments", "moments_missed")


@dataclass(frozen=True, slots=True)
class Round:
    """One round that was played."""

    plan: Plan
    verdict: Verdict
    counts: Counter[str]
    published: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdict.findings

    def __str__(self) -> str:
        """One line; if something is wrong, that, the plan, and how to play it again."""
        said = "ok  " if self.good else "FAIL"
        plan = self.plan
        line = f"{said} round {plan.number}  {plan.setting:<16} {self.seconds:5.1f} s  "
        line += f"{self.published:2} events  {plan.headline.words}"
        if self.good:
            return line
        again = f"make crash ROUNDS=1 SEED={plan.seed} FIRST={plan.number}"
        wrong = [f"  {one.count}: {one.words}" for one in self.verdict.findings]
        return "\n".join([line, *wrong, str(plan), f"  again: {again}"])


@dataclass(slots=True)
class Tally:
    """All rounds so far."""

    seed: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def wrong(self) -> Counter[str]:
        """How much of each is wrong."""
        return Counter(one.count for done in self.rounds for one in done.verdict.findings)

    def as_json(self, seconds: float) -> str:
        """One line."""
        wrong, counts = self.wrong, Counter[str]()
        for done in self.rounds:
            counts.update(done.counts)
        told: dict[str, object] = {
            "rounds": len(self.rounds),
            "published": sum(done.published for done in self.rounds),
            **{name: wrong[name] for name in WRONG},
            "seed": self.seed,
            **{name: counts[name] for name in _COUNTED},
            "put_right": sum(done.verdict.put_right for done in self.rounds),
            "configurations": dict(Counter(str(done.plan.setting) for done in self.rounds)),
            "seconds": round(seconds, 1),
        }
        return json.dumps(told)
