"""What Moodle's web services say was completed: course by course, learner by learner.

core_enrol_get_enrolled_users and core_completion_get_course_completion_status, of Moodle's core
since 2.9. The status has no time of the course itself: it is that of the criterion that completed
it, as Moodle's own cron writes it into course_completions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from consumer.lms.account import LmsRefused
from consumer.lms.listed import CompletionList, Listed
from consumer.lms.moodle import Moodle

_STATUS, _ENROLLED = "core_completion_get_course_completion_status", "core_enrol_get_enrolled_users"
_NO_COMPLETION = frozenset({"nocriteriaset", "completionnotenabled"})
_NOBODY = frozenset({"usernotenroled", "notenroled", "userdeleted", "invaliduser"})
_GUEST, _FRONT_PAGE = "1", "1"
_PAGE = 500
_ANY = 2
"""Moodle's COMPLETION_AGGREGATION_ANY: the first criterion that is met completes the course."""
_STRANGE = "an answer that is not as Moodle's own: is there a plugin between?"

Done = Callable[[str, Collection[str]], Collection[str]]
"""Which of these learners of a course need no question: they completed it, and we know for long."""


class MoodleList:
    """One Moodle's completions; `pause` is called before each request, and may raise."""

    def __init__(self, moodle: Moodle, site: str, pause: Callable[[], None]) -> None:
        self._moodle, self._site, self._pause = moodle, site, pause

    def completions(self, courses: Collection[str], done: Done) -> CompletionList:
        """Every completion of these courses. Raises LmsAway, LmsRefused: then nothing is known."""
        rows: list[Listed] = []
        unfinished = 0
        passed: set[tuple[str, str, str]] = set()
        for course in sorted(set(courses) - {_FRONT_PAGE}):
            learners = [*self._enrolled(course)]
            skipped = {*done(course, learners)}
            passed |= {(self._site, learner, course) for learner in skipped}
            found = [*self._course(course, [one for one in learners if one not in skipped])]
            rows += (one for one in found if one)
            unfinished += found.count(None)
        return CompletionList(tuple(rows), unfinished, frozenset(passed), frozenset(courses))

    def _enrolled(self, course: str) -> Iterator[str]:
        """The ids of everybody in the course, the suspended too: who has completed it, has."""
        start = 0
        while True:
            options = {"userfields": "id", "limitfrom": str(start), "limitnumber": str(_PAGE)}
            asked = {"courseid": course}
            for n, (name, value) in enumerate(options.items()):
                asked |= {f"options[{n}][name]": name, f"options[{n}][value]": value}
            page = self._ask(_ENROLLED, asked)
            if not isinstance(page, list):
                raise LmsRefused(_STRANGE)
            ids = (str(one["id"]) for one in page if isinstance(one, dict) and "id" in one)
            yield from (one for one in ids if one != _GUEST)
            if len(page) < _PAGE:
                return
            start += _PAGE

    def _course(self, course: str, learners: list[str]) -> Iterator[Listed | None]:
        for learner in learners:
            try:
                said = self._ask(_STATUS, {"courseid": course, "userid": learner})
            except LmsRefused as refused:
                if refused.code in _NO_COMPLETION:
                    return
                if refused.code not in _NOBODY:
                    raise
                continue
            at = _completed_at(said)
            yield Listed(self._site, learner, course, at) if at else None

    def _ask(self, function: str, question: dict[str, str]) -> Any:
        self._pause()
        return self._moodle.ask(function, question)


def _completed_at(said: Any) -> datetime | None:
    """When the criterion that completed the course was met, None if it is not completed."""
    status = said.get("completionstatus") if isinstance(said, dict) else None
    if not isinstance(status, dict) or not isinstance(status.get("completions"), list):
        raise LmsRefused(_STRANGE)
    if not status.get("completed"):
        return None
    times = [_seconds(one) for one in status["completions"] if isinstance(one, dict)]
    met = [one for one in times if one]
    if not met:
        return None
    return datetime.fromtimestamp((min if status.get("aggregation") == _ANY else max)(met), UTC)


def _seconds(criterion: dict[str, Any]) -> int:
    text = str(criterion.get("timecompleted") or "0")
    return int(text) if criterion.get("complete") and text.isascii() and text.isdigit() else 0
