"""Reports as one XML document for a person to upload (dossier 3.3), written report by report."""

from __future__ import annotations

from datetime import datetime
from io import BufferedRandom
from pathlib import Path

from consumer.pars.contract import CompletedForm
from consumer.pars.document import Submission, created_at, report_of
from consumer.pars.xml import Documents
from consumer.reports.entry import Entry
from consumer.reports.staging import Staging

_OPENS, _CLOSES = b"    <ActivityReport>\n", b"    </ActivityReport>\n"


class XmlReport:
    """The document that the web service would be sent, with many reports in it.

    Each report is rendered and judged by the schema in a document of its own; the bytes that
    passed are then moved into the file, so that any number of them needs the room of one.
    """

    suffix = ".xml"

    def __init__(
        self,
        schemas_dir: Path,
        now: datetime,
        completed_form: CompletedForm = CompletedForm.DATE,
    ) -> None:
        """`schemas_dir` is the folder that holds `pars/*.xsd`; `now` is aware."""
        self._documents = Documents(schemas_dir)
        self._created = created_at(now)
        self._completed_form = completed_form
        self._around: tuple[bytes, bytes] | None = None

    def prepare(self, entry: Entry) -> bytes:
        """The `ActivityReport` of `entry`. Raises Stopped when the schema refuses it."""
        report = report_of(entry.record, entry.credit_id, entry.action, self._completed_form)
        document = self._documents.batch(Submission(self._created, (report,)))
        # Safe to search: in XML that we wrote no text can hold a bare "<".
        starts, ends = document.index(_OPENS), document.rindex(_CLOSES) + len(_CLOSES)
        self._around = document[:starts], document[ends:]
        return document[starts:ends]

    def room(self, row: bytes) -> int:
        """Bytes that the report takes in the file."""
        return len(row)

    def begin(self, staging: Staging, name: str) -> XmlPart:
        """A new file in `staging`; there is a prepared report for it."""
        if self._around is None:
            raise LookupError("nothing was prepared")
        return XmlPart(staging, name, *self._around)


class XmlPart:
    """One document on its way."""

    def __init__(self, staging: Staging, name: str, head: bytes, tail: bytes) -> None:
        self._file = staging.create(name)
        self._tail = tail
        self._size = len(head) + len(tail)
        self._file.write(head)

    def size_at_most(self) -> int:
        """Bytes of the file if it ends here."""
        return self._size

    def add(self, row: bytes) -> None:
        """Write one prepared report."""
        self._file.write(row)
        self._size += len(row)

    def finish(self) -> BufferedRandom:
        """The whole file, written but not yet settled."""
        self._file.write(self._tail)
        return self._file
