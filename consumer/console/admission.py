"""Who comes in on a proxy's or a provider's word: only with a name and a role that we know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from consumer.console.role import Role, User, role_named

_NAME = re.compile(r"[\w][\w.@+' -]{0,99}")


class NotLetIn(Exception):
    """Whoever asks does not come in; `said` and `how` are for them to read."""

    def __init__(self, said: str, how: str) -> None:
        super().__init__(said)
        self.said, self.how = said, how


class ProviderAway(Exception):
    """The provider of sign-ins does not answer, or not as it should; the text quotes no token."""


ASK_ADMIN, AGAIN = "Ask whoever runs this service.", "Try to sign in once more."


def best_role(groups: Iterable[str], roles: Mapping[str, str]) -> Role | None:
    """The highest role that these groups have; None if they have none."""
    return max((role_named(roles[one]) for one in groups if one in roles), default=None)


def user_told(name: str, groups: Iterable[str], roles: Mapping[str, str]) -> User:
    """The user that a proxy or provider tells of. Raises NotLetIn without a good name or role."""
    if not _NAME.fullmatch(name):
        raise NotLetIn("Your account came without a name that can be used here.", ASK_ADMIN)
    role = best_role(groups, roles)
    if role is None:
        raise NotLetIn(f"{name} has no role in this console.", ASK_ADMIN)
    return User(name, role)
