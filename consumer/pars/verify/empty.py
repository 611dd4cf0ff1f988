"""A document that no PARS can take, sent as genuine ones are."""

from __future__ import annotations

from pathlib import Path

from consumer.clock import Clock
from consumer.pars.answer import Answers
from consumer.pars.contract import Operation, Placement, Transport
from consumer.pars.json_answer import JsonAnswers
from consumer.pars.port import Reply
from consumer.pars.profile import ParsProfile
from consumer.pars.webservice import WebService
from consumer.pars.xml import enveloped

_EMPTY = {Transport.XML: b"<ACCMELearnerReports/>", Transport.JSON: b"{}"}


def post_empty(profile: ParsProfile, schemas_dir: Path, clock: Clock) -> Reply:
    """What PARS answers to a report document with nothing in it."""
    document = _EMPTY[profile.transport]
    if profile.credentials_in is Placement.BODY:
        document = enveloped(document, Operation.SAVE, profile.credentials)
    service = WebService(profile, f"application/{profile.transport}", clock)
    try:
        content_type = f"application/{profile.transport}"
        heard = service.post(Operation.SAVE, content_type, document)
    finally:
        service.close()
    if isinstance(heard, Reply):
        return heard
    as_xml = profile.transport is Transport.XML
    answers = Answers(schemas_dir) if as_xml else JsonAnswers(schemas_dir)
    return answers.to_save(heard, "")
