"""A socket to answer HTTP on, or why there can be none."""

from __future__ import annotations

import socket


class CannotListen(Exception):
    """The address is taken, or not this machine's; the text names it."""


def listening(listen: str, setting: str) -> socket.socket:
    """A listening socket at host:port; `setting` is what the fault names. Raises CannotListen."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, int(port)), family=family)
        # Connections have it from here; asyncio sets it only where it made the socket itself, and
        # an answer in two parts then waits 40 ms for the other side to acknowledge the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        why = (error.strerror or type(error).__name__).partition(" (while")[0]
        raise CannotListen(f"{setting}: {listen}: {why}") from None
    except OverflowError:
        raise CannotListen(f"{setting}: {listen}: no port has that number") from None
