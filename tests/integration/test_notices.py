"""Notices go to a real mail server: each once, whatever dies or is away, and nobody is named."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from consumer.cli import main
from consumer.credit import State
from consumer.desk.noticing import Notices, list_notices
from consumer.ledger.claims import Settlement
from consumer.ledger.ledger import LedgerUnavailable
from consumer.ledger.linebook import stand, write
from consumer.ledger.noticebook import NoticeBook, Occasion, Standing, message_id
from consumer.ledger.switches import turn
from consumer.notices.handing import Hands
from consumer.pumps.backoff import Backoff
from consumer.pumps.noticing import LEASE_SECONDS, NoticingPump
from consumer.reason import Reason, Stage
from consumer.release import Mode, Subject
from consumer.settings import SettingsProblems
from tests.end_to_end.office import toml
from tests.fakes import FakeClock
from tests.integration.office import NOBODY, Office
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, moodle
from tests.integration.test_surges import HELD, MANY, _know_everyone, early, release
from tests.kafka.guarded import Authority
from tests.mailserver import MailServer, text_of

DESK, SRE, ADMIN = "desk@lakeside.example", "sre@lakeside.example", "lms@lakeside.example"
DAY = 86_400.0


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A mail server that is there."""
    with MailServer().serving() as server:
        yield server


@pytest.fixture
def open_telling(open_office: Callable[..., Office]) -> Callable[..., Office]:
    """Opens an office whose coordinator and SRE are told by mail."""

    def opened(server: MailServer, mail: dict[str, Any] | None = None, **notices: Any) -> Office:
        to = {"coordinator": {"mail": [DESK]}, "sre": {"mail": [SRE]}}
        said = {"to": to, "mail": server.settings(**(mail or {})), "zone": "America/Chicago"}
        return open_office(notices=said | notices)

    return opened


def pump(office: Office) -> NoticingPump:
    found: NoticingPump = office.pump("notices")
    return found


def reject_some(office: Office) -> None:
    """Three credits, two of which the board turned down."""
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA, "102"))
    office.take_for_sent()
    decide(office, [State.REJECTED, State.REJECTED, State.ACCEPTED])


def decide(office: Office, states: list[State]) -> None:
    """The board decides on what PARS has."""

    now = office.clock.now()
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.SUBMITTED], 100, now)
        done = [
            Settlement(
                claim,
                state,
                {"decided_at": now},
                (Reason(Stage.BOARD, "board_identity"),) if state is State.REJECTED else (),
            )
            for claim, state in zip(claimed, states, strict=True)
        ]
        office.claims.settle(db, done, now)


def standings(office: Office) -> list[str]:
    return [row["standing"] for row in list_notices(office.ledger, 100)]


def bad(office: Office) -> str:
    found = {one.name: one.cause for one in office.service.readiness.conditions()}
    return found.get("notices", "")


# ---------------------------------------------------------------- what is told


