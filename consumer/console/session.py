"""Sessions: a signed cookie that says who is here, and what it proves of a form that comes back."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import astuple, dataclass, replace
from hashlib import sha256

from itsdangerous import BadSignature, URLSafeSerializer

from consumer.clock import Clock

COOKIE = "moc_console"
_SEEN_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's visit; `said` is shown once, then gone.

    `name` is blank before signing in, `way` says how that was done: password, proxy or oidc.
    `mark` must still be the user's, `role` is what a provider said. Times are seconds since 1970.
    """

    number: str
    name: str = ""
    said: str = ""
    undo: str = ""
    began_at: float = 0.0
    seen_at: float = 0.0
    way: str = ""
    mark: str = ""
    role: str = ""
    wanted: str = ""

    def telling(self, said: str, undo: str = "") -> Session:
        """With something to say on the next page, and perhaps a way back."""
        return replace(self, said=said, undo=undo)

    def told(self) -> Session:
        """With nothing more to say."""
        return replace(self, said="", undo="")


class Sessions:
    """Opens and signs the cookie; its key is shared by all processes of this ledger."""

    def __init__(
        self, key: str, seconds: float, clock: Clock, idle_seconds: float = 3600.0
    ) -> None:
        self._signer = URLSafeSerializer(
            key, salt="moc-console-session", signer_kwargs={"digest_method": sha256}
        )
        self._key, self._clock = key.encode(), clock
        self._seconds, self._idle_seconds = seconds, idle_seconds

    def begin(self, name: str = "", way: str = "", mark: str = "", role: str = "") -> Session:
        """A new one, with another number, for whoever just came or signed in."""
        now = self._clock.now().timestamp()
        number = secrets.token_urlsafe(18)
        return Session(number, name, "", "", now, now, way, mark, role)

    def open(self, cookie: str) -> Session:
        """What the cookie says; a new session if it is none of ours, or too old."""
        try:
            session = Session(*self._signer.loads(cookie))
        except (BadSignature, TypeError):
            return self.begin()
        return self._seen(session) if self._is_fresh(session) else self.begin()

    def _is_fresh(self, session: Session) -> bool:
        now = self._clock.now().timestamp()
        return (
            0 <= now - session.began_at < self._seconds
            and now - session.seen_at < self._idle_seconds
        )

    def _seen(self, session: Session) -> Session:
        """Seen just now; to the minute, so that not every answer brings a cookie."""
        now = self._clock.now().timestamp()
        late = now - session.seen_at >= _SEEN_AGAIN_SECONDS
        return replace(session, seen_at=now) if late else session

    def ends_at(self, session: Session) -> float:
        """When it ends at the latest, in seconds since 1970."""
        return session.began_at + self._seconds

    def sign(self, session: Session) -> str:
        """The cookie."""
        return str(self._signer.dumps(astuple(session)))

    def secret(self, session: Session, purpose: str) -> str:
        """64 hex digits of this session and purpose, that nobody else can know."""
        text = f"{purpose}:{session.number}".encode()
        return hmac.new(self._key, text, "sha256").hexdigest()

    def token(self, session: Session) -> str:
        """What a form of this session carries, and no other site can know."""
        return self.secret(session, "form")

    def is_ours(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())
