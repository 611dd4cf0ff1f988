"""How many posts a source may send: a bucket each, in the memory of each process."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.clock import Clock
from consumer.pumps.pace import Pace
from consumer.settings.gateway import GatewaySource


class Rates:
    """Used by one thread, the web server's."""

    def __init__(self, sources: Mapping[str, GatewaySource], clock: Clock) -> None:
        self._clock = clock
        self._paces = {
            name: Pace(one.rate_per_second, float(one.burst)) for name, one in sources.items()
        }

    def try_now(self, name: str) -> float:
        """0 and the post is counted, or the seconds until there is room for one."""
        pace = self._paces[name].at(self._clock.now())
        wait = 0.0 if pace.whole else (1.0 - pace.permits) / pace.per_second
        self._paces[name] = pace if wait else pace.spend(1)
        return wait