def test_rejections_come_with_the_daily_digest(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    reject_some(office)
    assert pump(office).turn() == 1
    (mail,) = post.mails
    assert (mail["To"], mail["Subject"]) == (DESK, "MOC: 2 rejected (2 new)")
    text = text_of(mail)
    assert "HF-UPDATE: 2" in text
    assert "the board could not match the learner" in text
    assert "HF-UPDATE: 2" in text_of(mail, "html")
    assert pump(office).turn() == 0


def test_the_next_digest_says_what_is_new_and_what_is_mended(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent()
    decide(office, [State.REJECTED, State.REJECTED])
    pump(office).turn()
    mended = office.open_letters()[0]["letter_id"]
    office.replay(mended)
    office.hear(moodle(LENA, "102"))
    office.take_for_sent()
    with office.ledger.read():
        states = [State.ACCEPTED if row.activity == "HF-UPDATE" else State.REJECTED
                  for row in office.credits if row.state == "submitted"]  # fmt: skip
    decide(office, states)
    office.clock.advance(DAY)
    pump(office).turn()
    assert post.subjects[1:] == ["MOC: 2 rejected (1 new)"]
    assert "Settled since the last message: 1 rejected by the board." in text_of(post.mails[1])
    office.clock.advance(DAY)
    assert "Settled" not in "".join(map(text_of, post.mails[2:]))


def test_nothing_to_tell_is_no_mail(open_telling: Callable[..., Office], post: MailServer) -> None:
    office = open_telling(post)
    office.hear(moodle(PRIYA))
    for _ in range(3):
        pump(office).turn()
        office.clock.advance(DAY)
    assert (post.mails, standings(office)) == ([], [])


def test_a_surge_is_told_at_once_to_both_and_once(
    open_office: Callable[..., Office], post: MailServer
) -> None:
    to = {"coordinator": {"mail": [DESK]}, "lms_admin": {"mail": [ADMIN]}}
    office = open_office(notices={"to": to, "mail": post.settings()}, intake=HELD)
    _know_everyone(office)
    pump(office).turn()
    assert post.mails == []
    office.hear(*map(early, MANY[:5]))
    pump(office).turn()
    assert sorted(mail["To"] for mail in post.mails) == [DESK, ADMIN]
    assert post.subjects == ["MOC: 1 held after a surge (1 new)"] * 2
    text = text_of(post.mails[0])
    assert "moodle: 1" in text
    assert "5 refused: the completion is outside the activity's dates" in text
    assert "moodle/course_completed" in text
    assert pump(office).turn() == 0


def test_a_surge_that_was_let_go_before_it_could_be_told_is_not_told(
    open_office: Callable[..., Office], post: MailServer
) -> None:

    quiet = {"quiet_from": "00:00", "quiet_until": "23:59", "digest_at": "23:59"}
    to = {"coordinator": {"mail": [DESK]}}
    office = open_office(notices={"to": to, "mail": post.settings()} | quiet, intake=HELD)
    _know_everyone(office)
    office.hear(*map(early, MANY[:5]))
    assert pump(office).turn() == 0
    assert standings(office) == ["waits"]
    release(office)
    office.clock.advance(DAY / 2)
    pump(office).turn()
    assert (post.mails, standings(office)) == ([], ["mended before it was sent"])


def test_a_profile_that_pars_refuses_is_told_to_the_sre_and_again_after_it_served(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    office.hear(moodle(PRIYA))
    refuse(office)
    pump(office).turn()
    assert [(mail["To"], mail["Subject"]) for mail in post.mails] == [
        (SRE, "MOC: 1 refused by PARS (1 new)")
    ]
    assert "1 credit waits" in text_of(post.mails[0])
    refuse(office)
    assert pump(office).turn() == 0
    serve(office)
    office.clock.advance(1)
    refuse(office)
    assert pump(office).turn() == 1


def refuse(office: Office) -> None:
    _line(office, lambda line, now: line.breaker.refused(now))


def serve(office: Office) -> None:
    _line(office, lambda line, now: line.breaker.succeeded(now))


def _line(office: Office, change: Callable[..., Any]) -> None:

    now = office.clock.now()
    with office.ledger.begin() as db:
        line = stand(db, office.service._lines)["main"]
        pace = replace(line.pace, filled_at=now)
        write(db, [replace(line, breaker=change(line, now), pace=pace)])


def test_deadlines_and_letters_that_wait(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    office.put_learners(PRIYA.row(board_id=""), OTIS.row(npi="1234567890"), LENA.row())
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS, "102"), moodle(LENA))
    office.clock.advance(3 * DAY)
    pump(office).turn()
    assert post.subjects == ["MOC: 1 to correct (1 new)"]
    text = text_of(post.mails[0])
    assert "SEPSIS: 1" in text or "moodle: 1" in text
    office.clock.advance(22 * DAY)  # 30 days after completion is the last
    pump(office).turn()
    assert post.subjects[1].startswith("MOC: 3 at risk, 1 to correct")
    text = text_of(post.mails[1])
    assert "moodle, waiting for learner: 1, report by 2026-12-20" in text
    assert "no board ID is known" in text
    assert "HF-UPDATE: 1, report by 2026-12-20" in text


def test_what_is_held_for_a_release(open_telling: Callable[..., Office], post: MailServer) -> None:
    office = open_telling(post)
    with office.ledger.begin() as db:
        how = (Mode.HOLD, office.clock.now(), "mora", "new activity")
        turn(db, office.ledger, Subject.ACTIVITY, "HF-UPDATE", *how)
        turn(db, office.ledger, Subject.ACTIVITY, "SEPSIS", Mode.SHADOW, *how[1:])
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA, "102"))
    pump(office).turn()
    assert post.subjects == ["MOC: 2 to release (2 new)"]
    assert "HF-UPDATE: 2, report by 2026-12-20" in text_of(post.mails[0])


