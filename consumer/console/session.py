"""Sessions: a signed cookie that says who is here, and what it proves of a form that comes back."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace

from itsdangerous import BadSignature, URLSafeTimedSerializer

from consumer.clock import Clock

COOKIE = "moc_console"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's visit: `name` is blank before signing in; `said` is shown once, then gone."""

    number: str
    name: str = ""
    said: str = ""
    undo: str = ""
    began_at: float = 0.0

    def telling(self, said: str, undo: str = "") -> Session:
        """With something to say on the next page, and perhaps a way back."""
        return replace(self, said=said, undo=undo)

    def told(self) -> Session:
        """With nothing more to say."""
        return replace(self, said="", undo="")


class Sessions:
    """Opens and signs the cookie; its key is shared by all processes of this ledger."""

    def __init__(self, key: str, seconds: float, clock: Clock) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="moc-console-session")
        self._key, self._seconds, self._clock = key.encode(), seconds, clock

    def begin(self, name: str = "") -> Session:
        """A new one, for whoever just came or signed in."""
        return Session(secrets.token_urlsafe(18), name, began_at=self._clock.now().timestamp())

    def open(self, cookie: str) -> Session:
        """What the cookie says; a new session if it is none of ours, or too old."""
        try:
            session = Session(*self._signer.loads(cookie))
        except (BadSignature, TypeError):
            return self.begin()
        age = self._clock.now().timestamp() - session.began_at
        return session if 0 <= age < self._seconds else self.begin()

    def sign(self, session: Session) -> str:
        """The cookie."""
        parts = (session.number, session.name, session.said, session.undo, session.began_at)
        return str(self._signer.dumps(parts))

    def token(self, session: Session) -> str:
        """What a form of this session carries, and no other site can know."""
        return hmac.new(self._key, b"form:" + session.number.encode(), "sha256").hexdigest()

    def is_ours(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())
