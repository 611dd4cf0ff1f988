"""Which sealing keys a ledger needs: a process that lacks one, or seals with a wrong one, stops."""

from __future__ import annotations

from sqlalchemy import Connection, select

from consumer.ledger.facts import get_fact, set_fact
from consumer.ledger.schema import completions
from consumer.ledger.seal import Seal, SealBroken

NEEDED, DROPPED = "sealing_keys", "sealing_keys_dropped"
"""Facts: names of the keys that something may be sealed under, and of those that went for good."""
_PUT_BACK = "put the keys.toml with it in place (docs/backup.md)"


class WrongSecret(Exception):
    """This ledger was made with another secret: going on would credit learners twice."""


class WrongKeys(WrongSecret):
    """The sealing keys are not this ledger's; the text says what to do and quotes no key."""


def check_keys(db: Connection, seal: Seal) -> None:
    """Have the ledger need the key that seals from now on. Raises WrongKeys."""
    needed = needed_keys(db)
    check_may_seal(db, seal)
    if lacking := [name for name in needed if name not in seal.names]:
        raise WrongKeys(f"the ledger needs sealing key {', '.join(lacking)}: {_PUT_BACK}")
    if not needed:
        _check_one_value(db, seal)
    if seal.name not in needed:
        set_fact(db, NEEDED, " ".join((*needed, seal.name)))


def check_may_seal(db: Connection, seal: Seal) -> None:
    """Raises WrongKeys for a process whose own key was dropped, perhaps while it runs."""
    if seal.name in _names(db, DROPPED):
        raise WrongKeys(
            f"sealing key {seal.name} was dropped and seals nothing more:"
            " restart with the keys.toml that the other processes use"
        )


def needed_keys(db: Connection) -> tuple[str, ...]:
    """The names of the keys that something may be sealed under, the oldest first."""
    return _names(db, NEEDED)


def retire_key(db: Connection, name: str) -> None:
    """From now on no process seals with it; all still must be able to open with it."""
    set_fact(db, DROPPED, " ".join(dict.fromkeys((*_names(db, DROPPED), name))))


def keep_key(db: Connection, name: str) -> None:
    """It is no longer retired."""
    set_fact(db, DROPPED, " ".join(one for one in _names(db, DROPPED) if one != name))


def forget_key(db: Connection, name: str) -> None:
    """Nothing is sealed under it any more: processes start without it."""
    set_fact(db, NEEDED, " ".join(one for one in needed_keys(db) if one != name))


def _names(db: Connection, fact: str) -> tuple[str, ...]:
    return tuple((get_fact(db, fact) or "").split())


def _check_one_value(db: Connection, seal: Seal) -> None:
    """A ledger from before keys had names says nothing of them: one value of it must open."""
    newest = select(completions.c.said).order_by(completions.c.id.desc()).limit(1)
    if (sealed := db.scalar(newest)) is not None:
        try:
            seal.open(sealed)
        except SealBroken:
            raise WrongKeys(f"the ledger needs another sealing key: {_PUT_BACK}") from None
