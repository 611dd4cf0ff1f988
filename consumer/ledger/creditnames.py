"""What credits are called, and which traces they belong to, by the completions behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from consumer.credit import Identity
from consumer.ledger.schema import completion_credits, completions, credits_

_links = completion_credits.c


def names_behind(
    db: Connection, identity: Identity, domains: Mapping[str, str], numbers: Collection[int]
) -> dict[int, str]:
    """The CreditIDs of the credits that these completions stand behind, by completion.

    Several are apart by blanks. One that is not sent yet has the CreditID that it will be sent
    under, unless PARS turns out to have used that up; `domains` are those of the profiles.
    """
    c = credits_.c
    query = (
        select(_links.completion_id, c.credit_id, c.key, c.profile, c.revision)
        .join(credits_, c.id == _links.credit_id)
        .where(_links.completion_id.in_(numbers), _links.stands)
        .order_by(c.id)
    )
    found: dict[int, list[str]] = {}
    for number, name, key, profile, revision in db.execute(query) if numbers else ():
        # A profile that is gone from the settings issues no more of them.
        if domain := domains.get(profile, ""):
            own = name or identity.credit_id(key, domain, revision)
            found.setdefault(number, []).append(own)
    return {number: " ".join(names) for number, names in found.items()}


def traces_behind(db: Connection, credit_rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The traces of the completions that stand behind these credits, what was heard first first."""
    c = completions.c
    query = (
        select(_links.credit_id, c.trace)
        .join(completions, c.id == _links.completion_id)
        .where(_links.credit_id.in_(credit_rows), _links.stands, c.trace.is_not(None))
        .order_by(c.id)
    )
    found: dict[int, list[str]] = {}
    for row, trace in db.execute(query) if credit_rows else ():
        found.setdefault(row, []).append(trace)
    return {row: tuple(dict.fromkeys(traces)) for row, traces in found.items()}
