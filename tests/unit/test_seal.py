"""The sealed column: what goes in comes out, and nothing can be read without the key."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from consumer.ledger.seal import (
    Original,
    Seal,
    SealBroken,
    distinct,
    name_tokens,
    normalise,
    pack_original,
    unpack_original,
)
from consumer.licence import Licence
from consumer.mapping.said import Kind, Said
from consumer.participant import BirthDate, Record
from consumer.reason import Reason, Stage, pack_reasons, unpack_reasons
from tests.unit.samples import RECORD, SAID, record

KEY = Fernet.generate_key()
SEAL = Seal(KEY)

points = st.decimals(min_value=0, max_value=1000, places=2)
# Mappings give instants in UTC; any other fixed offset is the same instant.
zones = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=7))]
)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001
text = st.text(st.characters(exclude_categories=["Cs"]))
births = st.builds(
    BirthDate, st.integers(1, 12), st.integers(1, 31), st.none() | st.integers(1, 9999)
)
records = st.builds(
    Record,
    **dict.fromkeys(Record.__slots__, text)
    | {
        "birth_date": st.none() | births,
        "npi": st.none() | text,
        "points": points,
        "completed_on": st.dates(),
        "licence": st.none() | st.builds(Licence, text, text),
        "report_by": st.none() | st.dates(),
        "closes_on": st.none() | st.dates(),
        "at_most": st.none() | points.filter(bool),
    },
)
sayings = st.builds(
    Said,
    **dict.fromkeys(Said.__slots__, text)
    | {
        "kind": st.sampled_from(Kind),
        "version": st.integers(1, 10**6),
        "completed": instants | st.dates(date(1990, 1, 1)),
        "occurred_at": st.none() | instants,
        "points": st.none() | points,
    },
)
headers = st.lists(st.tuples(text, st.binary())).map(tuple)


@given(records)
def test_law_a_record_comes_out_as_it_went_in(one: Record) -> None:
    out = SEAL.open_record(SEAL.seal_json(one))
    assert out == one
    # What PARS is not told is no part of being equal.
    assert (out.report_by, out.closes_on) == (one.report_by, one.closes_on)
    assert out.at_most == one.at_most


def test_a_record_sealed_before_licences_and_deadlines_opens() -> None:
    old = dataclasses.asdict(RECORD)
    for name in ("licence", "board_domain", "report_by", "closes_on", "at_most"):
        del old[name]
    assert SEAL.open_record(SEAL.seal_json(old)) == RECORD


@given(sayings)
def test_law_what_was_said_comes_out_as_it_went_in(one: Said) -> None:
    out = SEAL.open_said(SEAL.seal_json(one))
    assert out == one
    # A date and an instant are not the same: only one of them is cut in a zone.
    assert type(out.completed) is type(one.completed)


@given(st.none() | st.binary(), st.none() | st.binary(), headers)
def test_law_a_message_comes_out_byte_for_byte(
    key: bytes | None, value: bytes | None, held: Any
) -> None:
    original = Original(key, value, held)
    assert unpack_original(SEAL.open(SEAL.seal(pack_original(original)))) == original


def test_nothing_and_empty_are_told_apart() -> None:
    for value in (None, b""):
        assert unpack_original(pack_original(Original(value, value))).value == value


@given(st.lists(st.builds(Reason, st.sampled_from(Stage), text, text, text), max_size=4).map(tuple))
def test_law_reasons_come_out_as_they_went_in(reasons: tuple[Reason, ...]) -> None:
    assert unpack_reasons(pack_reasons(reasons)) == reasons


def test_points_keep_every_digit_they_were_claimed_with() -> None:
    for digits in ("1.50", "0.2500000000000000000000000000000001", "1E+2"):
        sealed = SEAL.seal_json(record(points=Decimal(digits)))
        assert str(SEAL.open_record(sealed).points) == digits


def test_what_is_sealed_shows_nothing() -> None:
    for value in (RECORD, SAID, replace(SAID, learner="Abara")):
        sealed = SEAL.seal_json(value)
        assert not any(piece in sealed for piece in (b"Abara", b"012345", b"learn.example.org"))


def test_the_same_person_sealed_twice_is_not_recognised() -> None:
    assert SEAL.seal_json(RECORD) != SEAL.seal_json(RECORD)


def test_another_key_opens_nothing_and_says_no_more() -> None:
    sealed, old = SEAL.seal_json(RECORD), Fernet(KEY).encrypt(b"Abara")
    for broken in (sealed, sealed[:-2], sealed[:20], sealed[:9], b"", b"Abara", old):
        with pytest.raises(SealBroken) as found:
            Seal(Fernet.generate_key()).open(broken)
        assert str(found.value) == "a sealed value does not open with this key"


def test_one_changed_byte_is_noticed() -> None:
    sealed = SEAL.seal(b"Abara")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            SEAL.open(bytes(changed))
        with pytest.raises(SealBroken):
            SEAL.open(sealed[:place])


def test_a_sealed_text_is_text_and_opens_as_anything_else() -> None:
    sealed = SEAL.seal_text("Abara hat recht: für 1,5 Punkte")
    assert "Abara" not in sealed
    assert SEAL.open(sealed.encode("ascii")).decode() == "Abara hat recht: für 1,5 Punkte"


def test_what_an_earlier_version_sealed_opens() -> None:
    old = Fernet(KEY).encrypt(b"Abara")
    assert SEAL.open(old) == b"Abara"
    with pytest.raises(SealBroken):
        SEAL.open(old[:-5] + b"AAAA=")


def test_what_is_sealed_opens_with_any_version_from_this_one_on() -> None:
    """Sealed once by this very code: a change of form or of key would leave it shut."""
    key = b"bW9jLWNvbnN1bWVyLXRlc3RzLXNlYWxpbmcta2V5LTA="
    sealed = "012090175bd05e008b531240e0d5be609f82ad0272c1d63c6bbc6a5b815fb14c496b"
    assert Seal(key).open(bytes.fromhex(sealed)) == b"Abara"


OTHERS = tuple(Fernet.generate_key() for _ in range(3))


@given(st.binary(), st.integers(0, 3), st.permutations(range(4)), st.integers(1, 4))
def test_law_a_value_opens_with_a_list_of_keys_exactly_if_its_own_is_in_it(
    plain: bytes, own: int, order: list[int], size: int
) -> None:
    every = (KEY, *OTHERS)
    keys = [every[number] for number in order[:size]]
    seal, sealed = Seal(*keys), Seal(every[own]).seal(plain)
    if own not in order[:size]:
        with pytest.raises(SealBroken):
            seal.open(sealed)
        return
    assert seal.open(sealed) == plain
    assert seal.key_of(sealed) == Seal(every[own]).name
    new = seal.renewed(sealed)
    assert (new is None) == (own == order[0])
    assert Seal(keys[0]).open(new or sealed) == plain


def test_a_token_of_an_earlier_version_is_renewed_as_text_or_as_bytes() -> None:
    both, old = Seal(OTHERS[0], KEY), Fernet(KEY).encrypt(b"Abara")
    text = both.renewed_text(old.decode())
    assert Seal(OTHERS[0]).open((text or "").encode()) == b"Abara"
    assert both.renewed_text(text or "") is None
    assert Seal(OTHERS[0]).open(both.renewed(old) or b"") == b"Abara"


def test_a_keys_name_tells_nothing_of_it() -> None:
    assert len({Seal(key).name for key in (KEY, *OTHERS)}) == 4
    assert Seal(KEY).name not in KEY.decode()
    assert Seal(b"bW9jLWNvbnN1bWVyLXRlc3RzLXNlYWxpbmcta2V5LTA=").name == "8122ef16"


# ---------------------------------------------------------------- finding people


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("  Grüner ", "gruner"),
        ("GRU\u0308NER", "gruner"),
        ("van  der\tBerg", "van der berg"),
        ("Straße", "strasse"),
        ("\uff2eoor", "noor"),
        ("", ""),
    ],
)
def test_names_are_compared_as_people_type_them(typed: str, found: str) -> None:
    assert normalise(typed) == found


@given(st.text())
def test_law_case_and_blanks_never_matter(name: str) -> None:
    assert normalise(f"  {normalise(name)} ".upper()) == normalise(normalise(name).upper())


def test_a_name_is_found_by_its_words_and_their_beginnings() -> None:
    assert set(name_tokens("Ada", "Lindqvist")) == {
        "ada", "lin", "lind", "lindq", "lindqv", "lindqvi", "lindqvis", "lindqvist",
    }  # fmt: skip
    assert set(name_tokens("Li", "")) == {"li"}


def test_a_hyphenated_name_is_found_by_its_halves_and_as_it_is_written() -> None:
    tokens = set(name_tokens("Anna-Lena", "Abara"))
    assert {"anna", "lena", "abara"} <= tokens
    assert normalise("Anna-Lena") in tokens


@given(st.lists(st.text()))
def test_law_every_word_as_typed_finds_its_person(names: list[str]) -> None:
    tokens = set(name_tokens(*names))
    assert set(normalise(" ".join(names)).split()) <= tokens


def test_distinct_keeps_the_first_of_each_in_order() -> None:
    assert distinct(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]
