"""The boards' rosters as the simulator holds them: who is who (dossier 2.3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from consumer.pars.document import UniqueID


@dataclass(frozen=True, slots=True)
class Diplomate:
    """One person on one board's roster; `board_rejects` is the reason that board will give."""

    board: str
    board_id: str
    given_name: str
    family_name: str
    month: int
    day: int
    year: int | None = None
    npi: str = ""
    board_rejects: str = ""


class Roster:
    """Looks people up by board and board ID; entries can be added and replaced while it runs."""

    def __init__(self, people: Iterable[Diplomate] = ()) -> None:
        self._people: dict[tuple[str, str], Diplomate] = {}
        self.put(people)

    def put(self, people: Iterable[Diplomate]) -> None:
        """Add these people, replacing those with the same board and ID."""
        self._people.update({(one.board, one.board_id): one for one in people})

    def among(self, unique_ids: Iterable[UniqueID]) -> Diplomate | None:
        """The first person one of these numbers names, None when no board knows any of them."""
        found = (self._people.get((one.domain, one.value)) for one in unique_ids)
        return next((one for one in found if one is not None), None)

    def __len__(self) -> int:
        return len(self._people)


def diplomate(entry: Mapping[str, Any]) -> Diplomate:
    """A roster entry from JSON. Raises KeyError, TypeError or ValueError when it is not one."""
    year = entry.get("year")
    return Diplomate(
        board=str(entry["board"]),
        board_id=str(entry["board_id"]),
        given_name=str(entry["given_name"]),
        family_name=str(entry["family_name"]),
        month=int(entry["month"]),
        day=int(entry["day"]),
        year=None if year is None else int(year),
        npi=str(entry.get("npi", "")),
        board_rejects=str(entry.get("board_rejects", "")),
    )


def agrees(person: Diplomate, family_name: str, birth_date: str | None) -> bool:
    """Whether name and birth date are this person's: ID, family name, month and day must match.

    The year is compared only when both know it; no board is known to require it (dossier 2.3).
    """
    return folded(person.family_name) == folded(family_name) and born(person, birth_date)


def born(person: Diplomate, birth_date: str | None) -> bool:
    """Whether `birth_date` (YYYY-MM-DD or MM-DD) can be this person's."""
    *year, month, day = map(int, (birth_date or "0-0").split("-"))
    same_year = not year or person.year in (None, year[0])
    return same_year and (month, day) == (person.month, person.day)


def folded(name: str) -> str:
    """A name without case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if letter.isalnum()).casefold()
