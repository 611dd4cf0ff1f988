"""Spoilt events by the million: whatever arrives has a foreseen fate.

python -m tests.fuzz_mappings [--events N] [--seed S]

Takes the example events of every mapping that ships, and some that hold several events, and spoils
them: other types, missing and repeated names, deep nesting, odd text, huge numbers, broken bytes,
headers and keys of all kinds. Each message is heard; one line of JSON says what came of them all.
Ends with 1 if anything but a typed result came, and says the numbers of such messages, which the
same seed gives again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import orjson

from consumer.bus.port import Headers, Message
from consumer.fate import Held, Ignored, NotReportable, Ready, Refused
from consumer.journey import Heard, House, hear
from consumer.ledger.originals import sealed_original
from consumer.ledger.seal import Seal
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.reason import Reason, pack_reasons
from consumer.resources import shipped
from consumer.tables import Tables
from consumer.tables.activities import Activities
from consumer.tables.learners import Learners
from tests.unit.samples import NOW, PROVIDER, activity, catalogue, learner

MARK = "Zyxwvut-Q7"
"""Stands for a person's name in spoilt values: no reason may hold it."""
LIMIT = 64 * 1024
SEAL = Seal(b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
FATES = (Ready, Held, NotReportable, Refused, Ignored)

SEVERAL = """mapping: fuzz/{name}
version: 1
schema: schemas/fuzz/several.json
match:
{match}each: {each}
kind: completion
not_reportable:
  - {{path: item.status, equals: failed, reason: not_passed}}
event:
  site: {{from: body.site, default: lms.example}}
  learner: {{first_of: [item.actor.id, item.actor]}}
  course: {{from: item.object.id, strip_prefix: "urn:"}}
  completed: {{from: item.at, instant: iso8601}}
  points: {{from: item.score, number: true, optional: true}}
"""
INNER = {
    "actor": {"type": ["string", "integer", "object"], "properties": {"id": {}}},
    "verb": {"type": "string"},
    "status": {},
    "score": {"type": ["number", "string"]},
    "object": {"type": "object", "properties": {"id": {"pattern": "^[a-z0-9:]+$"}}},
    "at": {"type": "string"},
}
EVENT = {"type": "object", "required": ["verb"], "properties": INNER}
SCHEMA = {
    "oneOf": [
        {"type": "array", "items": {"$ref": "#/$defs/event"}},
        {
            "type": "object",
            "properties": {
                **INNER,
                "site": {"type": "string"},
                "data": {"type": "array", "items": {"$ref": "#/$defs/event"}},
            },
        },
    ],
    "$defs": {"event": EVENT},
}
DONE = {
    "actor": {"id": "905"},
    "verb": "completed",
    "object": {"id": "urn:37"},
    "at": "2026-11-20T18:00:00Z",
    "score": 1.5,
}
EXTRA = (
    {"value": {"site": "lms.example", "data": [DONE, DONE | {"actor": 7}, {"verb": "seen"}]}},
    {"value": [DONE, DONE | {"status": "failed"}, {"verb": "viewed"}]},
    {"value": DONE},
)


def several() -> list[Mapping]:
    """Mappings that take messages apart."""
    rows = {
        "statements": ("body", "  - {path: item.verb, equals: completed}\n"),
        "envelopes": (
            "body.data",
            "  - {path: body.site, present: true}\n  - {path: item.verb, in: [completed, done]}\n",
        ),
    }
    found = []
    for name, (each, match) in rows.items():
        report, text = Report(name), SEVERAL.format(name=name, match=match, each=each)
        mapping = compile_file(text, f"fuzz/{name}", lambda _: orjson.dumps(SCHEMA), report)
        if mapping is None:
            raise SystemExit("\n".join(map(str, report.problems)))
        found.append(mapping)
    return found


def examples() -> list[dict[str, Any]]:
    """The event of every example beside a mapping, and some that hold several."""
    files = sorted(shipped("mappings").rglob("*.event.json"))
    return [*map(orjson.loads, (file.read_bytes() for file in files)), *EXTRA]


class Anybody(dict[Any, Any]):
    """A table that knows everybody, and every course, but for some."""

    def __init__(self, row: Any) -> None:
        super().__init__()
        self._row = row

    def get(self, key: Any, default: Any = None) -> Any:
        """The row, but for every fourth."""
        return default if crc32(repr(key[-1]).encode()) % 4 == 0 else (self._row,)


def a_house() -> House:
    """All mappings, and tables in which nearly everybody stands."""
    tables = Tables(Learners(Anybody(learner())), Activities(Anybody(activity())))
    known = Catalogue([*catalogue().mappings, *several()])
    return House(known, tables, {"main": PROVIDER}, LIMIT)


class Fuzzer:
    """Spoils examples, each message by its own number and the seed."""

    def __init__(self, seed: int) -> None:
        self._seed, self._examples = seed, examples()
        self._headers = [
            (name, text) for one in self._examples for name, text in one.get("headers", {}).items()
        ]

    def message(self, number: int) -> Message:
        """The spoilt message of this number, always the same."""
        chance = random.Random(self._seed * 1_000_003 + number)  # noqa: S311  no secret
        wrapped = json.loads(json.dumps(chance.choice(self._examples)))
        value = wrapped["value"]
        for _ in range(chance.choice((0, 1, 1, 1, 2, 8))):
            value = self._spoil(value, chance)
        raw = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
        for _ in range(chance.choice((0, 0, 0, 0, 0, 0, 1, 2))):
            raw = chance.choice(_BYTES)(raw, chance)
        headers = self._odd_headers(wrapped.get("headers", {}), chance)
        odd = (b"", b"\xff\x00", b"\x00\x00\x00\x00\x01x")
        key = chance.choice(odd if chance.random() < 0.05 else (None, b"k", "clé".encode()))
        return Message("t", 0, number, key, None if chance.random() < 0.001 else raw, headers)

    def _spoil(self, value: Any, chance: random.Random) -> Any:
        places = list(_places(value))
        if not places or chance.random() < 0.02:
            return chance.choice((_odd(chance), [value], [value] * 3, {"data": [value]}))
        holder, name = chance.choice(places)
        what = chance.random()
        if what < 0.6:
            holder[name] = _odd(chance)
        elif what < 0.75:
            del holder[name]
        elif what < 0.85:
            other, theirs = chance.choice(places)
            _copy(other, theirs, holder, name)
        elif isinstance(holder, dict):
            holder[_odd_text(chance)] = holder[name]
        else:
            holder.extend([holder[name]] * chance.choice((1, 2, 300)))
        return value

    def _odd_headers(self, headers: dict[str, str], chance: random.Random) -> Headers:
        found = [(name, text.encode()) for name, text in headers.items()]
        for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 2))):
            name, text = chance.choice([*self._headers, *_HEADERS])
            raw = text.encode() if chance.random() < 0.85 else chance.randbytes(chance.randrange(9))
            found.insert(chance.randrange(len(found) + 1), (name, raw))
        if found and chance.random() < 0.05:
            found.pop(chance.randrange(len(found)))
        return tuple(found)


