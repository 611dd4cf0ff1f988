"""The one place where a profile's transport becomes a client."""

from __future__ import annotations

from pathlib import Path

from consumer.clock import Clock
from consumer.pars.client import JsonPars, XmlPars
from consumer.pars.contract import Transport
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Pars
from consumer.pars.profile import ParsProfile
from consumer.pars.xml import Documents


def connect(profile: ParsProfile, documents: Documents, schemas_dir: Path, clock: Clock) -> Pars:
    """A way to PARS with an HTTP client of its own; `documents` is what XML is rendered by."""
    if profile.transport is Transport.XML:
        return XmlPars(profile, documents, clock)
    return JsonPars(profile, JsonDocuments(schemas_dir, profile.unique_id_form), clock)
