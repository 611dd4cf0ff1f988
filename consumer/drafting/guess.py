"""Guesses: which leaf fills which target, by the words in names and the shapes of values.

Only names and shapes decide; every guess says so, and a person looks at each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumer.drafting.leaf import Leaf
from consumer.drafting.moments import Verbs, form_of
from consumer.mapping.todo import TODO

Scores = Mapping[str, int]


def _scores(*groups: tuple[int, str]) -> dict[str, int]:
    return {word: points for points, words in groups for word in words.split()}


_IDS = _scores((5, "id uuid guid identifier"), (4, "key number no external username login"))
_LEARNER = _scores(
    (12, "related"),
    (10, "learner student trainee enrollee"),
    (9, "attendee participant assignee physician clinician"),
    (7, "user username person employee candidate recipient member"),
    (4, "account subject profile"),
    (2, "email mail actor"),
    (-9, "admin administrator manager instructor creator created assigned by modified updated"),
    (-9, "author issuer sender supervisor owner initiator impersonator operator teacher"),
    (-9, "course training session type name title org organization tenant group role client"),
)
_COURSE = _scores(
    (10, "course training"),
    (8, "activity curriculum offering"),
    (6, "program programme lo module class learning"),
    (4, "object content item unit session"),
    (-9, "enrollment enrolment registration transcript completion certificate assignment"),
    (-9, "user learner student person employee category provider type status account attempt"),
    (-9, "title name version owner instructor"),
)
_COMPLETED = _scores(
    (10, "completed completion complete timecompleted datecompleted completiondate"),
    (9, "finished passed achieved awarded satisfied graduated"),
    (7, "issued attained attended"),
    (3, "occurred timestamp"),
    (1, "time timecreated date event at on emitted sent triggered fired published"),
    (-20, "due expires expiry expiration start started begin enrolled enrollment created modified"),
    (-20, "updated assigned registered deadline valid until birth dob launched hired"),
)
_OCCURRED = _scores(
    (9, "emitted sent fired published occurred"),
    (8, "timestamp timecreated triggered"),
    (5, "event time created"),
    (
        -20,
        "due expires expiry start started enrolled enrollment birth modified updated course user",
    ),
)
_SITE = _scores(
    (10, "site"),
    (9, "host tenant portal domain sourcehost"),
    (8, "instance installation corp"),
    (6, "org organization organisation lms realm origin source"),
    (4, "account school company"),
    (-9, "user learner course training client ip category person employee event type email time"),
    (-9, "name message status role version"),
)
_TITLE = _scores(
    (6, "title"),
    (4, "name label"),
    (4, "course training activity module program curriculum lo learning"),
    (-9, "user learner student person employee first last given family event id status type"),
    (-9, "instructor provider category org site job"),
)
_EVENT_ID = _scores(
    (6, "event message delivery notification"),
    (3, "webhook statement transaction request ce"),
    (-9, "user learner course training person employee type tenant site org account activity"),
    (-9, "registration enrollment trace parent schema subscription endpoint object"),
)
_TYPE = _scores(
    (6, "type verb"),
    (5, "event action topic kind trigger"),
    (2, "name"),
    (-9, "user learner course training person id time date content mime account role device"),
    (-9, "specversion version producer source activity enrollment credit object"),
)
_CALLED = {*"course training activity module program curriculum lo learning".split()}
_SURE = 7
_DONE = re.compile(r"complet|pass|finish|certif|award|attend|satisf|credit", re.IGNORECASE)
_CODE = re.compile(r"[a-z]+(?:[._:/-][a-z]+)+", re.ASCII)
_STATUS = {"status", "state", "result", "outcome"}
_BEFORE = {*"previous prior old former last before".split()}
_FLAG = {"passed", "completed", "success", "satisfied", "complete", "successful"}


@dataclass(frozen=True, slots=True)
class Guess:
    """One row of the draft. `path` is blank where a person must say it; `why` is its comment."""

    target: str
    path: str
    verbs: Verbs = field(default_factory=dict)
    why: str = ""
    leaf: Leaf | None = None

    @property
    def open(self) -> bool:
        """Whether a person has to fill something in."""
        return TODO in (self.path, *self.verbs.values()) or f"[{TODO}]" in self.verbs.values()


@dataclass(frozen=True, slots=True)
class Match:
    """One row of `match`: the values the samples have at this leaf."""

    path: str
    values: tuple[Any, ...]
    why: str
    leaf: Leaf | None = None


def guess_match(leaves: Sequence[Leaf]) -> list[Match]:
    """By what the event is recognised: its type, and that it is about something completed."""
    typed = _best(leaves, _typed)
    if typed:
        done = all(_DONE.search(str(value)) for value in typed[0].values)
        why = "guessed: names the kind of event" + ("" if done else "; is it a completion?")
        found = [Match(typed[0].path, _distinct(typed[0]), why, typed[0])]
    else:
        why = "TODO: which field says that this is a completion, and what stands there?"
        found = [Match("TODO", ("TODO",), why)]
    taken = [match.leaf for match in found]
    for leaf in leaves:
        if leaf not in taken and leaf.everywhere and _says_done(leaf):
            why = "guessed: without it a failed attempt would count as well"
            found.append(Match(leaf.path, _distinct(leaf), why, leaf))
    return found


def kind_asked(match: Sequence[Match]) -> str:
    """What a person is asked about the event's kind; where a word speaks for it, which one."""
    said = next((one for one in match for v in one.values if _DONE.search(str(v))), None)
    if said or any(value is True for one in match for value in one.values):
        path = said.path if said else match[-1].path
        return f"completion, if {path} says so and every guess is right; else retraction or ignore"
    return "nothing says that it was completed: ignore, retraction, or completion after all?"


