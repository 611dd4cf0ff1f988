"""Everything that is held about one person, in clear, as one file for them (docs/privacy.md)."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from consumer.desk.belongings import Belongings, belongings
from consumer.desk.case import CaseBook
from consumer.desk.closed import closing_of
from consumer.desk.identity import identity_of
from consumer.desk.looking import Desk
from consumer.desk.people import cases_of
from consumer.desk.person import kin_of
from consumer.desk.purging import Premises
from consumer.desk.trail import remember
from consumer.desk.trailwords import meaning
from consumer.desk.words import advice
from consumer.ledger.attempt import open_answer
from consumer.ledger.schema import (
    attempts,
    audit,
    completions,
    credits_,
    letter_edits,
    letters,
    steps,
)
from consumer.ledger.seal import Seal, unpack_original
from consumer.reason import unpack_reasons
from consumer.tables.history import History, NoSuchVersion
from consumer.tables.kind import LEARNERS
from consumer.tables.without import of_these, without

_README = """\
What is held about one person
=============================

summary.csv       courses, credits and how each stands, one a line
person.json       who the person is, and under which accounts the LMSs know them
learners.csv      their rows in the provider's table of learners
versions/         the same in earlier versions of that table that are kept
completions.json  what the LMSs said, with each event as it came
credits.json      what was to be sent, what PARS was sent, and what it answered
letters.json      what needed a person, what was corrected, and how it was closed
audit.csv         what staff did about it: who, when, what and why

Times are UTC. The files hold personal data, also of staff by their user names: hand them over
by a way that nobody else can read, and delete them then.
"""
_SUMMARY = "standing activity title board credit_type points completed_on report_by".split()
_TRAIL = "number at who did about why before after".split()


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: how much of each kind, by its name."""

    file: Path
    counts: Mapping[str, int]


def export_person(desk: Desk, premises: Premises, key: str, file: Path, who: str) -> Exported:
    """Write it, for the owner's eyes alone; remembered. Nothing is overwritten.

    Raises NoSuchPerson, FileExistsError, OSError.
    """
    with desk.ledger.read() as db:  # this takes its time, and holds no writer up
        found = belongings(db, desk, kin_of(db, desk, key))
        content = _Content(db, desk, found)
        parts = {**content.parts(), **dict(_tables(premises, _surely(desk, found)))}
    packed = _packed(parts)
    with desk.ledger.begin() as db:
        remember(db, desk.ledger, desk.clock.now(), who, "learner.exported", key)
        _write(file, packed)
    return Exported(file, content.counts)


