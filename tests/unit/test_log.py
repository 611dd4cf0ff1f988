"""Logs: only declared keys pass, and of a library's warning only that it warned."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from consumer.telemetry.log import ALLOWED, allow_listed, configure_logging

ABARA = "Ada Abara 012345"


@contextmanager
def logging_to(level: str, *, as_json: bool) -> Iterator[io.StringIO]:
    """Logging as the service sets it up; as it was before, afterwards."""
    root = logging.getLogger()
    handlers, before = root.handlers, root.level
    out = io.StringIO()
    configure_logging(level, as_json=as_json, stream=out)
    try:
        yield out
    finally:
        root.handlers, root.level = handlers, before
        structlog.reset_defaults()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the service would log, as JSON."""
    with logging_to("info", as_json=True) as out:
        yield out


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_declared_key_passes_and_any_other_is_dropped(stream: io.StringIO) -> None:
    structlog.get_logger().info("credit.sent", credit_id="ccid:x", learner=ABARA, name="Ada")
    (line,) = lines(stream)
    assert line.keys() == {"event", "level", "timestamp", "credit_id"}
    assert line["event"] == "credit.sent"
    assert "Abara" not in stream.getvalue()


def test_what_was_bound_earlier_is_checked_too(stream: io.StringIO) -> None:
    structlog.get_logger().bind(pump="intake", email=ABARA).warning("bus.unavailable")
    (line,) = lines(stream)
    assert line["pump"] == "intake"
    assert "email" not in line


def test_an_exception_passes_without_its_text(stream: io.StringIO) -> None:
    log = structlog.get_logger()
    try:
        raise ValueError(ABARA)
    except ValueError:
        log.exception("pump.failed", error_type="ValueError")
        log.error("pump.failed", exc_info=True, stack_info=True)
    assert [line["event"] for line in lines(stream)] == ["pump.failed"] * 2
    assert "Abara" not in stream.getvalue()


@pytest.mark.parametrize("level", ["warning", "error", "critical"])
def test_of_a_librarys_warning_only_that_it_warned_passes(stream: io.StringIO, level: str) -> None:
    logging.getLogger("httpx").log(
        logging.getLevelNamesMapping()[level.upper()], "POST %s", ABARA, extra={"body": ABARA}
    )
    (line,) = lines(stream)
    assert (line["event"], line["where"], line["state"]) == ("library.warned", "httpx", level)
    assert "Abara" not in stream.getvalue()


def test_a_librarys_exception_passes_without_its_text(stream: io.StringIO) -> None:
    try:
        raise ValueError(ABARA)
    except ValueError:
        logging.getLogger("sqlalchemy").exception(ABARA)
    (line,) = lines(stream)
    assert line["where"] == "sqlalchemy"
    assert "Abara" not in stream.getvalue()


def test_what_libraries_say_below_a_warning_is_silence(stream: io.StringIO) -> None:
    logging.getLogger("httpx").info(ABARA)
    logging.getLogger("kafka").debug(ABARA)
    assert stream.getvalue() == ""


def test_the_level_is_the_least_that_is_shown() -> None:
    with logging_to("error", as_json=True) as out:
        structlog.get_logger().warning("line.paused")
        structlog.get_logger().error("line.stopped")
        assert [line["event"] for line in lines(out)] == ["line.stopped"]


def test_on_a_console_the_same_keys_pass() -> None:
    with logging_to("info", as_json=False) as out:
        structlog.get_logger().info("credit.sent", credit_id="ccid:x", learner=ABARA)
        assert "credit.sent" in out.getvalue()
        assert "ccid:x" in out.getvalue()
        assert "Abara" not in out.getvalue()


def test_no_declared_key_is_one_of_a_persons() -> None:
    personal = {
        "name", "given_name", "family_name", "learner", "email", "birth_date", "board_id", "npi",
        "password", "secret", "value", "body", "payload", "message", "exception", "exc_info",
        "record", "said", "original", "url", "key", "headers",
    }  # fmt: skip
    assert not ALLOWED & personal


@given(st.dictionaries(st.text() | st.sampled_from(sorted(ALLOWED)), st.text()))
def test_law_nothing_undeclared_ever_passes(event: dict[str, str]) -> None:
    passed = allow_listed(None, "info", dict(event))
    assert passed == {key: value for key, value in event.items() if key in ALLOWED}


@pytest.mark.parametrize("word", ["Under a rock", "Pending", "A B"])
def test_a_plain_word_of_pars_passes(stream: io.StringIO, word: str) -> None:
    structlog.get_logger().error("pars.word_unknown", profile="main", word=word)
    (line,) = lines(stream)
    assert (line["word"], line["profile"]) == (word, "main")


@pytest.mark.parametrize("word", [ABARA, "a@b", "Żółw", "a-b", " a", "a  b", "x" * 41, "", "a\nb"])
def test_any_other_word_of_pars_stays_out(stream: io.StringIO, word: str) -> None:
    structlog.get_logger().error("pars.word_unknown", word=word)
    (line,) = lines(stream)
    assert line["word"] == "(kept sealed)"


class Full(io.StringIO):
    """A stream to a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    root = logging.getLogger()
    handlers, before = root.handlers, root.level
    configure_logging("info", as_json=True, stream=Full())
    try:
        structlog.get_logger().error("pump.failed")
    finally:
        root.handlers, root.level = handlers, before
        structlog.reset_defaults()
