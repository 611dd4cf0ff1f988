"""The pumps that tell people and other systems, where the settings say whom."""

from __future__ import annotations

import random
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from consumer.desk.noticing import Notices
from consumer.desk.outcomes import OutcomeFiles
from consumer.ledger.ledger import Ledger
from consumer.notices.handing import Hands
from consumer.parts import Parts
from consumer.pumps.backoff import Backoff
from consumer.pumps.daily import DailyPump
from consumer.pumps.noticing import NoticingPump
from consumer.pumps.webhooking import WebhookPump
from consumer.telemetry.readiness import Readiness


def noticing_pumps(parts: Parts, ledger: Ledger, readiness: Readiness) -> list[NoticingPump]:
    """The pump of notices; none where nobody is to be told."""
    said, clock = parts.settings.notices, parts.clock
    if not said.ways:
        return []
    notices = Notices(ledger, said, clock, parts.settings.sending.at_risk_days)
    jitter = random.SystemRandom().random
    backoff = Backoff(said.retry_first_seconds, said.retry_longest_seconds, jitter)
    return [NoticingPump(notices, Hands(said), backoff, said.look_seconds, clock, readiness)]


def telling_pumps(
    parts: Parts, ledger: Ledger, readiness: Readiness
) -> Iterator[WebhookPump | DailyPump]:
    """One for each webhook, and one for the daily files."""
    said, clock, idle = parts.settings, parts.clock, parts.settings.outbox.idle_seconds
    jitter = random.SystemRandom().random
    for name, one in said.webhooks.items():
        backoff = Backoff(one.retry_first_seconds, one.retry_longest_seconds, jitter)
        yield WebhookPump(name, one, ledger, backoff, idle, clock, readiness, parts.tracing)
    files = OutcomeFiles(ledger, ZoneInfo(said.outcomes.zone), clock)
    yield DailyPump(files, said.outcomes, ledger, said.notices.look_seconds, clock, readiness)
