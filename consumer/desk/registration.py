"""Registering activities with PARS from a file: read, plan, send one by one, never one twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from consumer.clock import Clock
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.fate import Absent, Answered, Done, Refused, Retry, StopLine, Unclear
from consumer.ledger.inquiries import Inquiries, Inquiry, Kind, activity_subject
from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.element import Unreadable
from consumer.pars.element import parse as parse_xml
from consumer.pars.port import ActivityNumber, Pars
from consumer.pars.registered import EACH, OWN_ID, PARS_ID, ROOT, identifier
from consumer.pars.value import Value, illegal
from consumer.pars.value import parse as parse_json
from consumer.pars.verdicts import fate_of_question, fate_of_save
from consumer.reason import Reason

_LIMIT_BYTES = 64 * 1024 * 1024
# Refused before anything was looked at: nothing can have been registered.
_NEVER_IN = frozenset({"credentials", "tls_failed", "unreachable"})


class FileProblems(Exception):
    """The file cannot be sent; holds every problem, each with its place and its rule."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Outcome(StrEnum):
    """What became of one activity."""

    REGISTERED = "registered"
    CHANGED = "changed"
    DELETED = "deleted"
    ALREADY = "already registered"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    NOT_SENT = "not sent"


GOOD = frozenset({Outcome.REGISTERED, Outcome.CHANGED, Outcome.DELETED, Outcome.ALREADY})
_DONE = {"Add": Outcome.REGISTERED, "Update": Outcome.CHANGED, "Delete": Outcome.DELETED}
_REMEMBERED = {"Add": "activity.add", "Update": "activity.update", "Delete": "activity.delete"}
_AGAIN = "run this command again: PARS is asked before anything is sent twice"


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity of the file, as a document of its own."""

    document: Value

    @property
    def _activity(self) -> Value:
        return self.document[ROOT][EACH][0]

    @property
    def action(self) -> str:
        """Add, Update or Delete."""
        return str(self._activity["XtensibleInfo"]["activityRecordAction"])

    @property
    def title(self) -> str:
        """As the file has it."""
        return str(self._activity["Lom"]["general"]["title"])

    @property
    def pars_id(self) -> str:
        """PARS's number, "" before PARS has given one."""
        return identifier(self._activity, PARS_ID)

    @property
    def own_id(self) -> str:
        """The provider's own number, "" when there is none."""
        return identifier(self._activity, OWN_ID)

    @property
    def provider_id(self) -> str:
        """Whose activity the file says it is, "" when it does not."""
        return str(self._activity["XtensibleInfo"].get("ProviderID", ""))

    @property
    def boards(self) -> str:
        """For whose MOC, with the points."""
        info = self._activity["XtensibleInfo"].get("MOCRegistrations", {})
        registrations = info.get("MOCRegistration", [])
        return ", ".join(f"{one['boardName']} {one['mocPoints']}" for one in registrations)


@dataclass(frozen=True, slots=True)
class Told:
    """What a person is told of one activity; `pars_id` is what PARS knows it by now."""

    entry: Entry
    outcome: Outcome
    pars_id: str = ""
    happened: str = ""
    how: str = ""


# ------------------------------------------------------------------ the file


def read_file(path: Path, documents: ActivityDocuments, provider_id: str) -> tuple[Entry, ...]:
    """The activities of a file in JSON or XML. Raises FileProblems with all that is wrong."""
    try:
        document = _document(path, documents)
    except OSError as error:
        raise FileProblems([f"cannot be read: {error.strerror}"]) from None
    except Unreadable as error:
        raise FileProblems([str(error)]) from None
    characters = [f"{reason.field}: {reason.detail}" for reason in illegal(document)]
    if problems := characters or documents.schema.problems(document):
        raise FileProblems(problems)
    entries = tuple(Entry({ROOT: {EACH: [one]}}) for one in document[ROOT][EACH])
    if rules := [*_rules(entries, provider_id)]:
        raise FileProblems(rules)
    return entries


def _document(path: Path, documents: ActivityDocuments) -> Value:
    data = path.read_bytes()
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return documents.read(parse_xml(data, _LIMIT_BYTES))
    return parse_json(data)


def _rules(entries: Sequence[Entry], provider_id: str) -> Iterator[str]:
    """What keeps an activity from being registered twice, beyond the schema."""
    numbers = Counter(entry.own_id for entry in entries if entry.action == "Add")
    for place, entry in enumerate(entries, 1):
        where = f"{ROOT}/{EACH}/{place}"
        if entry.provider_id not in ("", provider_id):
            yield f"{where}/XtensibleInfo/ProviderID: not the profile's provider"
        if entry.action == "Add":
            yield from _rules_of_new(where, entry, numbers[entry.own_id])
        elif not re.fullmatch("[0-9]{9}", entry.pars_id):
            place_of = f"{where}/Lom/general/identifier"
            yield f'{place_of}: {entry.action} needs the "{PARS_ID}", nine digits'


def _rules_of_new(where: str, entry: Entry, count: int) -> Iterator[str]:
    if not entry.own_id:
        yield f'{where}/Lom/general/identifier: Add needs a "{OWN_ID}", to be found by in PARS'
    elif count > 1:
        yield f'{where}/Lom/general/identifier: this "{OWN_ID}" stands twice in the file'
    if entry.pars_id:
        yield f'{where}/Lom/general/identifier: Add has no "{PARS_ID}" yet; or is it an Update?'


# ------------------------------------------------------------------ sending


