"""A PARS that survives the service: a simulator, and what its books say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from consumer.clock import SystemClock
from consumer.demo.scenario import PROVIDER_ID, Scenario
from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.operations import Manners
from consumer.pars.simulator.roster import Diplomate
from consumer.pars.simulator.server import running
from consumer.pars.simulator.web import STEM, Provider, Simulator
from consumer.resources import shipped
from tests.end_to_end.office import PASSWORD


@dataclass(frozen=True)
class Pars:
    """A simulator that runs in this process, seen from outside."""

    simulator: Simulator
    address: str

    @property
    def url(self) -> str:
        """The base address of its services."""
        return self.address + STEM

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record it ever stored."""
        return list(self.simulator.books()["records"])

    @property
    def posts(self) -> int:
        """How many credits were sent so far, whatever came of them."""
        return int(self.simulator.books()["totals"]["posts"])

    def credited(self) -> Counter[tuple[str, str]]:
        """Live credits by board ID and activity."""
        live = [one for one in self.records if one["state"] != "deleted"]
        return Counter((one["board_id"], one["activity"]) for one in live)

    def weather(self, *faults: dict[str, Any]) -> None:
        """Faults to come; none clears them."""
        if faults:
            plan = {"faults": faults}
            httpx.put(f"{self.address}/_faults", json=plan, trust_env=False).raise_for_status()
        else:
            httpx.delete(f"{self.address}/_faults", trust_env=False).raise_for_status()


def pars_for(story: Scenario) -> AbstractContextManager[Pars]:
    """A PARS where the story's physicians and activities are known."""
    return pars_of([one.diplomate for one in story.physicians], story.activities())


@contextmanager
def pars_of(
    roster: Sequence[Diplomate],
    activities: Sequence[Activity],
    around: Callable[[Any], Any] = lambda app: app,
) -> Iterator[Pars]:
    """A PARS where these people and activities are known; the board decides quickly.

    `around` may put something around its application.
    """
    simulator = Simulator(
        [Provider(PROVIDER_ID, "demo", PASSWORD)],
        shipped("schemas"),
        SystemClock(),
        roster=roster,
        activities=activities,
        manners=Manners(board_delay_seconds=0.3),
    )
    simulator.app = around(simulator.app)
    with running(simulator) as address:
        yield Pars(simulator, address)
