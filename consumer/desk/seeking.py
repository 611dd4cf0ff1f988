"""What people type into the one search box, as a question to the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, or_, select, union

from consumer.credit import WORDS, Heard, State
from consumer.desk.looking import Desk
from consumer.desk.numbers import number_in
from consumer.desk.roster import words_of
from consumer.ledger.letters import Status
from consumer.ledger.schema import attempts, completion_credits, completions, credits_, letters
from consumer.ledger.seal import normalise
from consumer.ledger.searching import found_by, found_by_any, search_digest
from consumer.ledger.switches import withheld_as
from consumer.release import RELEASE_WORDS

Numbers = Select[int]

_FEW = 100
"""Of more rows of the learners table than this, the ledger finds nearly all by itself; the others
are found by their rows.
"""
_c, _k, _link = completions.c, credits_.c, completion_credits.c


def sought(desk: Desk, text: str, state: str, activity: str) -> Numbers:
    """The numbers of the completions that fit all of these; blank means any.

    `text` is anything that somebody or something is called by, also the words of a standing;
    `state` a code or such words; `activity` the office's name of one, or an LMS's of a course.
    """
    wanted = [*_by_text(desk, text)]
    wanted += [_by_state(state)] if state else []
    wanted += [_by_activity(desk, activity)] if activity else []
    query = select(_c.id)
    for one in wanted:
        query = query.where(_c.id.in_(one))
    return query


def _by_text(desk: Desk, text: str) -> Iterator[Numbers]:
    words = words_of(text)
    if not words:
        return
    if len(words) == 1:
        yield _any(*_named(text.strip()), *_words(desk, words[0]), *_states(text))
        return
    # As a whole it may be a user ID, a title, or a standing; else every word must fit.
    whole = _any(*_words(desk, normalise(text)), *_states(text))
    each = select(_c.id)
    for word in words:
        each = each.where(_c.id.in_(_any(*_words(desk, word))))
    yield _any(whole, each)


def _any(*queries: Numbers) -> Numbers:
    together: CompoundSelect[Any] = union(*queries)
    found = together.subquery()
    return select(found.c[0])


def _named(text: str) -> Iterator[Numbers]:
    """By an ID of ours: of a completion, a credit, a letter."""
    if text[:1] in ("c", "p") and (number := number_in(text[1:])):
        yield select(_c.id).where(_c.id == number)
    credited = select(_link.completion_id).join(credits_, _k.id == _link.credit_id)
    yield credited.where(_k.credit_id == text)
    if text.startswith("ccid:"):
        # Revisions of one credit differ in their ends; a changed domain gives another beginning.
        stem = text.rpartition("-r")[0] or text
        yield credited.where(_k.credit_id >= f"{stem}-r", _k.credit_id < f"{stem}-s")
        earlier = select(attempts.c.credit_row).where(attempts.c.credit_id == text)
        yield select(_link.completion_id).where(_link.credit_id.in_(earlier))
    if text.startswith("dl-"):
        about = letters.c.id == text
        yield select(letters.c.completion_id).where(about, letters.c.completion_id.is_not(None))
        rows = select(letters.c.credit_row).where(about)
        yield select(_link.completion_id).where(_link.credit_id.in_(rows))


def _words(desk: Desk, word: str) -> Iterator[Numbers]:
    """By a person's name or ID, or by an activity's."""
    yield found_by(desk.ledger, word)
    entries = [*islice(desk.roster.matching(word), _FEW + 1)]
    if entries and len(entries) <= _FEW:
        # Of whom the ledger was told no name, or another one, the table still says who it is.
        anywhere = [one.learner for one in entries if not one.site]
        yield found_by_any([search_digest(desk.ledger, "user", one) for one in anywhere])
        for one in (one for one in entries if one.site):
            theirs = found_by_any([search_digest(desk.ledger, "user", one.learner)])
            yield select(_c.id).where(_c.site == one.site, _c.id.in_(theirs))
    yield from _of_activity(desk, word)


def _by_activity(desk: Desk, activity: str) -> Numbers:
    return _any(*_of_activity(desk, normalise(activity), exactly=activity.strip()))


def _of_activity(desk: Desk, word: str, exactly: str = "") -> Iterator[Numbers]:
    """Of the courses that the activities table gives such a name, code or title."""
    courses: set[tuple[str, str]] = set()
    names: set[str] = {exactly} - {""}
    for site, course, row in desk.tables.activities:
        if exactly in (row.activity, course) if exactly else _called(word, row, course):
            courses.add((site, course))
            names.add(row.activity)
    plain = exactly or word
    heard: list[ColumnElement[bool]] = [_c.course == plain]
    heard += [
        and_(_c.course == course, _c.site == site) if site else _c.course == course
        for site, course in sorted(courses)[:_FEW]
    ]
    yield select(_c.id).where(or_(*heard))
    if names:
        credited = select(_k.id).where(_k.activity.in_(names))
        yield select(_link.completion_id).where(_link.credit_id.in_(credited))


def _called(word: str, row: Any, course: str) -> bool:
    told = [normalise(one) for one in (row.activity, course, row.title)]
    if word in told:
        return True
    begins = len(word) >= 3 and not word.isdigit()
    return begins and any(f" {word}" in f" {one}" for one in (told[0], told[2]))


def _states(text: str) -> Iterator[Numbers]:
    """By the words of a standing."""
    said = normalise(text)
    if any(said == words.casefold() for words in (*WORDS.values(), *RELEASE_WORDS.values())):
        yield _by_state(text)


def _by_state(state: str) -> Numbers:
    """By a state's code, or by what people read for it."""
    said = normalise(state)
    for mode, words in RELEASE_WORDS.items():
        if said in (mode.value, words.casefold(), words.casefold().replace(" ", "_")):
            credited = select(_link.completion_id).join(credits_, _k.id == _link.credit_id)
            return credited.where(_k.state == State.READY, withheld_as() == mode.value)
    codes = {one for one in (*State, *Heard) if said in (one.value, WORDS.get(one, "").casefold())}
    mine = [one.value for one in codes if isinstance(one, State)]
    heard = [one.value for one in codes if isinstance(one, Heard)]
    queries = [
        select(_c.id).where(_c.state.in_(heard)),
        select(_link.completion_id)
        .join(credits_, _k.id == _link.credit_id)
        .where(_k.state.in_(mine)),
    ]
    if State.ATTENTION in codes:
        asked = letters.c.status == Status.OPEN
        number = letters.c.completion_id
        queries.append(select(number).where(asked, number.is_not(None)))
    if Heard.HELD in codes:
        # Credited by one board, and waiting for another.
        queries.append(select(_c.id).where(_c.unfinished, _c.reasons != "[]"))
    return _any(*queries)
