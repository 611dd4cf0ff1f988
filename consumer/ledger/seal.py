"""The sealed column: personal data encrypted at rest, and keyed hashes to find it by (design 4)."""

from __future__ import annotations

import base64
import dataclasses
import os
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consumer.bus.port import Headers
from consumer.edit import Edit
from consumer.licence import Licence
from consumer.mapping.said import Kind, Said
from consumer.participant import BirthDate, Record

T = TypeVar("T")


class SealBroken(Exception):
    """A sealed value cannot be opened: another key, or changed bytes."""


_GCM = b"\x01"
"""What a value sealed with AES-GCM begins with; a Fernet token begins with `gAAAA`."""
_NONCE_BYTES = 12
_PURPOSE = b"moc-consumer: sealed column, AES-256-GCM"
_NAMING = b"moc-consumer: name of a sealing key"
_NAME_BYTES = 4


class _Key:
    """One sealing key, in both forms that it opens."""

    def __init__(self, key: bytes) -> None:
        self.fernet = Fernet(key)
        raw = base64.urlsafe_b64decode(key)
        self.gcm = AESGCM(HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(raw))
        naming = HKDF(SHA256(), length=_NAME_BYTES, salt=None, info=_NAMING)
        self.name = naming.derive(raw).hex()

    def open(self, sealed: bytes) -> bytes | None:
        """What was sealed; None when it was not sealed with this key."""
        try:
            if sealed[:1] != _GCM:
                return self.fernet.decrypt(sealed)
            nonce, hidden = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            return self.gcm.decrypt(nonce, hidden, _GCM)
        except (InvalidToken, InvalidTag, ValueError):  # ValueError: cut off within its nonce
            return None


