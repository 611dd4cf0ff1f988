"""Who a person is, as far as it is known: masked, unless somebody asks to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from consumer.credit import Identity as Hashing
from consumer.desk.kin import Kin
from consumer.desk.masking import masked_date, masked_email, masked_id, masked_name
from consumer.desk.roster import Certificate
from consumer.tables.kind import LEARNERS, TableKind
from consumer.tables.learners import Learner

Mask = Callable[[str], str]
Show = Callable[[Mask, str], str]


@dataclass(frozen=True, slots=True)
class AccountShown:
    """One user of one LMS; `listed` says whether the learners table has a row for it."""

    site: str
    learner: str
    listed: bool


@dataclass(frozen=True, slots=True)
class RowShown:
    """One row of the learners table, with one board; `row` is what its form is called."""

    row: str
    name: str
    email: str
    birth_date: str
    board: str
    board_id: str
    npi: str
    licence: str
    consent: str
    consent_on: str
    consent_how: str


@dataclass(frozen=True, slots=True)
class Identity:
    """One person: `name` blank where neither the table nor a credit says it.

    `rows` are those of the learners table; `revealed` says whether anything here may be read.
    """

    name: str
    email: str
    board_ids: tuple[str, ...]
    npi: str
    accounts: tuple[AccountShown, ...]
    rows: tuple[RowShown, ...]
    revealed: bool


def identity_of(kin: Kin, secret: Hashing, *, revealed: bool) -> Identity:
    """What is known of this person; nothing of it readable unless it is `revealed`.

    `secret` makes the names of the rows' forms.
    """
    show: Show = _plain if revealed else _masked
    own = [(entry, row) for entry in kin.entries for row in entry.rows]
    rows = [row for _, row in own]
    names = [f"{row.given_name} {row.family_name}" for row in rows] or [*kin.names]
    ids = {(one.board, one.board_id): None for one in _in_order(kin)}
    return Identity(
        name=show(masked_name, next((name for name in names if name.strip()), "")),
        email=show(masked_email, next((row.email for row in rows if row.email), "")),
        board_ids=tuple(f"{board} {show(masked_id, number)}" for board, number in ids),
        npi=show(masked_id, next((row.npi for row in rows if row.npi), "")),
        accounts=tuple(_accounts(kin, show)),
        rows=tuple(
            _row(row, row_name(secret, LEARNERS, (e.site, e.learner, row.board)), show)
            for e, row in own
        ),
        revealed=revealed,
    )


def _plain(_mask: Mask, value: str) -> str:
    return value


def _masked(mask: Mask, value: str) -> str:
    return mask(value)


def _in_order(kin: Kin) -> list[Certificate]:
    return sorted(kin.certificates, key=lambda one: (one.board, one.board_id))


def _accounts(kin: Kin, show: Show) -> Iterator[AccountShown]:
    heard = {(one.site, one.learner) for one in kin.accounts}
    listed = {(entry.site, entry.learner) for entry in kin.entries}
    everywhere = {learner for site, learner in listed if not site}
    for site, learner in sorted(heard):
        known = (site, learner) in listed or learner in everywhere
        yield AccountShown(site, show(masked_id, learner), known)
    users = {learner for _, learner in heard}
    for site, learner in sorted(listed - heard):
        if site or learner not in users:
            yield AccountShown(site, show(masked_id, learner), listed=True)


def _row(row: Learner, name: str, show: Show) -> RowShown:
    return RowShown(
        row=name,
        name=show(masked_name, f"{row.given_name} {row.family_name}"),
        email=show(masked_email, row.email),
        birth_date=show(masked_date, row.birth_date),
        board=row.board,
        board_id=show(masked_id, row.board_id),
        npi=show(masked_id, row.npi),
        licence=show(masked_id, row.licence),
        consent="yes" if row.consents_to(row.board) else "no",
        consent_on=row.consent_on,
        consent_how=row.consent_how,
    )


def row_name(secret: Hashing, kind: TableKind, key: tuple[str, ...]) -> str:
    """What a row of a table is called in an address: it finds the row again, and tells nothing."""
    return secret.digest("table row", kind.name, *key)[:32]
