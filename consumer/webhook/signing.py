"""Signatures of webhooks by the Standard Webhooks convention: HMAC-SHA256 over id, time and body.

https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp` (seconds since 1970) and
`webhook-signature`, `v1,` and the Base64 of the MAC; several, apart by blanks, while a secret is
changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
_VERSION = "v1"


class NoSecret(ValueError):
    """There is no usable secret; the text quotes nothing of it."""


def secret_of(text: str) -> bytes:
    """The bytes of a secret such as `whsec_...`. Raises NoSecret."""
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise NoSecret("a secret is whsec_ and 24 to 64 bytes in Base64")
    return secret


def secrets_in(file: Path) -> list[bytes]:
    """The secrets of a file, one a line. Raises NoSecret, OSError."""
    lines = file.read_text(encoding="ascii", errors="replace").split()
    if not lines:
        raise NoSecret("there is no secret in the file")
    return [secret_of(line) for line in lines]


def headers(secrets: Sequence[bytes], number: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one message; signed with every secret, so that one can be changed."""
    stamp = str(int(at.timestamp()))
    signed = f"{number}.{stamp}.".encode() + body
    macs = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    signatures = (f"{_VERSION},{base64.b64encode(mac).decode()}" for mac in macs)
    found = {"webhook-id": number, "webhook-timestamp": stamp}
    return found | ({"webhook-signature": " ".join(signatures)} if secrets else {})


def is_genuine(
    secret: bytes, told: Mapping[str, str], body: bytes, now: datetime, seconds: float = 300
) -> bool:
    """Whether a message is from whoever has the secret, and not older than `seconds`."""
    number, stamp = told.get("webhook-id", ""), told.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(now.timestamp() - int(stamp)) > seconds:
        return False
    mine = headers([secret], number, datetime.fromtimestamp(int(stamp), now.tzinfo), body)
    given = told.get("webhook-signature", "").split()
    return any(hmac.compare_digest(mine["webhook-signature"], one) for one in given)
