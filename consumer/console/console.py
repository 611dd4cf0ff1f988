"""What the console's pages work with: the ledger, the tables and mappings in force, the clock."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from consumer.clock import Clock
from consumer.console.session import Sessions
from consumer.console.users import Users
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.parts import Parts
from consumer.premises import Premises
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Console:
    """One console over one ledger; shared by all requests."""

    parts: Parts
    ledger: Ledger
    premises: Premises
    users: Users
    sessions: Sessions

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.parts.settings

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self.parts.clock

    @property
    def house(self) -> House:
        """Tables and mappings as they stand."""
        return self.premises.house

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone, in which pages tell times."""
        return ZoneInfo(self.settings.console.zone)


def console_of(parts: Parts, ledger: Ledger, premises: Premises) -> Console:
    """A console whose sessions outlive a restart and are good in every process of this ledger."""
    settings = parts.settings.console
    key = ledger.identity.digest("console session")
    users = Users(settings.users_file or parts.settings.data_dir / "users.toml")
    sessions = Sessions(key, settings.hours * 3600, parts.clock)
    return Console(parts, ledger, premises, users, sessions)