def guess_rows(leaves: Sequence[Leaf], lms: str, taken: Sequence[Leaf | None]) -> list[Guess]:
    """A row for each target that something is known of, and for each that must not lack."""
    free = [leaf for leaf in leaves if leaf not in taken]
    moments = {id(leaf): form_of(leaf.values) for leaf in free}
    ids = [leaf for leaf in free if not moments[id(leaf)] and _may_be_id(leaf)]
    times = [leaf for leaf in free if moments[id(leaf)]]
    site = _site(ids, lms)
    learner = _identity("learner", ids, _LEARNER)
    course = _identity("course", [leaf for leaf in ids if leaf != learner.leaf], _COURSE)
    completed = _completed(times, moments)
    rows = [site, learner, course, completed]
    used = [row.leaf for row in rows]
    others = [leaf for leaf in times if leaf != completed.leaf or _sum(leaf, _COMPLETED) < _SURE]
    rows += _occurred(others, moments, completed)
    rest = [leaf for leaf in ids if leaf not in used]
    rows += _further("event_id", rest, _event_id, "guessed: the LMS's own number, to trace it by")
    rows += _further("title", rest, _titled, "guessed: only shown to people")
    return rows


def _site(ids: Sequence[Leaf], lms: str) -> Guess:
    ranked = _best(ids, lambda leaf: _sum(leaf, _SITE) if leaf.everywhere else 0)
    if ranked and _sum(ranked[0], _SITE) >= 6:
        return Guess("site", ranked[0].path, why="guessed by its name", leaf=ranked[0])
    why = "guessed: no field names the site, so there is one; learner 42 of two sites would be one"
    return Guess("site", "", {"const": lms}, why)


def _identity(target: str, ids: Sequence[Leaf], scores: Scores) -> Guess:
    ranked = _best(ids, lambda leaf: _id_score(leaf, scores))
    if not ranked:
        asks = {
            "learner": "which field is the learner, and not who assigned or marked it?",
            "course": "which field is the course's ID?",
        }[target]
        return Guess(target, TODO, why=f"TODO: {asks}")
    # Beside a better one, an actor is whoever caused the event.
    others = [leaf.path for leaf in ranked[1:3] if "actor" not in leaf.words]
    why = f"guessed by its name; or {' or '.join(others)}?" if others else "guessed by its name"
    if "email" in ranked[0].last or "mail" in ranked[0].last:
        why = "guessed: an address may change and then is another learner; is there no ID?"
    return Guess(target, ranked[0].path, why=why, leaf=ranked[0])


def _completed(times: Sequence[Leaf], moments: Mapping[int, Verbs | None]) -> Guess:
    ranked = _best(times, lambda leaf: _sum(leaf, _COMPLETED))
    if not ranked:
        asks = "TODO: when was it completed? Add instant or date as the guide says"
        return Guess("completed", TODO, {"instant": "iso8601"}, asks)
    leaf, verbs = ranked[0], moments[id(ranked[0])] or {}
    why = "guessed by its name"
    if _sum(leaf, _COMPLETED) < _SURE:
        asks = f"TODO: no field says when it was completed; {leaf.path} is when the event was made"
        return Guess("completed", TODO, verbs, asks)
    if verbs.get("zone") == TODO:
        why = "TODO: in which zone does the LMS write it? Such as America/New_York"
    elif f"[{TODO}]" in verbs.values():
        why = "TODO: month or day first? MM/DD/YYYY or DD/MM/YYYY"
    return Guess("completed", leaf.path, verbs, why, leaf)


