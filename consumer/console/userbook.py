"""Changes to who may sign in: made in the users file, remembered in the ledger's audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from consumer.clock import Clock
from consumer.console.role import Role
from consumer.console.users import Users, UsersProblem, plain_name
from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class UserBook:
    """The users file; `ledger` is None before there is one, and then nothing is remembered."""

    users: Users
    ledger: Ledger | None
    clock: Clock

    def add(self, name: str, role: Role, password: str, who: str) -> None:
        """A new user. Raises BadName, WeakPassword, UsersProblem, OSError, LedgerUnavailable."""
        if self.users.find(plain_name(name)):
            raise UsersProblem(
                f"{name} is there already: moc-consumer user password {name}, or user role {name}"
            )
        with self._remembered(who, "user.added", name, after={"role": role.word}):
            self.users.put(name, role, password)

    def remove(self, name: str, who: str) -> None:
        """Take a user out. Raises UsersProblem, OSError, LedgerUnavailable."""
        with self._remembered(who, "user.removed", name):
            if not self.users.remove(name):
                raise UsersProblem(f"there is no user {name}; moc-consumer user list shows them")

    def set_role(self, name: str, role: Role, who: str) -> None:
        """Another role. Raises UsersProblem, OSError, LedgerUnavailable."""
        known = self.users.find(plain_name(name))
        before = {"role": known.role.word} if known else {}
        with self._remembered(who, "user.role", name, before, {"role": role.word}):
            self.users.set_role(name, role)

    def set_password(self, name: str, password: str, who: str) -> None:
        """Another password. Raises WeakPassword, UsersProblem, OSError, LedgerUnavailable."""
        with self._remembered(who, "user.password", name):
            self.users.set_password(name, password)

    @contextmanager
    def _remembered(
        self,
        who: str,
        what: str,
        name: str,
        before: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> Iterator[None]:
        """What fails is not remembered; what cannot be remembered is not done."""
        if self.ledger is None:
            yield
            return
        with self.ledger.begin() as db:
            now, name = self.clock.now(), plain_name(name)
            remember(db, self.ledger, now, who, what, name, before=before, after=after)
            yield
