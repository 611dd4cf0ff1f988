"""An activity as PARS shows it, and what it lacks for a credit to be taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import orjson

from consumer.pars.value import Value
from consumer.participant import Record
from consumer.reason import Reason, Stage

ROOT, EACH = "ACCMEActivities", "MedicalEducationMetrics"
PARS_ID, OWN_ID = "ACCME Activity ID", "Provider Activity ID"
"""Catalogs of an activity's identifiers: PARS's nine digits, and the provider's own."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One board's MOC: the most points, and its credit types ("" in none when PARS named none)."""

    board: str
    points: Decimal
    credit_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """One activity in PARS; `provider_id` and `own_id` are "" where PARS did not say them."""

    activity_id: str
    own_id: str = ""
    provider_id: str = ""
    registrations: tuple[Registration, ...] = ()

    def of(self, board: str) -> Registration | None:
        """The registration for this board's MOC, if there is one."""
        return next((one for one in self.registrations if one.board == board.upper()), None)


def registered_in(document: Value) -> tuple[Registered, ...]:
    """Every activity of a document that fits `Activities` of service-answers.schema.json."""
    return tuple(map(_registered, document[ROOT][EACH]))


def identifier(activity: Value, catalog: str) -> str:
    """An activity's number in this catalog, "" when it has none."""
    entries = activity["Lom"]["general"]["identifier"]
    return next((str(one["entry"]) for one in entries if one["catalog"] == catalog), "")


def _registered(activity: Value) -> Registered:
    info = activity.get("XtensibleInfo", {})
    boards = info.get("MOCRegistrations", {}).get("MOCRegistration", [])
    return Registered(
        activity_id=identifier(activity, PARS_ID),
        own_id=identifier(activity, OWN_ID),
        provider_id=info.get("ProviderID", ""),
        registrations=tuple(
            Registration(
                board=one["boardName"].upper(),
                points=Decimal(str(one["mocPoints"])),
                credit_types=tuple(one.get("MOCCreditType", ())),
            )
            for one in boards
        ),
    )


def gaps(found: Registered | None, record: Record) -> tuple[Reason, ...]:
    """Why PARS would not take this credit, as far as its registration says; empty when it would."""
    return tuple(_gaps(found, record))


def _gaps(found: Registered | None, record: Record) -> Iterator[Reason]:
    yield from unregistered(found, record.provider_id, record.board, record.points)
    registration = found.of(record.board) if found else None
    types = [_folded(one) for one in registration.credit_types] if registration else []
    if types and _folded(record.certification) not in types:
        yield _gap("pars_type_missing", "credit_types", record.certification)


def unregistered(
    found: Registered | None, provider_id: str, board: str, points: Decimal
) -> Iterator[Reason]:
    """What a registration lacks for credit of so many points with this board."""
    registration = found.of(board) if found else None
    if found is None:
        yield _gap("pars_activity_unknown", "pars_activity_id")
    elif found.provider_id not in ("", provider_id):
        yield _gap("pars_activity_anothers", "pars_activity_id")
    elif registration is None:
        yield _gap("pars_board_missing", "board", board)
    elif points > registration.points:
        detail = f"{registration.points} are registered"
        yield _gap("pars_points_exceeded", "max_points", detail)


def _gap(code: str, field: str, detail: str = "") -> Reason:
    return Reason(Stage.LOOK_UP, code, field, detail)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def pack(found: Registered | None) -> str:
    """As JSON text, for the ledger; nothing of a learner is in it."""
    return orjson.dumps(found, str).decode()


def unpack(text: str) -> Registered | None:
    """What `pack` packed."""
    value = orjson.loads(text)
    if value is None:
        return None
    registrations = tuple(
        Registration(one["board"], Decimal(one["points"]), tuple(one["credit_types"]))
        for one in value.pop("registrations")
    )
    return Registered(**value, registrations=registrations)