def _occurred(
    times: Sequence[Leaf], moments: Mapping[int, Verbs | None], completed: Guess
) -> list[Guess]:
    """Only an instant with its zone; a row that is not needed is no reason to ask anything."""
    clear = [leaf for leaf in times if (form := moments[id(leaf)]) and {*form} == {"instant"}]
    ranked = _best(clear, lambda leaf: _sum(leaf, _OCCURRED))
    leaf = ranked[0] if ranked else completed.leaf
    verbs = moments.get(id(leaf)) if leaf else None
    if leaf is None or not verbs or {*verbs} != {"instant"}:
        return []
    why = "guessed: when the event itself was made"
    return [Guess("occurred_at", leaf.path, verbs | {"optional": "true"}, why, leaf)]


def _further(
    target: str, leaves: Sequence[Leaf], score: Callable[[Leaf], float], why: str
) -> list[Guess]:
    ranked = _best(leaves, score)
    if not ranked:
        return []
    return [Guess(target, ranked[0].path, {"optional": "true"}, why, ranked[0])]


# ---------------------------------------------------------------- scores


def _best(leaves: Sequence[Leaf], score: Callable[[Leaf], float]) -> list[Leaf]:
    """Those with a score above nothing, best first, nearer the root before deeper."""
    scored = [(score(leaf) - 0.1 * len(leaf.steps), leaf) for leaf in leaves]
    ranked = sorted((one for one in scored if one[0] > 0), key=lambda one: -one[0])
    return [leaf for _, leaf in ranked]


def _sum(leaf: Leaf, scores: Scores) -> int:
    return sum(scores.get(word, 0) for word in {*leaf.words})


def _id_score(leaf: Leaf, scores: Scores) -> float:
    """Needs a word of the thing and a word of an ID, or a name that says both in one."""
    about = _sum(leaf, scores)
    names = max((_IDS.get(word, 0) for word in leaf.last), default=0)
    bare = leaf.last and scores.get(leaf.last[-1], 0) > 0
    mailed = {"email", "mail"} & {*leaf.last}
    if about <= 0 or not (names or bare or mailed) or not leaf.everywhere:
        return 0
    return about + names


def _may_be_id(leaf: Leaf) -> bool:
    return all(type(value) in (int, str) and len(str(value)) <= 300 for value in leaf.values)


def _event_id(leaf: Leaf) -> float:
    if not {"id", "uuid"} & {*leaf.last}:
        return 0
    at_the_root = 4 if leaf.words == ("id",) else 0
    return _sum(leaf, _EVENT_ID) + at_the_root


def _titled(leaf: Leaf) -> float:
    named = {"title", "name", "label"} & {*leaf.last}
    about = _CALLED & {*leaf.words}
    return _sum(leaf, _TITLE) if named and about else 0


def _typed(leaf: Leaf) -> float:
    plain = all(isinstance(value, str) and _plain(value) for value in leaf.values)
    score = _sum(leaf, _TYPE)
    if not plain or not leaf.everywhere or score <= 0:
        return 0
    done = all(_DONE.search(value) for value in leaf.values)
    # What is only called a name may be a person's, unless it is written as programs write.
    coded = done and all(_CODE.fullmatch(value) for value in leaf.values)
    return score + (8 if done else 0) if score >= 5 or coded else 0


def _plain(value: str) -> bool:
    """A name of a kind of event holds no digits to speak of, and nobody's address."""
    return len(value) <= 120 and "@" not in value and sum(c.isdigit() for c in value) <= 3


def _says_done(leaf: Leaf) -> bool:
    if _BEFORE & {*leaf.words}:
        return False
    if all(value is True for value in leaf.values):
        return bool(_FLAG & {*leaf.last})
    named = bool(_STATUS & {*leaf.last[-1:]})
    return named and all(isinstance(v, str) and _plain(v) and _DONE.search(v) for v in leaf.values)


def _distinct(leaf: Leaf) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(leaf.values))
