"""Whether a post comes from the LMS it says: by a secret, compared in constant time.

What is found right is given back without the secret; nothing else of the post is ever kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from pydantic import SecretStr

from consumer.decoding.form import Form, form_named
from consumer.gateway import members
from consumer.settings.gateway import LEAST_SECRET, GatewaySource
from consumer.webhook.signing import PREFIX, NoSecret, secret_of

REMOVED = b"removed"


class NotProven(Exception):
    """The post is not from this LMS, as far as can be told; the text is a code for the log."""


@dataclass(frozen=True, slots=True)
class Post:
    """What came in: headers by their name in small letters, the body as sent and inflated."""

    headers: Mapping[str, str]
    sent: bytes
    body: bytes

    @property
    def form(self) -> Form | None:
        """The form that the content type says."""
        return form_named(self.headers.get("content-type", ""))


Check = Callable[["Proof", Post, datetime], bytes]


@dataclass(frozen=True, slots=True)
class Proof:
    """How one source proves itself."""

    source: GatewaySource
    secrets: tuple[bytes, ...] = field(repr=False)

    def check(self, post: Post, now: datetime) -> bytes:
        """The body without the secret. Raises NotProven."""
        body = _CHECKS[self.source.auth](self, post, now)
        for spelling in self._spellings:
            # Where it has no business to be, it must not be kept all the same.
            body = body.replace(spelling, REMOVED)
        return body

    @property
    def _spellings(self) -> set[bytes]:
        """The secrets as they are, in JSON (PHP escapes slashes) and in a form."""
        texts = [one.decode("utf-8", "replace") for one in self.secrets]
        found = {json.dumps(one)[1:-1].encode() for one in texts}
        found |= {one.replace(b"/", b"\\/") for one in found}
        return found | {quote_plus(one).encode() for one in texts} | set(self.secrets)

    def is_right(self, given: str | bytes) -> bool:
        """Whether this is one of the secrets; takes as long whatever it is."""
        text = given.encode() if isinstance(given, str) else given
        return self.matches(self.secrets, text)

    @staticmethod
    def matches(wanted: Sequence[bytes], given: bytes) -> bool:
        """Whether one of them is given. By digest, so that the length tells nothing either."""
        mine = hashlib.sha256(given).digest()
        found = [hmac.compare_digest(hashlib.sha256(one).digest(), mine) for one in wanted]
        return any(found)

    def holds_secret(self, text: str) -> bool:
        """Whether a secret stands somewhere in this text."""
        return any(one in text.encode() for one in self.secrets)


def proof_of(name: str, source: GatewaySource) -> Proof:
    """The proof with its secrets read. Raises ValueError, which quotes none."""
    place = f"gateway.sources.{name}."
    if source.secret_file is None:
        texts = [source.secret.get_secret_value()]
        place += "secret"
    else:
        place += "secret_file"
        try:
            texts = source.secret_file.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is not text"
            raise ValueError(f"{place}: {source.secret_file}: {why}") from None
    found = tuple(text.strip().encode() for text in texts if text.strip())
    if not found or min(map(len, found)) < LEAST_SECRET:
        raise ValueError(f"{place}: a secret of {LEAST_SECRET} characters or more is needed")
    return Proof(source, found)


def stranger() -> Proof:
    """What a source is held against that does not exist, so that it takes as long."""
    source = GatewaySource(
        auth="header", header="Authorization", secret=SecretStr(secrets.token_hex(16))
    )
    return Proof(source, (secrets.token_bytes(32),))


# ---------------------------------------------------------------- the four ways


def _by_body(proof: Proof, post: Post, _: datetime) -> bytes:
    name = proof.source.field
    is_form = post.form is Form.URLENCODED and not post.body.lstrip().startswith((b"{", b"["))
    values, rest = _from_form(post.body, name) if is_form else _from_json(post.body, name)
    given = [one if isinstance(one, str | bytes) else b"" for one in values]
    right = [proof.is_right(one) for one in given]
    if not right or not all(right):
        raise NotProven("secret")
    return rest


def _from_json(body: bytes, name: str) -> tuple[Sequence[Any], bytes]:
    try:
        values, rest = members.without(body.decode("utf-8-sig"), name)
    except ValueError:  # UnicodeDecodeError is one
        values, rest = [], ""
    return values, rest.encode()


def _from_form(body: bytes, name: str) -> tuple[Sequence[Any], bytes]:
    values, kept = [], []
    for part in body.split(b"&"):
        coded, _, value = part.partition(b"=")
        if _plain(coded) == name.encode():
            values.append(_plain(value))
        else:
            kept.append(part)
    return values, b"&".join(kept)


def _plain(coded: bytes) -> bytes:
    return unquote_to_bytes(coded.replace(b"+", b" "))


def _by_header(proof: Proof, post: Post, _: datetime) -> bytes:
    given = post.headers.get(proof.source.header.lower(), "")
    prefix = proof.source.prefix
    if not proof.is_right(given.removeprefix(prefix)) or not given.startswith(prefix):
        raise NotProven("secret")
    return post.body


def _by_basic(proof: Proof, post: Post, _: datetime) -> bytes:
    scheme, coded = (*post.headers.get("authorization", "").split(" ", 1), "")[:2]
    try:
        given = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    wanted = [f"{proof.source.user}:".encode() + one for one in proof.secrets]
    if not proof.matches(wanted, given) or scheme.lower() != "basic":
        raise NotProven("secret")
    return post.body


def _by_hmac(proof: Proof, post: Post, now: datetime) -> bytes:
    source = proof.source
    stamp = post.headers.get(source.timestamp_header.lower(), "")
    number = post.headers.get(source.id_header.lower(), "")
    before = source.signed.removesuffix("{body}")
    lead = before.replace("{timestamp}", stamp).replace("{id}", number).encode()
    # Whether a sender that compresses signs before or after is nowhere agreed.
    bodies = [post.sent] if post.sent == post.body else [post.sent, post.body]
    macs = [
        _coded(hmac.digest(_key(secret), lead + body, hashlib.sha256), source.encoding)
        for secret in proof.secrets
        for body in bodies
    ]
    given = post.headers.get(source.header.lower(), "").split()
    told = [one.removeprefix(source.prefix) for one in given if one.startswith(source.prefix)]
    right = [proof.matches(macs, _spelt(one, source.encoding)) for one in told]
    if not any(right):
        raise NotProven("signature")
    if source.timestamp_header and not _is_fresh(stamp, source.tolerance_seconds, now):
        raise NotProven("timestamp")
    return post.body


def _key(secret: bytes) -> bytes:
    """The key: the secret's own bytes, but of `whsec_...` what Standard Webhooks takes it for."""
    text = secret.decode("ascii", "replace")
    if not text.startswith(PREFIX):
        return secret
    try:
        return secret_of(text)
    except NoSecret:
        return secret


def _coded(mac: bytes, encoding: str) -> bytes:
    return mac.hex().encode() if encoding == "hex" else base64.b64encode(mac)


def _spelt(given: str, encoding: str) -> bytes:
    return given.lower().encode() if encoding == "hex" else given.encode()


def _is_fresh(stamp: str, seconds: float, now: datetime) -> bool:
    plain = stamp.isascii() and stamp.isdecimal() and len(stamp) < 13
    return plain and abs(now.timestamp() - int(stamp)) <= seconds


_CHECKS: dict[str, Check] = {
    "body": _by_body,
    "header": _by_header,
    "hmac": _by_hmac,
    "basic": _by_basic,
}
