"""A round's plan: threads and steps, all drawn from one generator; the same seed, the same plan."""

from __future__ import annotations

import random
from dataclasses import dataclass

from consumer.demo.scenario import Scenario
from tests.end_to_end.harness.headlines import HEADLINES, Headline
from tests.end_to_end.harness.steps import Setting, Step
from tests.end_to_end.harness.story import Kind, Thread, Writer


@dataclass(slots=True)
class Plan:
    """What round `number` of a seed plays."""

    seed: str
    number: int
    setting: Setting
    headline: Headline
    scenario: Scenario
    threads: list[Thread]
    steps: list[Step]

    def __str__(self) -> str:
        """In words."""
        told = [f"  thread {n}: {thread.kind}" for n, thread in enumerate(self.threads)]
        steps = [f"  {n}. {step}" for n, step in enumerate(self.steps, 1)]
        head = f"seed {self.seed}, round {self.number}: {self.headline.words}, on {self.setting}"
        return "\n".join([head, *told, *steps])


def draw(seed: str, number: int) -> Plan:
    """The plan of a round. Headlines come in turn, and each on each setting it has."""
    drawn = random.Random(f"{seed}:{number}")  # noqa: S311  a plan, not a secret
    turn, place = divmod(number, len(HEADLINES))
    headline = HEADLINES[place]
    setting = headline.settings[(turn + place) % len(headline.settings)]
    writer = Writer(drawn, number)
    threads = writer.write(_kinds(drawn, headline))
    steps = headline.steps(drawn, setting, threads)
    return Plan(seed, number, setting, headline, writer.scenario, threads, steps)


def _kinds(drawn: random.Random, headline: Headline) -> list[Kind]:
    kinds = [Kind.PLAIN] * 3 + [Kind.REPEATED, *headline.needs]
    kinds += drawn.sample([*Kind], drawn.randint(2, 4))
    drawn.shuffle(kinds)
    return kinds
