"""Masked values tell people apart, and tell nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.desk.masking import masked_date, masked_email, masked_id, masked_name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Anna Kowalska", "A••• K•••"),
        ("  Anna   Kowalska ", "A••• K•••"),
        ("Otis Fjällström-Nwosu", "O••• F•••-N•••"),
        ("Li", "L•••"),
        ("", ""),
    ],
)
def test_of_a_name_the_first_letters_are_told(name: str, told: str) -> None:
    assert masked_name(name) == told


@pytest.mark.parametrize(
    ("value", "told"), [("123456", "••••56"), ("12", "••••"), ("1234567890", "••••90"), ("", "")]
)
def test_of_an_id_the_end_is_told_unless_it_is_half_of_it(value: str, told: str) -> None:
    assert masked_id(value) == told


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("anna@example.org", "a•••@e•••.org"),
        ("anna@mail.example.org", "a•••@m•••.org"),
        ("anna@localhost", "a•••@l•••"),
        ("anna@.org", "a•••@o•••"),
        ("no address", "•••"),
        ("anna@", "•••"),
        ("", ""),
    ],
)
def test_of_an_address_one_letter_and_the_kind_of_place_are_told(address: str, told: str) -> None:
    assert masked_email(address) == told


def test_of_a_date_it_is_told_that_it_is_there() -> None:
    assert (masked_date("1971-09-10"), masked_date("")) == ("•••", "")


_WORDS = st.text(st.characters(categories=["L", "Nd"]), min_size=4, max_size=12)


@given(_WORDS, _WORDS)
def test_no_word_of_four_letters_is_left_whole(one: str, other: str) -> None:
    told = [masked_name(f"{one} {other}"), masked_id(one + other)]
    told.append(masked_email(f"{one}@{other}.eu"))
    assert not any(word in text for word in (one, other) for text in told)


@given(_WORDS, _WORDS)
def test_how_long_a_name_is_is_not_told(one: str, other: str) -> None:
    assert len(masked_name(one)) == len(masked_name(other))
