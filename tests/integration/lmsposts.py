"""LMSs that post to the gateway, each as it does: what they send, and how they prove it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

import httpx
import orjson

from consumer.clock import SystemClock
from consumer.gateway.serving import receiving
from consumer.ledger.seal import Seal
from consumer.settings import Settings
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import STARTING, Readiness
from consumer.telemetry.spans import SILENT, Tracing
from tests.end_to_end.patience import until
from tests.integration.office import SEALING_KEY

SECRETS = {
    name: f"{name}-secret/9f27c1+{number}" for number, name in enumerate(
        ("moodle", "docebo", "canvas", "lrs", "forms")
    )
}  # fmt: skip
SOURCES: dict[str, Any] = {
    "moodle": {"auth": "body", "secret": SECRETS["moodle"]},
    "docebo": {"auth": "basic", "user": "docebo", "secret": SECRETS["docebo"]},
    "canvas": {
        "auth": "hmac", "header": "X-Signature", "prefix": "sha256=", "secret": SECRETS["canvas"],
        "timestamp_header": "X-Timestamp", "signed": "{timestamp}.{body}",
        "keep_headers": ["X-Request-Kind"],
    },
    "lrs": {"auth": "header", "header": "Authorization", "prefix": "Bearer ",
            "secret": SECRETS["lrs"], "keep_headers": ["X-Experience-API-Version"]},
    "forms": {"auth": "body", "field": "wstoken", "secret": SECRETS["forms"]},
}  # fmt: skip


@dataclass(frozen=True)
class Lms:
    """Posts at an address."""

    http: httpx.Client
    readiness: Readiness
    meters: Meters

    def post(
        self, source: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Whatever is to be sent."""
        told = {"content-type": "application/json"} | dict(headers or {})
        return self.http.post(f"/in/{source}", content=body, headers=told)

    def moodle(self, event: bytes, **more: Any) -> httpx.Response:
        """As local_webhooks: the secret in the body, as PHP writes JSON."""
        told = orjson.loads(event) | {"token": SECRETS["moodle"], "extra": ""} | more
        return self.post("moodle", orjson.dumps(told).replace(b"/", b"\\/"))

    def form(self, event: bytes) -> httpx.Response:
        """The same event as a web form."""
        fields = orjson.loads(event) | {"wstoken": SECRETS["forms"]}
        body = "&".join(f"{quote_plus(n)}={quote_plus(str(v))}" for n, v in fields.items())
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.post("forms", body.encode(), kind)

    def docebo(self, event: bytes) -> httpx.Response:
        """With HTTP Basic."""
        coded = base64.b64encode(f"docebo:{SECRETS['docebo']}".encode()).decode()
        return self.post("docebo", event, {"authorization": f"Basic {coded}"})

    def canvas(self, event: bytes, at: datetime | None = None) -> httpx.Response:
        """Signed, with the time of sending."""
        stamp = str(int((at or SystemClock().now()).timestamp()))
        mac = hmac.digest(SECRETS["canvas"].encode(), f"{stamp}.".encode() + event, hashlib.sha256)
        told = {"x-timestamp": stamp, "x-signature": f"sha256={mac.hex()}"}
        return self.post("canvas", event, told | {"x-request-kind": "live"})

    def xapi(self, statements: bytes, **headers: str) -> httpx.Response:
        """As an LRS that forwards, with a token."""
        told = {"authorization": f"Bearer {SECRETS['lrs']}", "x-experience-api-version": "1.0.3"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post("lrs", statements, told | named)

    def bad(self) -> dict[str, str]:
        """What is not ready, and why."""
        return {one.name: one.cause for one in self.readiness.conditions() if not one.ok}


@contextmanager
def posting(settings: Settings, tracing: Tracing = SILENT) -> Iterator[Lms]:
    """LMSs at a gateway with these settings, in this process."""
    clock = SystemClock()
    readiness, meters = Readiness(clock, starts_with=("gateway",)), Meters()
    with (
        receiving(
            settings, Seal(SEALING_KEY), clock, readiness, "127.0.0.1:0", meters, tracing
        ) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=30) as http,
    ):
        lms = Lms(http, readiness, meters)
        until(lambda: STARTING not in lms.bad().values(), 30, "the bus to be tried")
        yield lms
