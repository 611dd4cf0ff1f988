"""The ways out to PARS by web service: one thread's client for one provider profile."""

from __future__ import annotations

import ssl

from consumer.clock import Clock
from consumer.pars.contract import Operation, Placement
from consumer.pars.document import created_at
from consumer.pars.heard import Heard
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Action, ActivityNumber, Reply
from consumer.pars.profile import ParsProfile
from consumer.pars.registered import PARS_ID
from consumer.pars.value import Value
from consumer.pars.webservice import WebService
from consumer.pars.xml import Documents, enveloped
from consumer.participant import Record


class XmlPars:
    """Implements the port `Pars` in XML (dossier 3.2); owned by a single thread."""

    def __init__(
        self,
        profile: ParsProfile,
        documents: Documents,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the default trust (certifi's roots, TLS 1.2 at least)."""
        self._profile, self._documents, self._clock = profile, documents, clock
        self._service = WebService(profile, "application/xml", clock, tls)

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """Report or withdraw one credit; raises Stopped, before sending, on a bad document."""
        created, form = created_at(self._clock.now()), self._profile.completed
        document = self._documents.save(record, credit_id, action, created, form)
        heard = self._post(Operation.SAVE, document)
        if isinstance(heard, Reply):
            return heard
        return self._documents.answers.to_save(heard, credit_id)

    def status(self, credit_id: str) -> Reply:
        """What PARS knows of this credit; raises Stopped when it is no CreditID."""
        heard = self._post(Operation.STATUS, self._documents.status(credit_id))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def status_by_learner(self, record: Record) -> Reply:
        """Every credit of this learner in this activity that day; raises Stopped likewise."""
        document = self._documents.status_by_learner(record)
        heard = self._post(Operation.STATUS_BY_LEARNER, document)
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def match(self, record: Record) -> Reply:
        """Whether the board knows the learner: `code` Match or NoMatch; raises Stopped likewise."""
        heard = self._post(Operation.MATCH, self._documents.match(record))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_match(heard)

    def activity(self, number: ActivityNumber) -> Reply:
        """What PARS has registered under this number; raises Stopped likewise."""
        heard = self._post(Operation.ACTIVITY, self._documents.activity(number))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_activity(heard)

    def register(self, document: Value) -> Reply:
        """Add, change or delete one activity; raises Stopped, before sending, on a bad document."""
        namespace = self._profile.activity_namespace
        sent = self._documents.register(document, namespace)
        heard = self._post(Operation.SAVE_ACTIVITY, sent)
        if isinstance(heard, Reply):
            return heard
        return self._documents.answers.to_register(heard, document)

    def close(self) -> None:
        """Release the connection."""
        self._service.close()

    def _post(self, operation: Operation, document: bytes) -> Heard | Reply:
        if self._profile.credentials_in is Placement.BODY:
            document = enveloped(document, operation, self._profile.credentials)
        return self._service.post(operation, "application/xml; charset=utf-8", document)


class JsonPars:
    """Implements the port `Pars` by ACCME's OpenAPI draft (dossier 3.1); one thread's own.

    Withdrawing is a POST with the action `delete`; DELETE and GET by learner ID are never used,
    because they name a learner, who has many records.
    """

    def __init__(
        self,
        profile: ParsProfile,
        documents: JsonDocuments,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the default trust (certifi's roots, TLS 1.2 at least)."""
        self._profile, self._documents, self._clock = profile, documents, clock
        self._service = WebService(profile, "application/json", clock, tls)

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """Report or withdraw one credit; raises Stopped, before sending, on a bad document."""
        created, form = created_at(self._clock.now()), self._profile.completed
        document = self._documents.save(record, credit_id, action, created, form)
        heard = self._service.post(Operation.SAVE, "application/json", document)
        if isinstance(heard, Reply):
            return heard
        return self._documents.answers.to_save(heard, credit_id)

    def status(self, credit_id: str) -> Reply:
        """What PARS knows of this credit; raises Stopped when it is no CreditID."""
        heard = self._service.get(Operation.STATUS, self._documents.status(credit_id))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def status_by_learner(self, record: Record) -> Reply:
        """Every credit of this learner in this activity that day; raises Stopped likewise."""
        query = self._documents.status_by_learner(record)
        heard = self._service.get(Operation.STATUS_BY_LEARNER, query)
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def match(self, record: Record) -> Reply:
        """As with XML where the profile has a path for it; ACCME's draft has no learner match."""
        if not self._profile.offers(Operation.MATCH):
            return Reply(code="not_supported")
        heard = self._service.post(
            Operation.MATCH, "application/json", self._documents.match(record)
        )
        return heard if isinstance(heard, Reply) else self._documents.answers.to_match(heard)

    def activity(self, number: ActivityNumber) -> Reply:
        """GET /activities/{activityId}, or with `providerActivityId` [accme-activity-api]."""
        by_pars = number.catalog == PARS_ID
        query = {} if by_pars else {"providerActivityId": number.value}
        heard = self._service.get(Operation.ACTIVITY, query, number.value if by_pars else "")
        return heard if isinstance(heard, Reply) else self._documents.answers.to_activity(heard)

    def register(self, document: Value) -> Reply:
        """POST /activities; raises Stopped, before sending, on a bad document."""
        sent = self._documents.register(document)
        heard = self._service.post(Operation.SAVE_ACTIVITY, "application/json", sent)
        if isinstance(heard, Reply):
            return heard
        return self._documents.answers.to_register(heard, document)

    def close(self) -> None:
        """Release the connection."""
        self._service.close()
