"""No value of an event ever gets into a reason, an exception, or what an exception carries."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.bus.port import Message
from consumer.event import decode
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.reason import Stopped

ROOT = Path(__file__).parents[3]
MARK = "Zyxwvut-Q7"
SPOILT: tuple[Any, ...] = (
    MARK,
    f" {MARK} ",
    {MARK: MARK},
    [MARK],
    {"error": MARK, MARK: [MARK]},
    f"2026-11-20T{MARK}",
    7_777_777_777_777_777_777,
    777777.7777,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(ROOT / "mappings", ROOT / "schemas")


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, inner ones too."""
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else ()
    for key, item in inner:
        yield from leaves(item, (*place, key))


def spoilt(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    copy = orjson.loads(orjson.dumps(value))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = by
    return copy


def carried(error: BaseException | None) -> Iterator[str]:
    """All that an exception says or drags along, suppressed causes included."""
    while error:
        yield repr(error) + str(error) + repr(getattr(error, "reasons", ""))
        yield repr([v for k, v in vars(error).items() if not k.startswith("__")])
        error = error.__cause__ or error.__context__


def hear(catalogue: Catalogue, wrapped: Any) -> Stopped | None:
    value = orjson.dumps(wrapped["value"])
    headers = tuple((k, str(v).encode()) for k, v in wrapped.get("headers", {}).items())
    try:
        envelope = decode(Message("t", 0, 0, None, value, headers), 10**6)
        catalogue.recognise(envelope).read(envelope)
    except Stopped as stopped:
        return stopped
    return None


FILES = sorted((ROOT / "mappings").rglob("*.event.json"))
EVENTS = [
    (file, wrapped, place)
    for file, wrapped in ((file, orjson.loads(file.read_bytes())) for file in FILES)
    for place in leaves(wrapped)
    if place[0] in ("value", "headers") and len(place) > 1
]


def test_no_spoilt_leaf_shows_in_what_is_raised(catalogue: Catalogue) -> None:
    stops = 0
    for file, wrapped, place in EVENTS:
        for by in SPOILT:
            stopped = hear(catalogue, spoilt(wrapped, place, by))
            if stopped is None:
                continue
            stops += 1
            # All that a traceback would print, but for the lines of our own code.
            told = "".join(carried(stopped))
            for sign in (MARK, "7777777", "777777.7"):
                assert sign not in told, (file.name, place)
    assert stops > 300


@pytest.mark.parametrize(
    "value",
    [
        f'{{"name": "{MARK}", }}',
        f'{{"name": "{MARK}',
        f'"{MARK}"',
        f'{{"name": "{MARK}\\u0000"}}',
        f'{{"{MARK}\\u0000": 1}}',
        MARK,
    ],
)
def test_what_cannot_be_decoded_is_not_quoted(value: str) -> None:
    header = (("ce_type", MARK.encode()), ("ce_type", MARK.encode()), (MARK, b"\xff"))
    for raw, headers in ((value.encode(), ()), (value.encode() + b"\xff", ()), (b"{}", header)):
        with pytest.raises(Stopped) as stopped:
            decode(Message("t", 0, 0, None, raw, headers), 10**6)
        told = "".join((*carried(stopped.value), *traceback.format_exception(stopped.value)))
        assert MARK not in told