_HEADERS = (
    ("content-type", "application/json"),
    ("content-type", "application/cloudevents+json; charset=UTF-8"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "avro/binary"),
    ("ce_specversion", "1.0"),
    ("ce_time", "2026-11-21T10:00:00Z"),
    ("ce_type", MARK),
    (MARK, MARK),
)
_TEXTS = (
    "", " ", "\n", "true", "null", "0", "-1", "1e5", "NaN", "12.50", "9" * 400, "2026-11-20",
    "2026-11-20T23:38:00Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "1795177800", "999999999999999", "é", "e\u0301", "\u202eabc",
    "\ufeff", "\u0000", "\ud800", "\U0001f600", "٣٤", "x" * 5000, "|", "a|b", MARK, f" {MARK} ",
    "https://" + MARK, "mailto:" + MARK, "urn:37", "905", "completed", "failed", "__proto__",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**308, -(10**40), 0.1,
    1.0, -0.0, 1e308, 5e-324, 1795177800, 1795177800000, 1795177800.5, float("nan"), float("inf"),
)  # fmt: skip


def _odd(chance: random.Random) -> Any:
    what = chance.random()
    if what < 0.4:
        return chance.choice(_VALUES)
    if what < 0.75:
        return _odd_text(chance)
    inner = chance.choice(_TEXTS)
    nested: Any = inner
    for _ in range(chance.choice((3, 99, 150, 197, 300)) if what > 0.95 else 0):
        nested = chance.choice(([nested], {"a": nested}))
    return chance.choice(([], {}, [inner], {inner: inner}, {"id": inner}, [[]] * 9, nested))


