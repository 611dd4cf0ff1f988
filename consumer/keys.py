"""The two secrets of an installation: the provider's secret and the sealing key (design 4, 5)."""

from __future__ import annotations

import base64
import json
import secrets
import tomllib
from dataclasses import dataclass, field, replace
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
# the same credit would get another CreditID. The secret may never change; the sealing key is
# changed with `moc-consumer ledger keys`. `also_opens` are keys that open and do not seal: former
# ones, and the one that is to seal next.
secret = {secret}
sealing_key = {sealing_key}
also_opens = [{also_opens}]
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
        raise KeysProblem(f"{path} is there already: see moc-consumer ledger keys show")
    _make(path)


def add_key(path: Path) -> str:
    """A new sealing key that opens and does not seal yet; gives its name. Raises KeysProblem."""
    told, new = _told(path), Fernet.generate_key().decode()
    _write(path, replace(told, also_opens=(*told.also_opens, new)))
    return Seal(new.encode()).name


def use_key(path: Path, name: str) -> str:
    """Have this key seal from the next start on; gives the former one's name. KeysProblem."""
    told = _told(path)
    former, chosen = told.sealing_key, _named(path, told, name)
    others = (*(one for one in told.also_opens if one != chosen), former)
    _write(path, replace(told, sealing_key=chosen, also_opens=others))
    return Seal(former.encode()).name


def check_former(path: Path, name: str) -> None:
    """Raises KeysProblem where it is no key of this file that opens and does not seal."""
    _named(path, _told(path), name)


def drop_key(path: Path, name: str) -> None:
    """Take a key that does not seal out of the file. Raises KeysProblem."""
    told = _told(path)
    gone = _named(path, told, name)
    _write(path, replace(told, also_opens=tuple(one for one in told.also_opens if one != gone)))


@dataclass(frozen=True, slots=True)
class _Told:
    """What the file says."""

    secret: str = field(repr=False)
    sealing_key: str = field(repr=False)
    also_opens: tuple[str, ...] = field(repr=False, default=())

    @property
    def seal(self) -> Seal:
        return Seal(self.sealing_key.encode(), *(one.encode() for one in self.also_opens))


def _named(path: Path, told: _Told, name: str) -> str:
    """The key that opens and does not seal under this name. Raises KeysProblem."""
    if name == told.seal.name:
        raise KeysProblem(f"{name} is the key that seals: see moc-consumer ledger keys show")
    found = dict(zip(told.seal.names[1:], told.also_opens, strict=True)).get(name)
    if found is None:
        raise KeysProblem(f"{path} has no key {name}: see moc-consumer ledger keys show")
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, _Told(secrets.token_urlsafe(32), Fernet.generate_key().decode()))


def _write(path: Path, told: _Told) -> None:
    others = ", ".join(map(_quoted, told.also_opens))
    text = _TEMPLATE.format(
        secret=_quoted(told.secret), sealing_key=_quoted(told.sealing_key), also_opens=others
    )
    write_whole(path, text.encode())


def _quoted(text: str) -> str:
    """As TOML writes it: a secret of the office's own may have any character."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def _read(path: Path) -> Keys:
    told = _told(path)
    return Keys(Identity(told.secret.encode()), told.seal)


def _told(path: Path) -> _Told:
    """What the file says, checked. Raises KeysProblem."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        told = _Told(values["secret"], values["sealing_key"], tuple(values.get("also_opens", ())))
        for key in (told.sealing_key, *told.also_opens):
            base64.urlsafe_b64decode(key)
        Identity(told.secret.encode())
        if len(set(told.seal.names)) == len(told.seal.names):
            return told
    except OSError as error:
        raise KeysProblem(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError, ValueError):
        raise KeysProblem(
            f"{path} must hold `secret` (16 characters or more) and `sealing_key`,"
            " and may hold `also_opens`, a list of sealing keys"
        ) from None
    raise KeysProblem(f"{path} holds a sealing key twice: each stands there once")
