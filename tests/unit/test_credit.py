"""Identity: what makes two completions the same credit, and what a CreditID may show."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.credit import WORDS, Heard, Identity, State
from consumer.participant import BirthDate
from tests.unit.samples import RECORD, record

OURS = Identity(b"invented secret of one provider")
OTHER = Identity(b"invented secret of another one")
DOMAIN = "example.org"

parts = st.lists(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")), max_size=4)


def credit_id(key: str = "k", revision: int = 1, identity: Identity = OURS) -> str:
    return identity.credit_id(key, DOMAIN, revision)


# ---------------------------------------------------------------- what is the same credit


@pytest.mark.parametrize(
    "changes",
    [
        {"pars_activity_id": "202700009"},  # the activity's ID was renewed for the next period
        {"title": "Heart Failure Update 2027"},
        {"completed_on": date(2026, 12, 24)},  # the LMS re-emits with a new time
        {"points": Decimal("0.75")},
        {"given_name": "A.", "family_name": "Abara-Brandt"},
        {"birth_date": BirthDate(2, 28, None)},
        {"npi": "1234567893"},
        {"profile": "second", "provider_name": "The Academy"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_the_key_outlives_corrections_and_renewals(changes: dict[str, Any]) -> None:
    assert OURS.credit_key(record(**changes)) == OURS.credit_key(RECORD)


@pytest.mark.parametrize(
    "changes",
    [
        {"provider_id": "0001111"},
        {"board": "ABP"},
        {"board_id": "12345"},
        {"activity": "SEPSIS"},
        {"credit_type": "Patient Safety"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_another_credit_has_another_key(changes: dict[str, Any]) -> None:
    assert OURS.credit_key(record(**changes)) != OURS.credit_key(RECORD)


def test_an_occurrence_makes_another_credit_and_none_is_none() -> None:
    keys = {OURS.credit_key(record(occurrence=name)) for name in ("", "session-1", "session-2")}
    assert len(keys) == 3
    assert OURS.credit_key(RECORD) in keys


def test_two_lms_accounts_of_one_physician_meet_in_one_credit() -> None:
    moodle = OURS.completion_key("learn.example.org", "905", "37", "")
    canvas = OURS.completion_key("canvas-example-uuid", "21070", "5101", "")
    assert moodle != canvas
    # Neither site nor account nor course is in a record, so neither can be in its key.
    assert not {"site", "learner", "course"} & set(RECORD.__slots__)


def test_completions_of_two_accounts_courses_or_sites_never_merge() -> None:
    ways = [
        ("a", "905", "37", ""),
        ("b", "905", "37", ""),
        ("a", "906", "37", ""),
        ("a", "905", "38", ""),
        ("a", "905", "37", "s1"),
        ("a", "0905", "37", ""),
    ]
    assert len({OURS.completion_key(*way) for way in ways}) == len(ways)


# ---------------------------------------------------------------- CreditID


def test_a_credit_id_has_the_form_that_pars_asks_for() -> None:
    made = credit_id(OURS.credit_key(RECORD))
    assert re.fullmatch(r"ccid:example\.org:[a-z2-7]{26}-r1", made)
    assert made.count(":") == 2
    assert len(made) < 50


@given(st.text(), st.integers(1, 99))
def test_law_any_key_gives_a_credit_id_of_that_form(key: str, revision: int) -> None:
    assert re.fullmatch(rf"ccid:example\.org:[a-z2-7]{{26}}-r{revision}", credit_id(key, revision))


@given(st.text(), st.integers(1, 99))
def test_law_a_revision_changes_the_suffix_alone(key: str, revision: int) -> None:
    assert credit_id(key, revision).removesuffix(f"-r{revision}") == credit_id(key, 1)[:-3]


def test_a_credit_id_shows_nothing_of_the_learner() -> None:
    made = credit_id(OURS.credit_key(RECORD))
    for personal in ("Ada", "Abara", "012345", "1972", "0229"):
        assert personal.lower() not in made


def test_the_same_secret_gives_the_same_ids_for_ever_and_another_others() -> None:
    again = Identity(b"invented secret of one provider")
    key = OURS.credit_key(RECORD)
    assert again.credit_key(RECORD) == key
    assert again.fingerprint() == OURS.fingerprint()
    assert OTHER.credit_key(RECORD) != key
    assert OTHER.fingerprint() != OURS.fingerprint()
    assert credit_id(key, identity=OTHER) != credit_id(key)


def test_ids_that_pars_holds_already_never_change() -> None:
    # Written down once: a change here would report every credit of every provider again.
    key = "7b0b8d1ff2d80d0f49f9ad9c2e9c1a5e6f3f3a0c1f2b8d4e5a6c7b8d9e0f1a2b"
    assert credit_id(key) == "ccid:example.org:illpu4xpgmqhdxbxufnicjmdcm-r1"
    assert OURS.credit_key(RECORD) == (
        "bb3472da31667fd59d913a1be05f15936380e626f3b2dc1b65aabd5f5b658149"
    )


def test_a_short_secret_is_refused_and_not_quoted() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes") as refused:
        Identity(b"short secret 15")
    assert "short secret" not in str(refused.value)


def test_the_fingerprint_tells_nothing_of_the_secret() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", OURS.fingerprint())


# ---------------------------------------------------------------- digests


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("ab",), ("a", "b")),
        (("", "ab"), ("ab", "")),
        (("a",), ("a", "")),
        ((), ("",)),
        (("\ud83d\ude00",), ("\N{GRINNING FACE}",)),
    ],
)
def test_parts_are_told_apart_wherever_they_are_cut(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert OURS.digest("credit", *one) != OURS.digest("credit", *other)


@given(parts, parts)
def test_law_other_parts_give_another_digest(one: list[str], other: list[str]) -> None:
    assume(one != other)
    assert OURS.digest("credit", *one) != OURS.digest("credit", *other)


def test_one_purpose_never_gives_anothers_digest() -> None:
    purposes = ("credit", "credit-id", "completion", "event", "letter", "search", "fingerprint")
    assert len({OURS.digest(purpose, "x") for purpose in purposes}) == len(purposes)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("state", [*State, *(h for h in Heard if h is not Heard.CREDITED)])
def test_people_read_words_for_every_state(state: State | Heard) -> None:
    word = WORDS[state]
    assert word[:1].isupper()
    assert not {"ledger", "settle", "offset", "fate", "dead"} & set(word.lower().split())
