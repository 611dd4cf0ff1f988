"""Moodle's web services: any function of them, and users by their id with their profile fields.

core_user_get_users_by_field, of Moodle's core since 2.5. Moodle answers 200 for errors too, with an
object that names an exception, or with nothing while web services are switched off; users that
there are not, and profile fields that are empty, are left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from consumer.lms.account import Account, LmsAway, LmsRefused

FUNCTION = "core_user_get_users_by_field"
_PATH = "/webservice/rest/server.php"
_MARKUP = re.compile(r"<[^<>]*>")
_NOT_IT = (
    "what answers there is not Moodle's web service: is the address right, and are web services"
    " and their REST protocol switched on?"
)
_MOST_BYTES = 8 * 1024 * 1024
# Moodle's own error codes that mean: later.
_LATER = frozenset({"sitemaintenance", "upgraderunning", "dbconnectionfailed", "ratelimited"})
_ADVICE = {
    "invalidtoken": "the token is not valid: make one for the web service, and put it in the file",
    "servicenotavailable": "the token's web service is switched off",
    "nopermissions": "the token's user may not see user details: give it moodle/user:viewdetails",
    "requirecapability": "the token's user lacks a capability: moodle/user:viewdetails",
    "cannotviewreport": "the token's user may not see completion: give it report/completion:view",
    "accessdenied": "the token's user may not see all groups: give it moodle/site:accessallgroups",
    "invalidparameter": "Moodle does not understand the question: is it older than 2.5?",
    "webservicesnotenabled": "web services are switched off in this Moodle",
}


class Moodle:
    """One Moodle; the token goes into the body, since addresses end up in logs."""

    def __init__(self, url: str, token: str, timeout_seconds: float) -> None:
        self._url, self._token = url.rstrip("/") + _PATH, token
        self._http = httpx.Client(timeout=timeout_seconds, trust_env=False, http2=False)

    def accounts(self, learners: Sequence[str]) -> list[Account]:
        """The accounts of these user ids, those that there are. Raises LmsAway, LmsRefused."""
        asked = {f"values[{n}]": one for n, one in enumerate(learners)}
        said = self.ask(FUNCTION, {"field": "id", **asked})
        if not isinstance(said, list):
            raise LmsRefused(_NOT_IT)
        wanted = {*learners}
        found = [account for one in said if (account := _account(one))]
        return [one for one in found if one.learner in wanted]

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def ask(self, function: str, question: Mapping[str, str]) -> Any:
        """What a web service function answers. Raises LmsAway, LmsRefused, with Moodle's code."""
        body = {"wstoken": self._token, "moodlewsrestformat": "json", "wsfunction": function}
        body |= question
        try:
            with self._http.stream("POST", self._url, data=body) as reply:
                _check(reply.status_code)
                data = _bounded(reply)
        except httpx.TimeoutException:
            raise LmsAway("no answer in time") from None
        except httpx.HTTPError as error:
            raise LmsAway(f"no connection ({type(error).__name__})") from None
        try:
            said = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise LmsRefused(_NOT_IT) from None
        if isinstance(said, dict) and "exception" in said:
            raise _exception(said, function)
        return said


def _check(status: int) -> None:
    if status == 429 or status >= 500:
        raise LmsAway(f"it answers {status}")
    if status != 200:
        raise LmsRefused(f"it answers {status}: {_NOT_IT}")


def _bounded(reply: httpx.Response) -> bytes:
    data = bytearray()
    for part in reply.iter_bytes():
        data += part
        if len(data) > _MOST_BYTES:
            raise LmsRefused(f"an answer above {_MOST_BYTES // 2**20} MiB: ask for fewer at once")
    return bytes(data)


def _exception(said: dict[str, Any], function: str) -> LmsAway | LmsRefused:
    """By Moodle's code alone: its message may quote what was asked."""
    word = str(said.get("errorcode", ""))
    if not re.fullmatch(r"[a-z_]{1,40}", word):
        return LmsRefused("Moodle refuses, and does not say why")
    if word in _LATER:
        return LmsAway(f"Moodle says {word}")
    if word == "accessexception":
        return LmsRefused(f"the token's service may not use {function}: add it there", word)
    return LmsRefused(_ADVICE.get(word, f"Moodle says {word}"), word)


def _account(said: Any) -> Account | None:
    """A user of the list; None for what is none."""
    if not isinstance(said, dict) or "id" not in said:
        return None
    fields = said.get("customfields")
    told = [one for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    return Account(
        learner=str(said["id"]),
        given_name=_text(said.get("firstname")),
        family_name=_text(said.get("lastname")),
        email=_text(said.get("email")),
        fields={_text(one.get("shortname")): _bare(_text(one.get("value"))) for one in told},
    )


def _bare(value: str) -> str:
    """Moodle gives text fields as it would show them on a page: marked up, signs as entities."""
    return html.unescape(_MARKUP.sub("", value)).strip()


def _text(value: Any) -> str:
    return "" if value is None else str(value)