def test_nobody_is_named(open_telling: Callable[..., Office], post: MailServer) -> None:
    office = open_telling(post)
    office.put_learners(PRIYA.row(board_id=""), OTIS.row(npi="1234567890"), LENA.row())
    office.look()
    reject = [moodle(PRIYA), moodle(OTIS, "102"), moodle(LENA)]
    office.hear(*reject)
    refuse(office)
    office.clock.advance(25 * DAY)
    pump(office).turn()
    assert len(post.mails) == 2
    told = b"".join(mail.as_bytes() for mail in post.mails).decode()
    told += "".join(text_of(mail, kind) for mail in post.mails for kind in ("plain", "html"))
    told += str(list_notices(office.ledger, 10))
    for who in EVERYONE:
        for secret in (who.given_name, who.family_name, str(who.number), who.board_id):
            assert secret not in told


# ---------------------------------------------------------------- quiet hours


def test_quiet_hours_hold_back_but_not_from_whom_they_do_not_hold_for(
    open_office: Callable[..., Office], clock: FakeClock, post: MailServer
) -> None:
    to = {"coordinator": {"mail": [DESK]}, "sre": {"mail": [SRE], "heeds_quiet": False}}
    quiet = {"quiet_from": "09:00", "quiet_until": "10:00", "zone": "America/Chicago"}
    office = open_office(notices={"to": to, "mail": post.settings()} | quiet)  # it is 09:15
    reject_some(office)
    refuse(office)
    pump(office).turn()
    assert [mail["To"] for mail in post.mails] == [SRE]
    clock.advance(46 * 60)
    pump(office).turn()
    assert [mail["To"] for mail in post.mails[1:]] == [DESK]


# ---------------------------------------------------------------- once


def test_two_processes_tell_each_thing_once(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    reject_some(office)
    refuse(office)
    ledgers = [office.open_ledger() for _ in range(4)]
    said = office.settings.notices

    pumps = [
        NoticingPump(
            Notices(ledger, said, office.clock, 7),
            Hands(said),
            Backoff(60, 3600, lambda: 1.0),
            30,
            office.clock,
            office.service.readiness,
        )
        for ledger in ledgers
    ]
    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(lambda one: one.turn(), pumps))
    for ledger in ledgers:
        ledger.close()
    assert told == len(post.mails) == len(set(post.ids)) == 2


def test_whoever_finds_it_second_changes_nothing(
    open_telling: Callable[..., Office], post: MailServer
) -> None:
    office = open_telling(post)
    what, now = Occasion("sre", "mail", "surge", "moodle/x@1"), office.clock.now()
    with office.ledger.begin() as db:
        book = NoticeBook(db, office.ledger, now)
        assert book.put(what, "first", "{}", Standing.WAITING, now)
    with office.ledger.begin() as db:
        book = NoticeBook(db, office.ledger, now)
        claimed = book.claim([("sre", "mail")], 60)
        assert claimed is not None
        # After a restore it is the same again: it says which occasion it is, and is kept nowhere.
        assert claimed.message_id == message_id(office.ledger, what)
        book.sent(claimed, [])
        assert not book.put(what, "second", "{}", Standing.WAITING, now)
        assert book.claim([("sre", "mail")], 60) is None
    assert [row["subject"] for row in list_notices(office.ledger, 9)] == ["first"]


class Killed(BaseException):
    """The process is no more."""


def test_killed_between_telling_and_writing_it_down_it_is_told_again_under_the_same_id(
    open_telling: Callable[..., Office], post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_telling(post)
    reject_some(office)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Notices, "sent", die)
        with pytest.raises(Killed):
            pump(office).turn()
    office.start()
    assert pump(office).turn() == 0  # it may still be under way
    office.clock.advance(LEASE_SECONDS + 1)
    assert pump(office).turn() == 1
    assert len(post.mails) == 2
    assert len(set(post.ids)) == 1
    office.clock.advance(LEASE_SECONDS + 1)
    assert pump(office).turn() == 0


# ---------------------------------------------------------------- the mail server


def test_a_mail_server_that_is_away_holds_up_nothing_and_is_told_later(
    open_telling: Callable[..., Office],
) -> None:
    server = MailServer()
    office = open_telling(server)
    reject_some(office)
    assert pump(office).turn() == 0
    assert "the mail server cannot be reached" in bad(office)
    assert "1 notice could not be sent yet" in bad(office)
    with server.serving():
        office.clock.advance(61)
        assert pump(office).turn() == 1
    assert bad(office) == ""
    assert len(server.mails) == 1


