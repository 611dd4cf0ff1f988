"""The audit pack: what an ACCME audit asks about one activity, as files (dossier 5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from consumer.candidate import Reporter
from consumer.clock import Clock
from consumer.desk.auditlines import AuditLines
from consumer.desk.auditscope import Scope, find_scope, head_of
from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger
from consumer.reports.audit import Activity, write_excel, write_pdf
from consumer.tables import Tables

_WRITERS = {"excel": (write_excel, "xlsx"), "pdf": (write_pdf, "pdf")}
FORMS = tuple(_WRITERS)


@dataclass(frozen=True, slots=True)
class Written:
    """One file, and how many lines it has of what was reported and what was not."""

    file: Path
    reported: int
    not_reported: int


@dataclass(frozen=True, slots=True)
class AuditDesk:
    """Whatever an audit pack is made from."""

    ledger: Ledger
    tables: Tables
    providers: Mapping[str, Reporter]
    clock: Clock

    def write(
        self,
        activity: str,
        folder: Path,
        who: str,
        forms: Collection[str] = FORMS,
        since: date | None = None,
        until: date | None = None,
    ) -> Iterator[Written]:
        """One file per form, named after PARS ID and day; all of one view of the ledger.

        `since` and `until` are the first and last day of completion. That `who` took personal data
        out is remembered. Raises NoSuchActivity, FileExistsError, OSError, PaperFull.
        """
        with self.ledger.read() as db:
            scope = find_scope(db, self.tables, activity, since, until)
            now = self.clock.now()
            head = head_of(db, self.ledger, self.tables, self.providers, scope, now)
            files = {form: folder / _name(head, _WRITERS[form][1]) for form in forms}
            for file in files.values():
                if file.exists():  # before the first is written, so that none stands alone
                    raise FileExistsError(file)
            self._remember(scope, who)
            for form, file in files.items():
                lines = AuditLines(db, self.ledger, self.tables, scope)
                counts = _WRITERS[form][0](head, lines.reported(), lines.unreported(), file)
                yield Written(file, *counts)

    def _remember(self, scope: Scope, who: str) -> None:
        subject = " ".join(scope.numbers)[:300]
        with self.ledger.begin() as db:
            remember(db, self.ledger, self.clock.now(), who, "audit.written", subject)


def _name(head: Activity, ending: str) -> str:
    """No name of the office's own: somebody may have called an activity after a person."""
    numbers = head.pars_activity_id.split(", ")
    more = f"-and-{len(numbers) - 1}-more" if len(numbers) > 1 else ""
    day = head.prepared_at.astimezone(head.zone).date()
    return f"audit-{numbers[0] or 'not-ours'}{more}-{day}.{ending}"
