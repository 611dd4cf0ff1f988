"""What the console's pages work with: the ledger, the tables and mappings in force, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from consumer.clock import Clock
from consumer.console.endings import Endings
from consumer.console.peers import Peers
from consumer.console.session import Sessions
from consumer.console.throttle import Throttle
from consumer.console.userbook import UserBook
from consumer.console.users import Users
from consumer.desk.looking import Desk
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.parts import Parts
from consumer.premises import Premises
from consumer.settings import Settings
from consumer.settings.console import ConsoleSettings
from consumer.telemetry.meters import Meters

if TYPE_CHECKING:
    from consumer.console.oidc import Oidc


@dataclass(frozen=True, slots=True)
class Doors:
    """What the gate works with, beside users and sessions."""

    endings: Endings
    throttle: Throttle
    peers: Peers
    oidc: Oidc | None = None
    meters: Meters = field(default_factory=Meters)


@dataclass(frozen=True, slots=True)
class Console:
    """One console over one ledger; shared by all requests."""

    parts: Parts
    ledger: Ledger
    premises: Premises
    users: Users
    sessions: Sessions
    doors: Doors = field(repr=False)

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
    def desk(self) -> Desk:
        """What the desk looks with, by the tables as they stand."""
        settings = self.settings
        by_file = frozenset(name for name, one in settings.profiles.items() if one.by_file)
        days = settings.sending.at_risk_days
        return Desk(self.ledger, self.house.tables, self.clock, days, by_file)

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone, in which pages tell times."""
        return ZoneInfo(self.settings.console.zone)

    @property
    def user_book(self) -> UserBook:
        """Changes to users, remembered in the audit."""
        return UserBook(self.users, self.ledger, self.clock)


def console_of(
    parts: Parts, ledger: Ledger, premises: Premises, meters: Meters | None = None
) -> Console:
    """A console whose sessions outlive a restart and are good in every process of this ledger."""
    settings, clock = parts.settings.console, parts.clock
    key = ledger.identity.digest("console session")
    sessions = Sessions(key, settings.hours * 3600, clock, settings.idle_minutes * 60)
    oidc = _oidc(settings, sessions, clock)
    peers, meters = Peers(settings.proxy.peers), meters or Meters()
    doors = Doors(Endings(ledger, clock), Throttle(clock), peers, oidc, meters)
    return Console(parts, ledger, premises, Users(parts.settings.users_path), sessions, doors)


def _oidc(settings: ConsoleSettings, sessions: Sessions, clock: Clock) -> Oidc | None:
    if not settings.oidc.issuer:
        return None
    # Loaded only where it is wanted: it brings authlib.
    from consumer.console.oidc import Oidc

    return Oidc(settings, sessions, clock)
