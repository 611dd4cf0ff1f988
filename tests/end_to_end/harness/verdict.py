"""The verdict on a round: PARS's books against what was published, and what people were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.end_to_end.harness.crew import Place
from tests.end_to_end.harness.desk import Letter
from tests.end_to_end.harness.story import Kind, Thread

Record = dict[str, Any]

# What a person may be asked, by what happened. What was withdrawn and is wanted again may turn out
# to have been accepted by the board, from a post that went out late. A restore forgets what people
# decided: then a credit that they withdrew has vanished from PARS, and is asked about anew. It
# forgets credits too: of one that is taken back now PARS may say that the board accepted it.
_TAKEN_BACK = {"retracted_after_sending"}
_AGAIN = {"completed_after_withdrawal", "reported_again"}
_EXPLAINED: dict[Kind, set[str]] = {
    Kind.MISBORN: {"identity_mismatch"},
    Kind.TAKEN_BACK: _TAKEN_BACK,
    Kind.BACK_AGAIN: _TAKEN_BACK | _AGAIN,
    Kind.AGAIN: _AGAIN | {"accepted_meanwhile"},
}
_AFTER_RESTORE = {"vanished", "accepted_meanwhile"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: under which count, and in words."""

    count: str
    words: str


@dataclass(slots=True)
class Verdict:
    """Everything that is wrong with a round."""

    findings: list[Finding] = field(default_factory=list)
    put_right: int = 0

    def add(self, count: str, words: str) -> None:
        """One more."""
        self.findings.append(Finding(count, words))


def judge_books(verdict: Verdict, threads: Sequence[Thread], records: Iterable[Record]) -> None:
    """What PARS's books say of each thread."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        found[record["board_id"], record["activity"]].append(record)
    for number, thread in enumerate(threads):
        _judge(verdict, f"thread {number} ({thread.kind})", thread, found.pop(thread.key, []))
    for key, others in found.items():
        verdict.add("credited_twice", f"nobody completed {key[1]}: {_shown(others)}")


def _judge(verdict: Verdict, name: str, thread: Thread, records: list[Record]) -> None:
    live = [one for one in records if one["state"] != "deleted"]
    if thread.stays and not live:
        verdict.add("lost", f"{name}: should be in PARS: {_shown(records)}")
    if not thread.stays and live:
        verdict.add("left_behind", f"{name}: should be gone from PARS: {_shown(records)}")
    if len(live) > 1:
        verdict.add("credited_twice", f"{name}: {_shown(records)}")
    if thread.unasked and any("delete" in one["history"] for one in records):
        verdict.add("withdrawn_unasked", f"{name}: {_shown(records)}")
    late = _out_of_order(records)
    if any(one in live for one in late):
        verdict.add("out_of_order", f"{name}: {_shown(records)}")
    elif late:
        verdict.put_right += 1


def _out_of_order(records: list[Record]) -> list[Record]:
    """Older revisions that were stored after newer ones."""
    stored = sorted(records, key=lambda one: int(one["sequence"][0]))
    newest, late = 0, []
    for record in stored:
        if revision_of(record) < newest:
            late.append(record)
        newest = max(newest, revision_of(record))
    return late


def revision_of(record: Record) -> int:
    """The revision that a record's CreditID names."""
    return int(record["credit_id"].rpartition("-r")[2])


def _shown(records: list[Record]) -> str:
    told = [
        f"r{revision_of(one)} {one['state']} "
        + " ".join(f"{a}#{n}" for a, n in zip(one["history"], one["sequence"], strict=True))
        for one in records
    ]
    return "; ".join(told) or "nothing"


def judge_letters(
    verdict: Verdict, threads: Sequence[Thread], letters: Sequence[Letter], *, restored: bool
) -> None:
    """Whether the story explains every letter, and none is open at the end."""
    of = {account: thread for thread in threads for account in thread.accounts}
    for letter in letters:
        thread = of[letter.account]
        explained = _EXPLAINED.get(thread.kind, set()) | (_AFTER_RESTORE if restored else set())
        if letter.code not in explained or letter.status == "open":
            words = f"{thread.kind}: a letter says {letter.code}, and is {letter.status}"
            verdict.add("unexplained_letters", words)


def judge_topic(verdict: Verdict, place: Place, *, restored: bool) -> None:
    """Whether the last word on the topic about each letter is what the ledger says of it.

    A ledger that was put back may not know of letters that were published before.
    """
    known = dict(place.ledger("SELECT id, status FROM letters"))
    if not known:
        return
    said: dict[str, str] = {}
    for message in place.all_of(place.settings.outbox.dead_letters_topic):
        said[(message.key or b"").decode()] = dict(message.headers)["moc-status"].decode()
    for letter, status in known.items():
        if said.get(letter) != status:
            words = f"letter {letter} is {status}, its topic's last word is {said.get(letter)}"
            verdict.add("letters_out_of_order", words)
    if not restored and (strangers := said.keys() - known.keys()):
        verdict.add("letters_out_of_order", f"published, but not in the ledger: {strangers}")
