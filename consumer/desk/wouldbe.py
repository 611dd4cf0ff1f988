"""The document that PARS would be sent: rendered and judged as before sending, and kept here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from consumer.clock import Clock
from consumer.pars.contract import COMPLETED, Transport, UniqueIDForm
from consumer.pars.document import created_at
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Action
from consumer.pars.xml import Documents
from consumer.participant import Record
from consumer.reason import Reason, Stopped
from consumer.settings import ProviderProfile


class WouldBe:
    """Judges records by the schemas of PARS, each by its provider profile; asks nobody."""

    def __init__(
        self,
        profiles: Mapping[str, ProviderProfile],
        schemas_dir: Path,
        clock: Clock,
        documents: Documents | None = None,
    ) -> None:
        """`documents` saves compiling PARS's schemas."""
        self._profiles, self._schemas_dir, self._clock = profiles, schemas_dir, clock
        self._xml = cache(lambda: documents or Documents(schemas_dir))
        self._json = cache(self._json_documents)

    def domain(self, profile: str) -> str:
        """Under which CreditIDs of this profile are issued; "" where the settings have none."""
        return self._profiles[profile].domain if profile in self._profiles else ""

    def faults(self, record: Record, credit_id: str) -> tuple[Reason, ...]:
        """Why the document would not leave; empty when it would."""
        chosen = self._profiles[record.profile]
        form = chosen.completed_form or COMPLETED[chosen.transport]
        by_json = chosen.transport is Transport.JSON and not chosen.by_file
        documents = self._json(chosen.unique_id_form) if by_json else self._xml()
        created = created_at(self._clock.now())
        try:
            documents.save(record, credit_id, Action.ADD, created, form)
        except Stopped as stopped:
            return stopped.reasons
        return ()

    def _json_documents(self, form: UniqueIDForm) -> JsonDocuments:
        return JsonDocuments(self._schemas_dir, form)