def _odd_text(chance: random.Random) -> str:
    if chance.random() < 0.8:
        return chance.choice(_TEXTS)
    return "".join(
        chr(chance.choice((chance.randrange(128), chance.randrange(0xD7FF)))) for _ in "abc"
    )


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside, as its holder and its name or index."""
    pending = [value]
    while pending:
        holder = pending.pop()
        inside = holder.items() if isinstance(holder, dict) else ()
        inside = enumerate(holder) if isinstance(holder, list) else inside
        for name, inner in list(inside)[:200]:
            yield holder, name
            if isinstance(inner, dict | list) and len(pending) < 200:
                pending.append(inner)


def _copy(source: Any, theirs: Any, target: Any, name: Any) -> None:
    # As text: a value put into itself would have no end.
    target[name] = json.loads(json.dumps(source[theirs]))


def _cut(raw: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randrange(len(raw) + 1)]


def _flipped(raw: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(raw) + 1)
    return raw[:place] + chance.randbytes(chance.randrange(3)) + raw[place + 1 :]


def _inserted(raw: bytes, chance: random.Random) -> bytes:
    place = chance.choice([n for n, byte in enumerate(raw[:3000]) if byte in b'{[,:"'] or [0]) + 1
    return raw[:place] + chance.choice(_ODD_BYTES) + raw[place:]


_ODD_BYTES = (
    b"NaN,", b"\\u0000", b"\\ud800", b'"a":1,"a":2,', b"[" * 250, b'{"a":' * 250, b" ", b"-", b"//",
    b"1e999", b"\x00", b"\xff", b"\xef\xbb\xbf", b"9" * 400, b"\\ud83d\\ude00",
)  # fmt: skip


def _twice(raw: bytes, _chance: random.Random) -> bytes:
    """Every name of the outermost object twice."""
    return b"{" + raw.strip(b"{}[] ") + b"," + raw.strip(b"{}[] ") + b"}"


def _padded(raw: bytes, chance: random.Random) -> bytes:
    return raw + b" " * chance.choice((1, LIMIT))


def _framed(raw: bytes, chance: random.Random) -> bytes:
    return b"\x00" + chance.randbytes(4) + raw


_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _flipped, _flipped, _inserted, _inserted, _inserted, _twice, _padded, _framed,
)  # fmt: skip


def faults(message: Message, heard: list[Heard]) -> list[str]:
    """What is wrong with what came of a message: nothing, if all of it was foreseen."""
    found = [] if heard else ["nothing came"]
    for what in heard:
        if not isinstance(what.judgement, FATES):
            found.append("no fate")
        told = reasons(what)
        if any(one.code == "internal" for one in told):
            found.append("internal " + told[0].detail)
        if MARK in pack_reasons(told):
            found.append("a value is told")
        if what.event is not None:
            sealed_original(SEAL, message, what)
    return found


def reasons(what: Heard) -> tuple[Reason, ...]:
    """All reasons of a fate."""
    match what.judgement:
        case Refused(told) | Held(told):
            return told
        case NotReportable(reason):
            return (reason,)
        case Ready(_, waiting):
            return waiting
    return ()


def run(events: int, seed: int) -> dict[str, Any]:
    """Hear so many spoilt messages; gives what came of them."""
    fuzzer, house = Fuzzer(seed), a_house()
    fates: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    wrong: dict[int, str] = {}
    for number in range(events):
        message = fuzzer.message(number)
        try:
            heard = hear(message, house, NOW)
            found = faults(message, heard)
        except Exception as error:  # noqa: BLE001  what this looks for
            heard, found = [], [f"raised {type(error).__name__}"]
        fates.update(type(what.judgement).__name__ for what in heard)
        codes.update(one.code for what in heard for one in reasons(what))
        if found:
            wrong[number] = ", ".join(found)
    return {"fates": dict(fates), "codes": dict(codes.most_common()), "wrong": wrong}


def main() -> None:
    """Run, say it, and end with 1 if anything was unforeseen."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    started = time.monotonic()
    came = run(chosen.events, chosen.seed)
    wrong = came["wrong"]
    said = {
        "events": chosen.events,
        "seed": chosen.seed,
        "typed": chosen.events - len(wrong),
        "internal": len(wrong),
        "seconds": round(time.monotonic() - started, 1),
        "fates": came["fates"],
        "codes": came["codes"],
        "wrong": dict(list(wrong.items())[:20]),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
