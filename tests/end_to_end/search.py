"""Searches whatever came out for a learner, however it is spelt, cased or encoded."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

# A piece of base64 shorter than this stands in any text by chance.
_LEAST_BASE64 = 7
# A shorter number stands in any base64.
_LEAST_NUMBER = 6
_DIGESTS = (16, 24, 32, 64)


class Search:
    """Knows a learner's tokens; says where one of them stands, and in which form."""

    def __init__(self, tokens: Mapping[str, Iterable[str]]) -> None:
        """`tokens` are texts to look for, by what they are; digits alone only count as a whole."""
        self._any_case: dict[bytes, str] = {}
        self._as_is: dict[bytes, str] = {}
        self._numbers: dict[re.Pattern[bytes], str] = {}
        for what, texts in tokens.items():
            for text in texts:
                self._learn(what, text)

    def _learn(self, what: str, text: str) -> None:
        short = len(text) < _LEAST_BASE64 and not any(map(str.isalpha, text))
        if short:
            self._numbers[_alone(text)] = what
        for spelling in _spellings(text):
            raw = spelling.encode()
            forms = [*_encoded(spelling), *([] if short else _written(spelling))]
            self._any_case |= {form.lower(): f"{what}, {name}" for name, form in forms}
            self._as_is |= dict.fromkeys(_base64(raw), f"{what}, base64")

    def find(self, data: bytes) -> set[str]:
        """What stands in `data`; empty when it tells nothing of the learner."""
        lower = data.lower()
        found = {what for form, what in self._any_case.items() if form in lower}
        found |= {what for form, what in self._as_is.items() if form in data}
        for pattern, what in self._numbers.items():
            if any(not _in_digest(data, hit) for hit in pattern.finditer(data)):
                found.add(what)
        return found


def _alone(number: str) -> re.Pattern[bytes]:
    """The number as one of its own: not part of a longer one, nor of a time's microseconds."""
    before, after = rb"(?<!\d)(?<!:\d\d\.)", rb"(?!\d)"
    if len(number) < _LEAST_NUMBER:
        before, after = rb"(?<![\w+/-])(?<!\d[.:])", rb"(?![\w+=-])"
    return re.compile(before + re.escape(number.encode()) + after)


def _in_digest(data: bytes, hit: re.Match[bytes]) -> bool:
    """Whether the number is a stretch of one of our digests, which hold every number some day."""
    start, end = hit.span()
    while start > 0 and data[start - 1] in b"0123456789abcdef":
        start -= 1
    while end < len(data) and data[end] in b"0123456789abcdef":
        end += 1
    return end - start in _DIGESTS


def _spellings(text: str) -> set[str]:
    """The text in both cases, and without its accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return {form for one in (text, bare) for form in (one, one.lower(), one.upper())}


def _written(text: str) -> Iterator[tuple[str, bytes]]:
    """Forms in which ASCII stays as it is."""
    yield "Latin-1", text.encode("latin-1", "replace")
    yield "percent", quote(text, safe="").encode()
    yield "JSON", text.encode("ascii", "backslashreplace")
    yield "XML", text.encode("ascii", "xmlcharrefreplace")
    yield "Python", repr(text.encode())[2:-1].encode()
    yield "plain", text.encode()


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """Forms in which nothing does."""
    raw = text.encode()
    yield "percent", "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "UTF-16", text.encode("utf-16-le")
    yield "UTF-16", text.encode("utf-16-be")
    if len(raw) >= _LEAST_NUMBER:
        yield "hex", raw.hex().encode()


def _base64(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of this wherever it begins, without the ends its neighbours decide."""
    for before in range(3):
        padded = bytes(before) + raw
        first, last = -(-before * 4 // 3), len(padded) * 4 // 3
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            stretch = encode(padded)[first:last]
            if len(stretch) >= _LEAST_BASE64:
                yield stretch