class Registrar:
    """Sends activities of one profile to PARS, and remembers what may have arrived."""

    def __init__(
        self,
        pars: Pars,
        book: Inquiries,
        clock: Clock,
        profile: str,
        provider_id: str,
        grace_seconds: float,
        who: str,
        *,
        look_first: bool,
        not_in_pars: bool = False,
    ) -> None:
        """`look_first` asks before every new activity; `not_in_pars`: a person has looked."""
        self._pars, self._book, self._clock = pars, book, clock
        self._profile, self._provider_id = profile, provider_id
        self._grace, self._who = timedelta(seconds=grace_seconds), who
        self._look_first, self._not_in_pars = look_first, not_in_pars

    def submit(self, entries: Sequence[Entry]) -> Iterator[Told]:
        """One by one; when PARS is away, or lets us in no more, the rest is not tried."""
        for place, entry in enumerate(entries):
            told, goes_on = self._submit(entry)
            yield told
            if not goes_on:
                rest = entries[place + 1 :]
                yield from (Told(one, Outcome.NOT_SENT, "", told.happened, _AGAIN) for one in rest)
                return

    def _submit(self, entry: Entry) -> tuple[Told, bool]:
        if entry.action != "Add":
            return self._post(entry)
        subject = self._book.posted(self._provider_id, entry.own_id)
        earlier = self._book.known(Kind.POSTED, subject)
        if (earlier or self._look_first) and not self._not_in_pars:
            found = self._looked_up(entry, earlier)
            if found is not None:
                return found, True
        if not self._book.begin_posting(subject, self._clock.now(), earlier):
            happened = "it is being sent by somebody else just now"
            return Told(entry, Outcome.NOT_SENT, "", happened, _AGAIN), True
        return self._post(entry)

    def _looked_up(self, entry: Entry, earlier: Inquiry | None) -> Told | None:
        """What PARS says of a new activity's own number; None when it may be sent."""
        reply = self._pars.activity(ActivityNumber(OWN_ID, entry.own_id))
        fate = fate_of_question(reply)
        match fate:
            case Answered() if reply.activities:
                numbers = sorted(one.activity_id for one in reply.activities)
                return self._is_there(entry, numbers)
            case Answered() | Absent():
                return self._too_early(entry, earlier)
            case Retry(reason) | StopLine(reason) if earlier:
                how = f"{advice(reason).how}. Or look in PARS: is it not there, add --not-in-pars"
                happened = f"it was sent before, and {advice(reason).happened}"
                return Told(entry, Outcome.NOT_SENT, "", happened, how)
        return None  # never sent by us: what the look-up would have said is PARS's to say

    def _is_there(self, entry: Entry, numbers: Sequence[str]) -> Told:
        self._settled(entry, numbers[0])
        happened = "PARS has it already" if len(numbers) == 1 else "PARS has it more than once"
        how = _write(numbers[0]) + "; to change it there, make it an Update"
        return Told(entry, Outcome.ALREADY, ", ".join(numbers), happened, how)

    def _too_early(self, entry: Entry, earlier: Inquiry | None) -> Told | None:
        if earlier is None or self._clock.now() >= earlier.asked_at + self._grace:
            return None
        at = (earlier.asked_at + self._grace).isoformat(timespec="seconds")
        happened = "it was sent a moment ago, and PARS does not show it yet"
        return Told(entry, Outcome.NOT_SENT, "", happened, f"run this command again after {at}")

    def _post(self, entry: Entry) -> tuple[Told, bool]:
        reply = self._pars.register(entry.document)
        fate = fate_of_save(reply)
        match fate:
            case Done():
                number = reply.activities[0].activity_id if reply.activities else entry.pars_id
                self._settled(entry, number)
                how = _write(number) if entry.action == "Add" else ""
                return Told(entry, _DONE[entry.action], number, "", how), True
            case Refused(reasons):
                self._forget(entry)
                said = " ".join(f"{reply.code}: {reply.message}".split()).strip(": ")
                happened = f"{advice(reasons[0]).happened}; PARS says: {said or 'nothing'}"
                how = "correct the file, then run this command again"
                return Told(entry, Outcome.REFUSED, "", happened, how), True
            case Unclear(reason):
                return self._unclear(entry, reason), True
            case Retry(reason, _, maybe_sent):
                return self._later(entry, reason, maybe_sent=maybe_sent), False
            case StopLine(reason):
                told = self._later(entry, reason, maybe_sent=reason.code not in _NEVER_IN)
                return replace(told, how=f"{advice(reason).how}; then {_AGAIN}"), False

    def _unclear(self, entry: Entry, reason: Reason) -> Told:
        how = _AGAIN if entry.action == "Add" else "run this command again: twice does no harm"
        return Told(entry, Outcome.UNCLEAR, "", advice(reason).happened, how)

    def _later(self, entry: Entry, reason: Reason, *, maybe_sent: bool) -> Told:
        if maybe_sent:
            return self._unclear(entry, reason)
        self._forget(entry)
        return Told(entry, Outcome.NOT_SENT, "", advice(reason).happened, advice(reason).how)

    def _forget(self, entry: Entry) -> None:
        subject = self._book.posted(self._provider_id, entry.own_id)
        self._book.forget(Kind.POSTED, subject, self._clock.now())

    def _settled(self, entry: Entry, number: str) -> None:
        """PARS has it: credits that waited for it go, and what was done is remembered."""
        now = self._clock.now()
        self._forget(entry)
        self._book.forget(Kind.ACTIVITY, activity_subject(self._profile, number), now)
        ledger = self._book.ledger
        with ledger.begin() as db:
            remember(db, ledger, now, self._who, _REMEMBERED[entry.action], number)


def _write(number: str) -> str:
    return f"write {number} as pars_activity_id into activities.csv"
