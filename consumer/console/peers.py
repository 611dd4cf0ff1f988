"""Who is at the other end of the connection: a browser, or a proxy that speaks for one."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

from consumer.settings.console import ConsoleSettings
from consumer.settings.entrance import is_exposed

_FORWARDED = "x-forwarded-for"


class Peers:
    """Tells trusted proxies from everybody else, by the connection and nothing that is written."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = tuple(ip_network(one) for one in trusted)

    def is_trusted(self, peer: str) -> bool:
        """Whether a proxy of ours is there."""
        address = _address(peer)
        return address is not None and any(
            address.version == one.version and address in one for one in self._networks
        )

    def origin(self, request: Request) -> str:
        """Where the browser is: what our proxies saw, never what a browser wrote before them."""
        peer = connected(request)
        if not self.is_trusted(peer):
            return peer
        chain = ",".join(request.headers.getlist(_FORWARDED)).split(",")
        for told in map(str.strip, reversed(chain)):
            if _address(told) is None:
                return peer
            peer = told
            if not self.is_trusted(told):
                return peer
        return peer


def connected(request: Request) -> str:
    """The address at the other end of the connection itself."""
    return request.client.host if request.client else ""


def counted_as(peer: str) -> str:
    """What tries are counted by: of IPv6 the network, since one subscriber has all of it."""
    address = _address(peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return peer


def must_come_by_proxy(settings: ConsoleSettings, listens_at: str) -> bool:
    """Whether what comes past the proxy would come in clear text over the network."""
    return is_exposed(listens_at) and not settings.own_tls and bool(settings.proxy.peers)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
