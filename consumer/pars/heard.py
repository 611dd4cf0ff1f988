"""One HTTP answer as it was heard, and the Reply that reading it makes."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from consumer.pars.port import CreditStatus, Reply
from consumer.pars.registered import Registered

_CHARSETS = ("", "utf-8", "us-ascii")
_SUCCESS = range(200, 300)
_NOT_FOUND = 404
# Longer texts are nobody's error message; the whole is in `raw`. Bounds the table's regexes too.
_MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Heard:
    """One HTTP answer before anybody has read it; `whole` is False when it was cut at the bound."""

    status: int
    content_type: str
    body: bytes
    whole: bool
    retry_after_seconds: float | None

    @property
    def succeeded(self) -> bool:
        """Whether the status says so."""
        return self.status in _SUCCESS

    @property
    def is_bare_404(self) -> bool:
        """Whether this is a "not found" without a word."""
        return self.status == _NOT_FOUND and not self.body.strip()

    def claims(self, media_types: Container[str]) -> bool:
        """Whether this is whole, and by its own account one of these types in UTF-8."""
        media, _, parameters = self.content_type.lower().partition(";")
        charset = parameters.partition("charset=")[2].strip().strip('"')
        return self.whole and media.strip() in media_types and charset in _CHARSETS

    def reply(
        self,
        understood: bool,
        code: str = "",
        message: str = "",
        credits_: Iterable[CreditStatus] = (),
        activities: Iterable[Registered] = (),
    ) -> Reply:
        """What the fate table judges; texts bounded, lists only of what was understood."""
        return Reply(
            status=self.status,
            code=code[:_MESSAGE_CHARACTERS],
            message=message[:_MESSAGE_CHARACTERS],
            retry_after_seconds=self.retry_after_seconds,
            understood=understood,
            credits=tuple(credits_) if understood else (),
            activities=tuple(activities) if understood else (),
            raw=self.body,
        )
