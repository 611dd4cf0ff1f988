"""Who somebody is: by a password, by what a trusted proxy says, or by a provider of sign-ins."""

from __future__ import annotations

from hashlib import sha256

import structlog
from starlette.requests import Request

from consumer.console.admission import ASK_ADMIN, NotLetIn, user_told
from consumer.console.console import Console
from consumer.console.peers import connected
from consumer.console.role import User, role_named
from consumer.console.session import Session
from consumer.desk.trail import remember
from consumer.settings.console import ConsoleSettings

PASSWORD, PROXY, OIDC = "password", "proxy", "oidc"


def provider_mark(settings: ConsoleSettings) -> str:
    """Changes when the provider, or what it may say, changes: then all sign in again."""
    oidc = settings.oidc
    told = (
        oidc.issuer,
        oidc.client_id,
        oidc.name_claim,
        oidc.roles_claim,
        sorted(oidc.roles.items()),
    )
    return sha256(repr(told).encode()).hexdigest()[:16]


class Entrance:
    """Tells who asks; begins and ends their sessions, which the audit remembers."""

    def __init__(self, console: Console) -> None:
        self._console, self._settings = console, console.settings.console
        self._provider_mark = provider_mark(self._settings)

    def who(self, request: Request, session: Session) -> tuple[User | None, Session]:
        """The user, None for nobody, and the session to go on with.

        Raises NotLetIn, UsersProblem, LedgerUnavailable.
        """
        if self._settings.proxy.user_header:
            told = self._by_proxy(request)
            if told is not None:
                return told, self._session_of(told, session)
        user = self._by_session(session)
        return (
            (user, session) if user or not session.name else (None, self._console.sessions.begin())
        )

    def begin(self, name: str, way: str, mark: str = "", role: str = "") -> Session:
        """A session of somebody who has just shown who they are. Raises LedgerUnavailable."""
        console = self._console
        with console.ledger.begin() as db:
            now = console.clock.now()
            remember(db, console.ledger, now, name, "user.signed_in", name, way)
        structlog.get_logger().info("user.signed_in", way=way)
        return console.sessions.begin(name, way, mark, role)

    def end(self, session: Session, *, everywhere: bool = False) -> None:
        """No session by this cookie again, or by none of this user. Raises LedgerUnavailable."""
        console, endings = self._console, self._console.doors.endings
        if not session.name:
            return
        what = "user.signed_out_everywhere" if everywhere else "user.signed_out"
        with console.ledger.begin() as db:
            if everywhere:
                endings.end_all(db, session)
            else:
                endings.end(db, session, console.sessions.ends_at(session))
            now = console.clock.now()
            remember(db, console.ledger, now, session.name, what, session.name, session.way)

    def _by_session(self, session: Session) -> User | None:
        user = self._still(session)
        return user if user and not self._console.doors.endings.has_ended(session) else None

    def _still(self, session: Session) -> User | None:
        """Who signed in, if what they signed in by still holds."""
        if session.way == PASSWORD:
            known = self._console.users.all().get(session.name)
            return known.user if known and known.mark == session.mark else None
        if session.way == OIDC and session.mark == self._provider_mark:
            return User(session.name, role_named(session.role))
        return None

    def _by_proxy(self, request: Request) -> User | None:
        proxy = self._settings.proxy
        names = request.headers.getlist(proxy.user_header)
        groups = request.headers.getlist(proxy.groups_header)
        if not self._console.doors.peers.is_trusted(connected(request)):
            if names or groups:
                raise NotLetIn("Only the proxy may say who somebody is.", "Come by its address.")
            return None
        if not any(names):
            return None
        if len(names) > 1:
            raise NotLetIn("The proxy told two names at once.", ASK_ADMIN)
        told = (one.strip() for one in ",".join(groups).split(","))
        return user_told(names[0].strip(), told, proxy.roles)

    def _session_of(self, user: User, session: Session) -> Session:
        same = session.way == PROXY and session.name == user.name
        return session if same else self.begin(user.name, PROXY)
