"""Opens a way to PARS by web service, by a profile's transport."""

from __future__ import annotations

import ssl
from pathlib import Path

from consumer.clock import Clock
from consumer.pars.client import JsonPars, XmlPars
from consumer.pars.contract import Transport
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Pars
from consumer.pars.profile import ParsProfile
from consumer.pars.xml import Documents


def connect(
    profile: ParsProfile,
    schemas_dir: Path,
    clock: Clock,
    documents: Documents | None = None,
    tls: ssl.SSLContext | None = None,
) -> Pars:
    """A way with an HTTP client of its own, for one thread; `documents` saves compiling XSDs.

    `tls` replaces the default trust.
    """
    if profile.transport is Transport.XML:
        return XmlPars(profile, documents or Documents(schemas_dir), clock, tls)
    return JsonPars(profile, JsonDocuments(schemas_dir, profile.unique_id_form), clock, tls)
