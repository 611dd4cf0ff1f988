"""What kind of PARS an address looks like; when in doubt it is the one that counts."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from urllib.parse import urlsplit

_TRIALS = ("test", "sandbox", "staging", "uat", "demo")


class Place(StrEnum):
    """Who answers at an address, in the words of the plan."""

    HERE = "this machine: a simulator"
    TRIAL = "by its name a test system"
    PRODUCTION = "looks like PRODUCTION"


def place_of(url: str) -> Place:
    """ACCME has not published its sandbox's name, so only a name that says "test" is believed."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or _is_loopback(host):
        return Place.HERE
    words = re.split(r"[^a-z]+", host)
    tried = any(word.startswith(_TRIALS) or word.endswith(_TRIALS) for word in words)
    return Place.TRIAL if tried else Place.PRODUCTION


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
