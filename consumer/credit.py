"""What "the same credit" means: credit key, CreditID and the states of a row (design 5)."""

from __future__ import annotations

import base64
import hmac
from enum import StrEnum

from consumer.participant import Record


class State(StrEnum):
    """Where a credit stands between us, PARS and the board."""

    READY = "ready"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    REPORTED = "reported"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ATTENTION = "attention"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


class Heard(StrEnum):
    """Where a completion stands before it is, or instead of being, a credit."""

    HELD = "held"
    NOT_REPORTABLE = "not_reportable"
    REFUSED = "refused"
    RETRACTED = "retracted"
    CREDITED = "credited"


WORDS: dict[State | Heard, str] = {
    State.READY: "Ready",
    State.SUBMITTING: "Ready",
    State.SUBMITTED: "Sent to PARS",
    State.REPORTED: "Reported by file",
    State.ACCEPTED: "Accepted by the board",
    State.REJECTED: "Rejected by the board",
    State.ATTENTION: "Needs attention",
    State.WITHDRAWING: "Being withdrawn",
    State.WITHDRAWN: "Withdrawn",
    Heard.HELD: "Waiting for learner",
    Heard.NOT_REPORTABLE: "Not reportable",
    Heard.REFUSED: "Needs attention",
    Heard.RETRACTED: "Withdrawn",
}
"""What people read for a state (design 2)."""


class Identity:
    """Makes keys with the provider's secret: the same facts give the same key for ever."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the provider's secret must have at least 16 bytes")
        # Its two rounds over the secret are done once; a copy takes half of what a new one takes.
        self._keyed = hmac.new(secret, digestmod="sha256")

    def digest(self, purpose: str, *parts: str | bytes) -> str:
        """64 hex digits that nobody without the secret can reverse or guess at."""
        said = [purpose.encode()]
        for part in parts:
            raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            said += (len(raw).to_bytes(8, "big"), raw)
        keyed = self._keyed.copy()
        keyed.update(b"".join(said))
        return keyed.hexdigest()

    def completion_key(self, site: str, learner: str, course: str, occurrence: str) -> str:
        """What was heard of one LMS account and course; completions never merge (design 4)."""
        return self.digest("completion", site, learner, course, occurrence)

    def letter_content(self, value: bytes) -> str:
        """What the bytes of an event that nobody could read are known by when they come again."""
        return self.digest("letter-content", value)

    def credit_key(self, record: Record) -> str:
        """What is reported once: two accounts, or two LMSs, of one physician meet here.

        No emission time and no transport id, since LMSs re-emit with new ones (design 5); the
        office's own activity, since a renewed PARS ID must not make a second credit.
        """
        return self._credit_key(record, record.occurrence)

    def series_key(self, record: Record) -> str:
        """What a learner's credits of one activity, board and type share, whatever occurrence.

        The credit key itself, where there is none.
        """
        return self._credit_key(record, "")

    def _credit_key(self, record: Record, occurrence: str) -> str:
        return self.digest(
            "credit",
            record.provider_id,
            record.board,
            record.board_id,
            record.activity,
            record.credit_type,
            occurrence,
        )

    def credit_id(self, credit_key: str, domain: str, revision: int) -> str:
        """`ccid:<domain>:<26 letters and digits>-r<revision>` (dossier 2.5: two colons, < 50)."""
        local = bytes.fromhex(self.digest("credit-id", credit_key))[:16]
        name = base64.b32encode(local).decode().rstrip("=").lower()
        return f"ccid:{domain}:{name}-r{revision}"

    def fingerprint(self) -> str:
        """Tells two secrets apart without telling either."""
        return self.digest("fingerprint")[:16]
