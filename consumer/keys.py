"""The two secrets of an installation: the provider's secret and the sealing key (design 4, 5)."""

from __future__ import annotations

import base64
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from consumer.credit import Identity
from consumer.durable import write_whole
from consumer.ledger.seal import Seal


class KeysProblem(Exception):
    """The keys cannot be used; the text says what to do and quotes no key."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What makes CreditIDs, and what opens sealed columns; never printed."""

    identity: Identity = field(repr=False)
    seal: Seal = field(repr=False)


_TEMPLATE = """\
# Keys of this MOC Consumer. Keep a copy in a safe place, apart from the backups of the ledger:
# without `sealing_key` nothing personal in the ledger can be read again, and with another `secret`
# the same credit would get another CreditID. Neither may ever change.
secret = "{secret}"
sealing_key = "{sealing_key}"
"""


def load_keys(path: Path, *, ledger_exists: bool) -> tuple[Keys, bool]:
    """The keys, and whether they were made just now (then the user should back them up).

    New ones are made only where there is no ledger yet. Raises KeysProblem.
    """
    made = False
    if not path.exists():
        if ledger_exists:
            raise KeysProblem(
                f"{path} is missing, but there is a ledger: put the file back"
                " (for a new ledger on PostgreSQL make one first: moc-consumer ledger keys)"
            )
        _make(path)
        made = True
    return _read(path), made


def make_keys(path: Path) -> None:
    """New keys, in a file that only its owner can read. Raises KeysProblem if there are some."""
    if path.exists():
        raise KeysProblem(f"{path} is there already: keys never change")
    _make(path)


def _make(path: Path) -> None:
    text = _TEMPLATE.format(
        secret=secrets.token_urlsafe(32), sealing_key=Fernet.generate_key().decode()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _read(path: Path) -> Keys:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        secret, sealing_key = values["secret"], values["sealing_key"]
        base64.urlsafe_b64decode(sealing_key)
        return Keys(Identity(secret.encode()), Seal(sealing_key.encode()))
    except OSError as error:
        raise KeysProblem(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError, ValueError):
        raise KeysProblem(
            f"{path} must hold `secret` (16 characters or more) and `sealing_key`"
        ) from None