class Seal:
    """Encrypts with one key (44 characters, as Fernet makes them), decrypts with several.

    Seals with AES-256-GCM: one byte for the form, a random nonce of 96 bits, the ciphertext and
    its tag. Intake seals three values a completion; as Fernet tokens they took a tenth of its time
    and a third more room. Fernet tokens open too: an earlier version sealed everything so, and
    nothing has to be sealed anew; a column of text is still given them, since they are text.

    The key of each form is its own: Fernet uses the sealing key as it is, AES-GCM one derived from
    it (HKDF). Random nonces are safe for 2**32 values under one key (NIST SP 800-38D, 8.3): at ten
    million completions a year, more than a century.

    A value does not say under which key it is: the one that seals is tried first, then the others.
    """

    def __init__(self, key: bytes, *others: bytes) -> None:
        """`key` seals and opens, `others` only open. Raises ValueError for what is no such key."""
        self._keys = tuple(_Key(one) for one in (key, *others))

    @property
    def name(self) -> str:
        """What the key that seals is called where people see it: a hash, which opens nothing."""
        return self._keys[0].name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all keys that open, the one that seals first."""
        return tuple(key.name for key in self._keys)

    def seal(self, plain: bytes) -> bytes:
        """What may be stored."""
        nonce = os.urandom(_NONCE_BYTES)
        return _GCM + nonce + self._keys[0].gcm.encrypt(nonce, plain, _GCM)

    def seal_text(self, plain: str) -> str:
        """What may be stored where only text may; `open` takes its ASCII bytes."""
        return self._keys[0].fernet.encrypt(plain.encode()).decode()

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealBroken."""
        return self._opened(sealed)[1]

    def key_of(self, sealed: bytes) -> str:
        """The name of the key that it is sealed under. Raises SealBroken."""
        return self._opened(sealed)[0].name

    def _opened(self, sealed: bytes) -> tuple[_Key, bytes]:
        for key in self._keys:
            plain = key.open(sealed)
            if plain is not None:
                return key, plain
        raise SealBroken("a sealed value does not open with this key")

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same under the key that seals; None where it is under it. Raises SealBroken."""
        key, plain = self._opened(sealed)
        return None if key is self._keys[0] else self.seal(plain)

    def renewed_text(self, sealed: str) -> str | None:
        """As `renewed`, of what `seal_text` sealed. Raises SealBroken."""
        key, plain = self._opened(sealed.encode())
        return None if key is self._keys[0] else self.seal_text(plain.decode())

    def seal_json(self, value: object) -> bytes:
        """A dataclass or plain value, sealed as JSON."""
        return self.seal(orjson.dumps(value, default=_plain))

    def open_record(self, sealed: bytes) -> Record:
        """The record that `seal_json` sealed. Raises SealBroken."""
        fields: dict[str, Any] = orjson.loads(self.open(sealed))
        birth, licence = fields["birth_date"], fields.get("licence")
        report_by, closes_on = fields.get("report_by"), fields.get("closes_on")
        at_most = fields.get("at_most")
        return Record(
            **fields
            | {
                "birth_date": BirthDate(**birth) if birth else None,
                "points": Decimal(fields["points"]),
                "completed_on": date.fromisoformat(fields["completed_on"]),
                "licence": Licence(**licence) if licence else None,
                "report_by": date.fromisoformat(report_by) if report_by else None,
                "closes_on": date.fromisoformat(closes_on) if closes_on else None,
                "at_most": Decimal(at_most) if at_most else None,
            }
        )

    def open_said(self, sealed: bytes) -> Said:
        """What an event said, as `seal_json` sealed it. Raises SealBroken."""
        fields: dict[str, Any] = orjson.loads(self.open(sealed))
        at, points = fields["occurred_at"], fields["points"]
        return Said(
            **fields
            | {
                "kind": Kind(fields["kind"]),
                "completed": _moment(fields["completed"]),
                "occurred_at": datetime.fromisoformat(at) if at else None,
                "points": Decimal(points) if points is not None else None,
            }
        )


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)


def _moment(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """One message's own bytes, kept as they came.

    Of one event of several in a message, `part` is its number, from 0, and the value the body that
    was decoded, as JSON, without the others: each is kept once, and nobody's with somebody else's.
    `edit` is what a person corrected in it since; the bytes are never changed.
    Its key and headers are the decoded ones.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    part: int | None = None
    edit: Edit | None = None


def pack_original(original: Original) -> bytes:
    """Bytes to seal; `unpack_original` gives back the very same key, value and headers."""
    parts: dict[str, Any] = {"k": original.key, "v": original.value, "h": original.headers}
    if original.part is not None:
        parts["p"] = original.part
    if original.edit is not None:
        parts["e"] = original.edit
    return orjson.dumps(parts, default=_plain)


def unpack_original(packed: bytes) -> Original:
    """The original that `pack_original` packed."""
    parts: dict[str, Any] = orjson.loads(packed)
    headers = tuple((name, base64.b64decode(value)) for name, value in parts["h"])
    own = (_unbase(parts["k"]), _unbase(parts["v"]), headers)
    return Original(*own, parts.get("p"), _edit(parts.get("e")))


def _edit(parts: dict[str, Any] | None) -> Edit | None:
    return None if parts is None else Edit(**parts | {"value": _unbase(parts["value"])})


def _unbase(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def name_tokens(*names: str) -> Iterator[str]:
    """Words of names without case and accents, with their prefixes from three letters on.

    A hyphenated name is there whole and in its parts, since people type either.
    """
    words = normalise(" ".join(names))
    for word in distinct([*words.split(), *words.replace("-", " ").split()]):
        yield from (word[:size] for size in range(min(3, len(word)), len(word) + 1))


def normalise(text: str) -> str:
    """Lower case, no accents, single blanks: how people type what they search for."""
    if not text.isascii():
        bare = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in bare if not unicodedata.combining(c))
    return " ".join(text.casefold().split())


def distinct(items: Iterable[T]) -> list[T]:
    """Each item once, in order."""
    return list(dict.fromkeys(items))
