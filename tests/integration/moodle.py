"""A small Moodle: some web service functions over real HTTP, with Moodle's own manners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.pars.simulator import running

TOKEN = "a-token-of-the-tests"


class FakeMoodle:
    """Its users by id; `questions` are the ids of every request that it answered."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.questions: list[list[str]] = []
        self.exception = ""
        self.answers: list[Response] = []
        self.courses: dict[str, dict[str, int]] = {}
        self.asked: list[tuple[str, str]] = []
        self.refusals: dict[str, str] = {}
        self.app = Starlette(
            routes=[Route("/webservice/rest/server.php", self._answer, methods=["POST", "GET"])]
        )

    def put(self, learner: str, first: str, last: str, **fields: str) -> None:
        """A user, with profile fields by their short names."""
        self.users[learner] = {
            "id": int(learner),
            "username": f"u{learner}",
            "firstname": first,
            "lastname": last,
            "fullname": f"{first} {last}",
            "email": f"u{learner}@lakeside.example",
            "customfields": [
                {"type": "text", "value": value, "name": name.title(), "shortname": name}
                for name, value in fields.items()
            ],
        }

    async def _answer(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if self.answers:
            return self.answers.pop(0)
        assert not request.url.query, "a token in an address ends up in logs"
        if form["wstoken"] != TOKEN:
            return _exception("invalidtoken", "Invalid token - token not found")
        if self.exception:
            return _exception(self.exception, f"of {form}")
        match form["wsfunction"]:
            case "core_enrol_get_enrolled_users":
                return self._enrolled(form)
            case "core_completion_get_course_completion_status":
                return self._status(form["courseid"], form["userid"])
        assert (form["wsfunction"], form["field"]) == ("core_user_get_users_by_field", "id")
        asked = [value for name, value in form.items() if name.startswith("values[")]
        self.questions.append(asked)
        return JSONResponse([self.users[one] for one in asked if one in self.users])

    def complete(self, course: str, learner: str, at: int) -> None:
        """Somebody is in a course, and has completed it at these seconds since 1970; 0: not yet."""
        self.courses.setdefault(course, {})[learner] = at

    def _enrolled(self, form: dict[str, str]) -> Response:
        said = {form[f"options[{n}][name]"]: form[f"options[{n}][value]"] for n in range(3)}
        assert said.pop("userfields") == "id"
        start, limit = int(said["limitfrom"]), int(said["limitnumber"])
        if form["courseid"] not in self.courses:
            return _exception("invalidrecord", "Can't find data record in database")
        there = sorted(self.courses[form["courseid"]])
        return JSONResponse([{"id": int(one)} for one in there[start : start + limit]])

    def _status(self, course: str, learner: str) -> Response:
        self.asked.append((course, learner))
        if learner in self.refusals:
            return _exception(self.refusals[learner], f"of {learner}")
        at = self.courses[course][learner]
        half = {"type": 4, "title": "Quiz", "status": "Yes", "complete": True}
        rest = {"type": 4, "title": "Film", "status": "", "complete": bool(at)}
        criteria = [half | {"timecompleted": 1_700_000_000}, rest | {"timecompleted": at or None}]
        status = {"completed": bool(at), "aggregation": 1, "completions": criteria}
        return JSONResponse({"completionstatus": status, "warnings": []})


def _exception(code: str, message: str) -> Response:
    """Moodle answers 200 for errors too."""
    return JSONResponse(
        {"exception": "moodle_exception", "errorcode": code, "message": message}, 200
    )


@contextmanager
def moodle_running() -> Iterator[tuple[FakeMoodle, str]]:
    """A Moodle without users, and its address."""
    fake = FakeMoodle()
    with running(fake) as url:  # type: ignore[arg-type]  all it needs is an app
        yield fake, url
