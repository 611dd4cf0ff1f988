"""Who may come in: the three credentials, wherever a request carries them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from consumer.pars.contract import Placement
from consumer.pars.element import Element, Unreadable, parse

_NAMES = ("ProviderId", "User", "Password")
_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Provider:
    """An accredited provider and its web-service credentials."""

    provider_id: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the credentials name, and the document without them."""

    provider_id: str
    body: bytes


class Door:
    """Checks credentials in headers, in the query, or beside the document in an XML body."""

    def __init__(self, providers: Sequence[Provider], only: Placement | None = None) -> None:
        """`only` is the one place that counts, None for any."""
        self._providers = {one.provider_id: one for one in providers}
        self._only = only

    def provider(self, wanted: str | None) -> str | None:
        """The provider whose person has signed in: that one, or the only one there is."""
        known = [*self._providers]
        if wanted is None:
            return known[0] if len(known) == 1 else None
        return wanted if wanted in known else None

    def admit(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> Caller | None:
        """Who is calling, None without the right credentials."""
        for where, place in ((Placement.HEADERS, headers), (Placement.QUERY, query)):
            if self._counts(where) and all(name in place for name in _NAMES):
                return self._caller(place, body)
        opened = _opened(body) if self._counts(Placement.BODY) else None
        return None if opened is None else self._caller(*opened)

    def _counts(self, place: Placement) -> bool:
        return self._only in (None, place)

    def _caller(self, said: Mapping[str, str], body: bytes) -> Caller | None:
        provider_id, *sent = (said[name] for name in _NAMES)
        known = self._providers.get(provider_id)
        if known is None or not hmac.compare_digest(
            "\0".join(sent).encode(), f"{known.user}\0{known.password}".encode()
        ):
            return None
        return Caller(provider_id, body)


def _opened(body: bytes) -> tuple[dict[str, str], bytes] | None:
    """The credentials and the document of an envelope, None when this is no such thing."""
    try:
        root = parse(body, _LIMIT_BYTES)
    except Unreadable:
        return None
    names = [*_NAMES, *(str(one.tag) for one in list(root)[3:4])]
    if not str(root.tag).endswith("Request") or [str(one.tag) for one in root] != names:
        return None
    return {name: root.findtext(name) or "" for name in _NAMES}, _document(root)


def _document(root: Element) -> bytes:
    return etree.tostring(root[-1], encoding="UTF-8", xml_declaration=True)