def test_away_for_days_only_the_latest_digest_is_told(open_telling: Callable[..., Office]) -> None:
    server = MailServer()
    office = open_telling(server)
    reject_some(office)
    for _ in range(3):
        pump(office).turn()
        office.clock.advance(DAY)
    assert standings(office) == ["waits", "a later digest says it", "a later digest says it"]
    with server.serving():
        pump(office).turn()
    assert server.subjects == ["MOC: 2 rejected (2 new)"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_and_a_login(
    open_telling: Callable[..., Office], tmp_path: Path, security: str
) -> None:
    mine, others = Authority(tmp_path / "mine"), Authority(tmp_path / "others")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*mine.issue("mail", "127.0.0.1"))
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    said = {"security": security, "user": "moc", "password_file": secret, "ca_file": mine.ca_file}
    server = MailServer()
    with server.serving(tls, starttls=security == "starttls", login=("moc", "hunter2")):
        office = open_telling(server, said | {"ca_file": others.ca_file})
        reject_some(office)
        pump(office).turn()
        assert "cannot prove who it is" in bad(office)
        secret.write_text("guess")
        office.start(notices=office._settings["notices"] | {"mail": server.settings(**said)})
        office.clock.advance(61)
        pump(office).turn()
        assert "the mail server refuses our user or password (535)" in bad(office)
        assert "guess" not in bad(office)
        secret.write_text("hunter2")
        office.clock.advance(121)
        assert pump(office).turn() == 1
    assert bad(office) == ""


def test_starttls_is_never_left_out(open_telling: Callable[..., Office], post: MailServer) -> None:
    office = open_telling(post, {"security": "starttls"})
    reject_some(office)
    assert pump(office).turn() == 0
    assert "offers no STARTTLS" in bad(office)
    assert post.mails == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"answer": "451 later, desk@lakeside.example"}, "refuses the message (451)"),
        ({"refuses": {DESK: "550 no desk@lakeside.example"}}, "none of the addresses (550)"),
    ],
)
def test_what_the_server_says_is_told_by_its_number_alone(
    open_telling: Callable[..., Office], post: MailServer, fault: dict[str, Any], told: str
) -> None:
    office = open_telling(post)
    reject_some(office)
    post.__dict__.update(fault)
    pump(office).turn()
    assert told in bad(office)
    assert "desk@" not in bad(office) + str(list_notices(office.ledger, 10))
    post.__dict__.update(answer="", refuses={})
    office.clock.advance(61)
    assert pump(office).turn() == 1


def test_mail_without_secrecy_is_for_this_machine_alone(
    open_telling: Callable[..., Office],
) -> None:
    server = MailServer()
    with pytest.raises(SettingsProblems, match="security: none is for a server on this machine"):
        open_telling(server, {"host": "mail.lakeside.example"})


def test_a_ledger_that_is_away_is_waited_for(
    open_telling: Callable[..., Office], post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_telling(post)

    def away(_: object) -> None:
        office.service.stop.set()
        raise LedgerUnavailable("the disk is full")

    office.service.stop.clear()
    monkeypatch.setattr(Notices, "look", away)
    pump(office).run(office.service.stop)
    conditions = {one.name: one.cause for one in office.service.readiness.conditions()}
    assert conditions["ledger"] == "the disk is full"


# ---------------------------------------------------------------- the command line


def test_the_commands(tmp_path: Path, post: MailServer) -> None:
    profile = {"provider_id": "0009999", "name": "Lakeside", "domain": "lakeside.example"}
    said = {
        "data_dir": str(tmp_path / "data"),
        "profiles": {"main": profile | {"by_file": True}},
        "notices": {
            "mail": post.settings(),
            "to": {"coordinator": {"mail": [DESK]}, "sre": {"webhook": f"{NOBODY}/hook"}},
        },
    }
    config = tmp_path / "moc.toml"
    config.write_text(toml(said))
    run = partial(CliRunner().invoke, main)
    tested = run(["--config", str(config), "notice", "test"])
    assert tested.exit_code == 1
    assert "coordinator, by mail: sent" in tested.output
    assert "sre, by webhook: the webhook of sre: it cannot be reached" in tested.output
    alone = run(["--config", str(config), "notice", "test", "--to", ADMIN])
    assert (alone.exit_code, alone.output) == (0, f"{ADMIN}: sent\n")
    assert [mail["To"] for mail in post.mails] == [DESK, ADMIN]
    assert set(post.subjects) == {"MOC: this is a test: whoever reads it is reached"}
    shown = run(["--config", str(config), "notice", "preview", "--role", "coordinator"])
    assert shown.output.endswith("To: coordinator, by mail\nNothing to tell.\n\n")
    assert run(["--config", str(config), "notice", "list"]).output == ""
    del said["notices"]
    config.write_text(toml(said))
    nobody = run(["--config", str(config), "notice", "test"])
    assert (nobody.exit_code, nobody.output) == (
        2,
        "error: notices.to names nobody: see docs/notices.md\n",
    )
