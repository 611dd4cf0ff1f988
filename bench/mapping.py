"""How fast events are recognised and mapped, on one core: one line of JSON.

python -m bench.mapping [--events N] [--times N] [--profile]

An event of 40 values, nested four deep, among the shipped mappings; its mapping has nine rows: two
trims, a default, a value table, a filter, a join of four parts, a US date, an instant, a number.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bench import machine
from consumer.bus.port import Message
from consumer.event import decode
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.file import compile_file
from consumer.mapping.loader import load_catalogue
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.mapping.said import Said
from consumer.resources import shipped

AIM = 40_000
"""Events a second, recognised and mapped: seven times what PARS takes in a day, in a minute."""
LIMIT = 1024 * 1024

HEADERS = (("ce_type", b"example.lms.course.finished"), ("ce_id", b"7d0c"), ("trace", b"00-1"))
EVENT: dict[str, Any] = {
    "schema": "urn:example:events:1",
    "sent": "2026-11-20T23:38:01.114Z",
    "tenant": {"id": "harbor", "region": "us-east", "plan": "cme", "shard": 4},
    "emitter": {"name": "outbox", "version": "4.11.2", "host": "w-17", "attempt": 1},
    "event": {
        "name": "course.finished",
        "number": 90114,
        "caused_by": {"id": 2, "role": "cron", "ip": "192.0.2.7"},
        "user": {
            "id": " 4413307 ",
            "login": "pvantongeren",
            "locale": "en_US",
            "suspended": False,
            "groups": ["cme", "staff"],
            "fields": [
                {"key": "npi", "value": "1234567893", "shown": True},
                {"key": "session", "value": "spring", "shown": False},
                {"key": "abim", "value": "041327", "shown": True},
            ],
        },
        "course": {
            "id": 731,
            "code": "HF-2026",
            "title": "  Heart Failure Update ",
            "run": "2026T2",
            "mode": "verified",
            "catalogue": {"pages": 12, "hours": 1.5, "language": "en"},
        },
        "result": {
            "status": "passed",
            "grade": 0.92,
            "claimed": "1.25",
            "finished_on": "11/20/2026",
            "finished_at": "2026-11-20T23:38:00.218Z",
            "attempts": 1,
            "certificate": None,
        },
    },
}
TEXT = """mapping: harbor/finished
version: 1
schema: schemas/harbor/finished.json
match:
  - {path: body.event.name, equals: course.finished}
  - {path: headers.ce_type, starts_with: example.lms.}
kind: completion
not_reportable:
  - {path: body.event.user.suspended, equals: true, reason: learner_suspended}
event:
  site:        {from: body.tenant.id, default: harbor}
  learner:     {from: body.event.user.id, trim: true, strip_prefix: u-}
  course:      {from: body.event.course.id}
  completed:   {from: body.event.result.finished_on, date: [MM/DD/YYYY, YYYY-MM-DD]}
  occurred_at: {from: body.event.result.finished_at, instant: iso8601}
  points:      {from: body.event.result.claimed, number: true}
  title:       {from: body.event.course.title, trim: true}
  occurrence:
    from: "body.event.user.fields[?key=='session'].value | [0]"
    map: {spring: S1, autumn: S2}
  event_id:
    join: [body.tenant.id, body.event.course.code, body.event.user.login, body.event.number]
    with: "|"
"""


def schema(value: Any) -> dict[str, Any]:
    """A JSON Schema that says of every name what is there now."""
    match value:
        case dict():
            members = {name: schema(each) for name, each in value.items()}
            return {"type": "object", "required": [*members], "properties": members}
        case list():
            return {"type": "array", "items": schema(value[0])}
        case None:
            return {"type": ["string", "null"]}
    kind = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]
    return {"type": kind}


def leaves(value: Any) -> int:
    """How many values an event holds."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(leaves, inner)) if isinstance(value, dict | list) else 1


def compiled() -> Mapping:
    """The mapping of the event above."""
    report = Report("bench")
    text = json.dumps(schema(EVENT)).encode()
    found = compile_file(TEXT, "harbor/finished", lambda _named: text, report)
    if found is None:
        raise SystemExit("\n".join(map(str, report.problems)))
    return found


def best(work: Callable[[], object], events: int, times: int) -> float:
    """Processor time of one event in µs: of several runs the best, as others use the machine."""
    found = []
    for _ in range(times):
        started = time.process_time()
        for _ in range(events):
            work()
        found.append((time.process_time() - started) / events * 1e6)
    return min(found)


def measured(events: int, times: int) -> dict[str, Any]:
    """The figures."""
    whole = compiled()
    bare = replace(whole, shape=None)
    catalogue = Catalogue([*load_catalogue(shipped("mappings"), shipped("schemas")).mappings, bare])
    message = Message("t", 0, 0, b"k", json.dumps(EVENT).encode(), HEADERS)
    envelope = decode(message, LIMIT)
    if not isinstance(bare.read(envelope), Said) or not whole.shape:
        raise SystemExit("the event is not read")
    shape = whole.shape

    def recognised() -> Mapping:
        (event,) = catalogue.events(envelope)
        return catalogue.recognise(event)

    def mapped() -> None:
        recognised().read(envelope)

    decoding = best(lambda: decode(message, LIMIT), events, times)
    checking = best(lambda: shape.check(envelope.body), events, times)
    mapping = best(mapped, events, times)
    return {
        "values": leaves(EVENT),
        "rows": len(bare.rows),
        "mappings": len(catalogue.mappings),
        "events_per_second": round(1e6 / mapping),
        "with_schema_per_second": round(1e6 / (mapping + checking)),
        "with_decode_and_schema_per_second": round(1e6 / (mapping + checking + decoding)),
        "us": {
            "decode": round(decoding, 1),
            "schema": round(checking, 1),
            "recognise": round(best(recognised, events, times), 1),
            "map": round(best(lambda: bare.read(envelope), events, times), 1),
        },
    }


def main() -> None:
    """Measure, say it, and end with 1 below the aim."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000, help="a run")
    parser.add_argument("--times", type=int, default=7, help="runs, of which the best counts")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    chosen = parser.parse_args()
    if chosen.profile:
        bare = replace(compiled(), shape=None)
        envelope = decode(Message("t", 0, 0, None, json.dumps(EVENT).encode(), HEADERS), LIMIT)
        with cProfile.Profile() as profile:
            for _ in range(chosen.events):
                bare.read(envelope)
        profile.print_stats("tottime")
        return
    figures = measured(chosen.events, chosen.times)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    ok = figures["events_per_second"] >= AIM
    said = {"measured": now, "load": machine.load(), **figures, "aim": AIM, "ok": ok}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.exit(not ok)


if __name__ == "__main__":
    main()
