"""One recognisable learner, invented: what to look for, and every path to be sent down."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from consumer.bus.port import Outgoing
from consumer.demo.scenario import CANVAS, CERTIFICATE, MOODLE, OPENEDX, PROVIDER_ID
from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.roster import Diplomate
from tests.end_to_end.loud import CUT, Answer, error, status
from tests.end_to_end.story import REVOKED, TOPIC, canvas, moodle, openedx

GIVEN, FAMILY, DISPLAY = "Quillonie", "Vrzhębicki", "Quirrelmort"
EMAIL, SECRET = "zebrafinch77@xq-mail.example", "whs-7fKq2Lw9-unguessable"
BOARD_ID, BOARD_ID_ELSEWHERE = "739184", "ABIM 73-91-84"
NPI, NPI_MISTYPED = "1739280463", "1739280464"
BORN = "1971-09-10"
SAYS = f"Dr. {GIVEN} {FAMILY}, ABIM {BOARD_ID}, NPI {NPI}, born 09/10/1971, {EMAIL}"

TOKENS = {
    "given name": [GIVEN],
    "family name": [FAMILY],
    "display name": [DISPLAY],
    "e-mail": [EMAIL, EMAIL.partition("@")[0]],
    "webhook secret": [SECRET],
    "board ID": [BOARD_ID, BOARD_ID_ELSEWHERE],
    "NPI": [NPI, NPI_MISTYPED],
    "birth date": [
        *(BORN, "19710910", "09/10/1971", "10.09.1971", "1971, 9, 10", "1971/09/10"),
        *("September 10", "10 September", "Sep 10", "09-10", "09/10", "0910"),
    ],
}

AT = datetime.now(UTC) - timedelta(days=3)
EDX = "course-v1:XQ+RT+2026"

# ------------------------------------------------------------------ PARS

# What PARS says, once each, to what it is sent for an activity; afterwards it behaves.
SAVES = {
    "202600203": [Answer(400, error("No match", f"Learner name {SAYS} does not match"))],
    "202600204": [Answer(500, error("Unspecified failure", SAYS))],
    "202600205": [Answer(200, f"<html><body>Welcome {SAYS}", "text/html")],
    "202600206": [Answer(CUT, "")],
    "202600207": [Answer(409, error("Report already exists", SAYS))],
    "202600208": [Answer(418, error("Teapot", SAYS))],
    "202600210": [Answer(401, error("Unauthorized", f"Not for {SAYS}"))],
    "202600211": [Answer(503, error("Down", SAYS))],
    "202600212": [Answer(422, f"<Learner><Name>{SAYS}</Name></Learner>")],
}
ASKED = {
    "202600204": [Answer(500, error("Unspecified failure", SAYS))],
    "202600209": [Answer(200, status(f"Kept for {SAYS}"))],
}
BOARD_REJECTS = {"202600202": f"Not in our files: {SAYS}"}


def roster() -> list[Diplomate]:
    """The learner as the board knows them."""
    year, month, day = map(int, BORN.split("-"))
    return [Diplomate("ABIM", BOARD_ID, GIVEN, FAMILY, month, day, year, npi=NPI)]


def activities() -> list[Activity]:
    """What is registered in PARS."""
    today = datetime.now(UTC).date()
    return [
        Activity(
            number,
            PROVIDER_ID,
            "",
            today - timedelta(days=400),
            today + timedelta(days=30),
            {"ABIM": {"Medical Knowledge": Decimal("1.5")}},
            board_rejects=BOARD_REJECTS.get(number, ""),
        )
        for number in (f"202600{course}" for course in range(200, 300))
    ]


# ------------------------------------------------------------------ tables

_RIGHT = {
    "given_name": GIVEN,
    "family_name": FAMILY,
    "email": EMAIL,
    "birth_date": "09/10/1971",
    "board_id": BOARD_ID,
    "npi": NPI,
    "consent": "yes",
}
# The learner's LMS accounts, and how the office's row for each is wrong.
ACCOUNTS: dict[str, dict[str, str]] = {
    "7001": {},
    "7002": {"consent": ""},
    "7003": {"npi": NPI_MISTYPED},
    "7004": {"family_name": "Vrzhę\x0bbicki"},
    "7005": {"board_id": BOARD_ID_ELSEWHERE},
    "7006": {"birth_date": "10 September 1971"},
    "7007": {"birth_date": "09/10"},
    "7008": {"birth_date": "10/09/1971"},
    "7009": {"board_id": ""},
    EMAIL: {},
}


def rows(**mended: dict[str, str]) -> list[dict[str, str]]:
    """The learners table; `mended` says what is right by now, by account."""
    return [
        {"learner": account} | _RIGHT | wrong | mended.get(f"_{account}", {})
        for account, wrong in ACCOUNTS.items()
    ]


def write(path: Path, lines: list[dict[str, str]]) -> None:
    """A table, whole or not at all: the service may be reading it."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    draft.rename(path)