class _Content:
    """The files, by their names."""

    def __init__(self, db: Connection, desk: Desk, found: Belongings) -> None:
        self._db, self._desk, self._found = db, desk, found
        self._seal: Seal = desk.ledger.seal
        self.counts: dict[str, int] = {}

    def parts(self) -> dict[str, bytes]:
        """All but those of the table."""
        told = {
            "completions": [*self._completions()],
            "credits": [*self._credits()],
            "letters": [*self._letters()],
            "audit": [*self._audit()],
        }
        self.counts = {name: len(rows) for name, rows in told.items()}
        identity = identity_of(self._found.kin, self._desk.ledger.identity, revealed=True)
        return {
            "README.txt": _README.encode(),
            "summary.csv": _csv(_SUMMARY, [*self._summary()]),
            "person.json": _json(asdict(identity)),
            "audit.csv": _csv(_TRAIL, told.pop("audit")),
            **{f"{name}.json": _json(rows) for name, rows in told.items()},
        }

    def _summary(self) -> Iterator[dict[str, Any]]:
        (cases,) = cases_of(CaseBook(self._db, self._desk), [self._found.kin])
        for case in cases:
            yield {name: getattr(case, name) for name in _SUMMARY}

    def _completions(self) -> Iterator[dict[str, Any]]:
        c, s, held = completions.c, steps.c, self._found.held
        query = select(completions).where(c.id.in_(held.completions)).order_by(c.id)
        for row in self._db.execute(query).all():
            own = select(steps).where(s.completion_id == row.id).order_by(s.id)
            yield self._heard(row) | {
                "number": row.id,
                "state": row.state,
                "reasons": _reasons(row.reasons),
                "changed_at": row.changed_at,
                "purged_at": row.purged_at,
                "steps": [self._heard(step) for step in self._db.execute(own)],
            }

    def _heard(self, row: Row[Any]) -> dict[str, Any]:
        said = asdict(self._seal.open_said(row.said))
        return {"heard_at": row.heard_at, "says": said, **self._event(row.original)}

    def _event(self, sealed: bytes) -> dict[str, Any]:
        original = unpack_original(self._seal.open(sealed))
        return {
            "event": _text(original.value),
            "event_key": _text(original.key),
            "event_headers": {name: _text(value) for name, value in original.headers},
            "corrected": asdict(original.edit) if original.edit else None,
        }

    def _credits(self) -> Iterator[dict[str, Any]]:
        k, a, seal = credits_.c, attempts.c, self._seal
        query = select(credits_).where(k.id.in_(self._found.held.credits)).order_by(k.id)
        for row in self._db.execute(query).all():
            tries = select(attempts).where(a.credit_row == row.id).order_by(a.id)
            yield {
                "credit_id": row.credit_id,
                "state": row.state,
                "reasons": _reasons(row.reasons),
                "to_be_sent": asdict(seal.open_record(row.record)),
                "sent_to_pars": asdict(seal.open_record(row.sent)) if row.sent else None,
                "submitted_at": row.submitted_at,
                "decided_at": row.decided_at,
                "purged_at": row.purged_at,
                "requests_to_pars": [self._attempt(one) for one in self._db.execute(tries)],
            }

    def _attempt(self, row: Row[Any]) -> dict[str, Any]:
        answer = _text(open_answer(self._seal, row.answer)[1]) if row.answer else None
        told = {name: getattr(row, name) for name in ("at", "action", "status", "outcome")}
        return {"credit_id": row.credit_id, **told, "answer": answer}

    def _letters(self) -> Iterator[dict[str, Any]]:
        lt, e = letters.c, letter_edits.c
        query = select(letters).where(lt.id.in_(self._found.held.letters)).order_by(lt.id)
        for row in self._db.execute(query).all():
            edits = select(letter_edits).where(e.letter_id == row.id).order_by(e.version)
            closing = closing_of(self._desk.ledger, row)
            yield {
                "letter": row.id,
                "status": row.status,
                "reasons": _reasons(row.reasons),
                "first_failed_at": row.first_failed_at,
                "last_failed_at": row.last_failed_at,
                **self._event(row.original),
                "corrections": [self._edit(one) for one in self._db.execute(edits)],
                "closed": asdict(closing) if closing else None,
            }

    def _edit(self, row: Row[Any]) -> dict[str, Any]:
        why = self._seal.open(row.why.encode()).decode() if row.why else ""
        edit = orjson.loads(self._seal.open(row.edit))
        return {"at": row.at, "who": row.who, "why": why, "correction": edit}

    def _audit(self) -> Iterator[dict[str, Any]]:
        a, seal = audit.c, self._seal
        query = select(audit).where(a.id.in_(self._found.audit)).order_by(a.id)
        for row in self._db.execute(query):
            change = orjson.loads(seal.open(row.change)) if row.change else {}
            yield {
                "number": row.id,
                "at": row.at.isoformat(timespec="seconds"),
                "who": row.who,
                "did": meaning(row.what),
                "about": row.subject,
                "why": seal.open(row.why.encode()).decode() if row.why else "",
                "before": _values(change.get("before")),
                "after": _values(change.get("after")),
            }


def _surely(desk: Desk, found: Belongings) -> frozenset[tuple[str, str]]:
    """Without rows of no site that may have been another LMS's user's of the same number."""
    own, roster = {*found.kin.entries}, desk.roster
    others = {entry.learner for entry in roster.entries if entry not in own}
    return frozenset(
        (site, learner)
        for site, learner in found.rows
        if site or learner not in others or roster.of("", learner) in own
    )


def _tables(premises: Premises, keys: Collection[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """These rows of the table, and of each version that is kept."""
    history = History(premises.tables, LEARNERS, premises.keep_versions)
    mine = of_these(keys)

    def own(content: bytes) -> bytes:
        return without(content, lambda cells: not mine(cells))

    yield "learners.csv", own(history.current())
    for version in history.versions():
        with suppress(NoSuchVersion):
            yield f"versions/{version.number:04d}.csv", own(history.content(version))


def _packed(parts: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(parts.items()):
            archive.writestr(name, content)
    return packed.getvalue()


def _write(file: Path, packed: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as written:
        written.write(packed)
        written.flush()
        os.fsync(written.fileno())


def _reasons(packed: str) -> list[str]:
    return [advice(one).happened for one in unpack_reasons(packed)]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _values(told: Mapping[str, str] | None) -> str:
    return "; ".join(f"{name}: {value}" for name, value in (told or {}).items())


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2)


def _plain(value: object) -> str:
    return _text(value) or "" if isinstance(value, bytes) else str(value)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({name: _safe(row[name]) for name in columns} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _safe(value: object) -> str:
    """What a spreadsheet would take for a formula is text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
