"""The settings of notices: what they refuse, and that secrets stay masked."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from consumer.notices.matter import Kind, Role
from consumer.settings.notices import NoticesSettings

MAIL = {"host": "mail.example.org", "sender": "moc@example.org"}
DESK = {"mail": ["desk@example.org"]}
HOOK = "https://chat.example.org/hooks/T0000-zebra"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"to": {"boss": DESK}}, "coordinator"),
        ({"to": {"sre": DESK}}, "mail.host"),
        ({"to": {"sre": {"mail": ["desk"]}}, "mail": MAIL}, "addresses such as"),
        ({"to": {"sre": {"mail": ["a@b.org\nBcc: x@y.org"]}}, "mail": MAIL}, "addresses such as"),
        ({"to": {"sre": {"mail": ["żaneta@example.org"]}}, "mail": MAIL}, "addresses such as"),
        ({"to": {"sre": {"mail": ["a\x07@example.org"]}}, "mail": MAIL}, "addresses such as"),
        ({"to": {"sre": {"mail": ["a@b.org, c@d.org"]}}, "mail": MAIL}, "addresses such as"),
        ({"to": {"sre": {"webhook": "http://chat.example.org/x"}}}, "must begin with https://"),
        ({"to": {"sre": {"webhook": "https://u:p@chat.example.org/x"}}}, "without credentials"),
        ({"console_url": "moc.example.org"}, "must be https://host"),
        ({"zone": "Mars/Olympus"}, "time zone such as"),
        ({"mail": MAIL | {"sender": ""}}, "sender: an address is needed"),
        ({"mail": MAIL | {"security": "none"}}, "server on this machine alone"),
        ({"mail": MAIL | {"user": "moc"}}, "one is of no use without the other"),
        ({"mail": MAIL | {"user": "m", "password": "p", "password_file": "f"}}, "only one of them"),
        ({"mail": MAIL | {"port": 0}}, "greater than or equal to 1"),
        ({"letters_wait_days": -1}, "greater than or equal to 0"),
        ({"digest_at": "25:00"}, "digest_at"),
    ],
)
def test_what_is_refused(said: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        NoticesSettings.model_validate(said)


def test_secrets_are_masked() -> None:
    mail = MAIL | {"user": "moc", "password": "zebra"}
    said = NoticesSettings.model_validate({"mail": mail, "to": {"sre": {"webhook": HOOK}}})
    assert "zebra" not in repr(said) + said.model_dump_json()


def test_who_is_told_of_what_unless_said_otherwise() -> None:
    to = {"sre": DESK, "lms_admin": DESK | {"kinds": ["surge"]}}
    said = NoticesSettings.model_validate({"mail": MAIL, "to": to})
    assert said.kinds(Role.SRE) == {Kind.STOPPED, Kind.SURGE, Kind.GONE, Kind.MISSING}
    assert said.kinds(Role.LMS_ADMIN) == {Kind.SURGE}
    assert said.ways == [(Role.SRE, "mail"), (Role.LMS_ADMIN, "mail")]