def courses() -> Iterator[dict[str, str]]:
    """The activities table."""
    places = [(MOODLE, str(number), number) for number in range(201, 230)]
    places += [(CANVAS, "5230", 230), (OPENEDX, EDX, 231), (MOODLE, "299", 299)]
    for site, course, number in places:
        yield {
            "site": site,
            "course": course,
            "activity": f"COURSE-{number}",
            "pars_activity_id": f"202600{number}",
            "profile": "not ours" if number == 299 else "main",
            "title": "Rounds",
            "credit_types": "Medical Knowledge",
            "max_points": "1.5",
            "zone": "America/Chicago",
        }


# ------------------------------------------------------------------ events


def choking() -> list[Outgoing]:
    """Nothing wrong with it: what is wrong is the service that hears it."""
    return [_personal(moodle("7001", "201", AT))]


def events() -> list[Outgoing]:
    """One event down every path, keyed and labelled with what is personal, as a bridge may."""
    good = [moodle("7001", str(course), AT) for course in range(202, 213)]
    good += [moodle("7001", "201", AT), moodle(EMAIL, "213", AT), moodle("7008", "214", AT)]
    good += [canvas("7001", "5230", AT, f"{DISPLAY} {EMAIL}"), openedx("7001", EDX, AT, DISPLAY)]
    wrong = [moodle(account, "215", AT) for account in ACCOUNTS if "7002" <= account < "7008"]
    wrong += [moodle("7009", "215", AT)]
    wrong += [moodle("7001", "299", AT), moodle("7001", "998", AT), moodle("7777", "216", AT)]
    return [_personal(event) for event in [*good, *wrong, *_modules(), *_refused()]]


def retraction() -> list[Outgoing]:
    """The LMS takes back what the board has accepted."""
    later = AT + timedelta(days=1)
    return [_personal(openedx("7001", EDX, later, DISPLAY, says=REVOKED))]


def unreadable() -> Outgoing:
    """One that intake refuses."""
    return _personal(next(_refused()))


def _modules() -> Iterator[Outgoing]:
    event = canvas("7001", "5230", AT, DISPLAY)
    progress = b'"progress":{"error":{"message":"' + SAYS.encode() + b'"}}'
    head, _, _ = (event.value or b"").partition(b'"progress"')
    yield replace(event, value=head + progress + b"}}")


def _refused() -> Iterator[Outgoing]:
    """What intake refuses: bytes, names, forms and values."""
    says = SAYS.encode()
    plain = moodle("7001", "217", AT)
    edx = openedx("7001", EDX, AT, DISPLAY)
    for value in (
        b'{"eventname": "\\\\core", "who": "' + says + b'",, "token": "' + SECRET.encode(),
        b'{"who": "' + says + b" \xff\xfe " + SECRET.encode() + b'"}',
        b'"' + says + b'"',
        b'["' + says + b'"]',
        b'{"who": "' + says + b'", "who": "' + SECRET.encode() + b'"}',
        b'{"who": ' + b"[" * 300 + b'"' + says + b'"' + b"]" * 300 + b"}",
        b'{"who": "' + says + b'\\u0000"}',
        b'{"who": "' + says + b'", "filling": "' + b"x" * 80_000 + b'"}',
        b'{"tool": "' + says + b'", "' + says + b'": 1}',
        None,
    ):
        yield Outgoing(TOPIC, EMAIL.encode(), value)
    yield replace(plain, key=b"\xff " + says)
    yield replace(edx, headers=(*edx.headers, ("ce_type", says)))
    yield replace(edx, headers=(("ce_type", CERTIFICATE), ("ce_subject", b"\xff" + says)))
    yield moodle("7001", "218", AT, courseid={SAYS: {GIVEN: 1}})
    yield moodle("7001", "219", AT, relateduserid=[EMAIL, SAYS], other={FAMILY: 1})
    yield moodle("7001", "220", AT, timecreated=SAYS)
    yield moodle("7001", "221", AT, relateduserid=None, extra={FAMILY: SAYS})


def _personal(event: Outgoing) -> Outgoing:
    """The event as careless senders make them: a person in the key, the headers, and the token."""
    value = event.value and event.value.replace(b"webhook-secret", SECRET.encode())
    headers = (("ce_subject", FAMILY.encode()), ("x-user", SAYS.encode()))
    known = {name for name, _ in event.headers}
    more = tuple(pair for pair in headers if pair[0] not in known)
    key = event.key if event.key and event.key.startswith(b"\xff") else EMAIL.encode()
    return replace(event, key=key, value=value, headers=(*event.headers, *more))
