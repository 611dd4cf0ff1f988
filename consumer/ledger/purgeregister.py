"""Which completions were purged, outside the ledger: a backup that is put back knows nothing of it.

A file beside the keys, of keyed hashes alone: it names nobody, and finds again what has come back.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, select

from consumer.durable import give_to_owner, sync
from consumer.ledger.purging import Held
from consumer.ledger.schema import completions, credits_

NAME = "purged.jsonl"


@dataclass(frozen=True, slots=True)
class Returned:
    """What was purged once and is here with its learner again, by number."""

    completions: tuple[int, ...]
    credits: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.completions or self.credits)


@dataclass(frozen=True, slots=True)
class PurgeRegister:
    """The register of one installation; `path` need not be there yet."""

    path: Path

    def put(self, db: Connection, held: Held, at: datetime) -> None:
        """Remember what is being purged, on the disk for good. Raises OSError."""
        c, k = completions.c, credits_.c
        line = {
            "at": at,
            "completions": [*db.scalars(select(c.key).where(c.id.in_(held.completions)))],
            "credits": [*db.scalars(select(k.key).where(k.id.in_(held.credits)))],
        }
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as file:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        give_to_owner(self.path)
        sync(self.path.parent)

    def returned(self, db: Connection) -> Returned:
        """What has come back since, with a backup or by being heard anew. Raises OSError."""
        keys = self._keys()
        c, k = completions.c, credits_.c
        back = select(c.id, c.key).where(c.purged_at.is_(None))
        credited = select(k.id, k.key).where(k.purged_at.is_(None))
        if not any(keys):
            return Returned((), ())
        return Returned(
            tuple(number for number, key in db.execute(back) if key in keys[0]),
            tuple(number for number, key in db.execute(credited) if key in keys[1]),
        )

    def _keys(self) -> tuple[Collection[str], Collection[str]]:
        try:
            lines = [orjson.loads(one) for one in self.path.read_bytes().splitlines() if one]
        except FileNotFoundError:
            return (), ()
        return (
            {key for line in lines for key in line["completions"]},
            {key for line in lines for key in line["credits"]},
        )
