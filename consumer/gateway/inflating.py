"""Bodies that were compressed on the way, with a bound on what they may become."""

from __future__ import annotations

import zlib


class TooLarge(Exception):
    """More bytes than are taken."""


class NotInflated(Exception):
    """The body is not what its Content-Encoding says, or that is not known here."""


_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_WINDOWS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _BARE)}
"""`deflate` means zlib's format (RFC 9110, 8.4.1.2); some senders leave its frame out."""


def inflated(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """The body as it was before compression. Raises TooLarge, NotInflated.

    No more than `limit_bytes` and one are ever made of it.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    for window in _WINDOWS.get(encoding, ()):
        try:
            return _inflated(body, window, limit_bytes)
        except zlib.error:
            continue
    raise NotInflated


def _inflated(body: bytes, window: int, limit_bytes: int) -> bytes:
    made = b""
    while body:  # gzip may be of several members
        one = zlib.decompressobj(window)
        made += one.decompress(body, limit_bytes + 1 - len(made))
        if len(made) > limit_bytes:
            raise TooLarge
        if not one.eof:
            raise NotInflated
        body = one.unused_data if window == _GZIP else b""
    return made
