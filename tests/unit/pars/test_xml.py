"""What PARS is sent: golden documents, hostile names, and documents that must not leave."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.pars.contract import CompletedForm, Operation
from consumer.pars.document import Submission, created_at, plain, report_of
from consumer.pars.port import Action
from consumer.pars.simulator.reading import Reading
from consumer.pars.xml import Documents, enveloped
from consumer.participant import BirthDate, Record
from consumer.reason import Stage, Stopped
from tests.fakes import MORNING
from tests.unit.pars.samples import ADA, CREDIT, GOLDEN, SCHEMAS, record

DOCUMENTS = Documents(SCHEMAS)
READING = Reading(SCHEMAS)
CREATED = datetime(2026, 11, 22, 9, 15)  # noqa: DTZ001 - Central local time has no offset


def saved(one: Record, credit_id: str = CREDIT, action: Action = Action.ADD) -> bytes:
    return DOCUMENTS.save(one, credit_id, action, CREATED)


HOSTILE = record(given_name="O'Neil & <b>", family_name='Ex"ample ]]> Żółw 李', title="A < B & C")
CREDENTIALS = {"ProviderId": "0009999", "User": "reporter", "Password": "a<b & c"}
DOCUMENT_FILES: dict[str, Callable[[], bytes]] = {
    "add.xml": lambda: saved(ADA),
    "delete.xml": lambda: saved(ADA, action=Action.DELETE),
    "with-npi.xml": lambda: saved(record(npi="1234567893")),
    "without-birth-date.xml": lambda: saved(record(birth_date=None)),
    "hostile-names.xml": lambda: saved(HOSTILE),
    "two-reports.xml": lambda: DOCUMENTS.batch(
        Submission(
            CREATED,
            (report_of(ADA, CREDIT, Action.DELETE), report_of(ADA, CREDIT[:-1] + "2", Action.ADD)),
        )
    ),
    "noon.xml": lambda: DOCUMENTS.save(ADA, CREDIT, Action.ADD, CREATED, CompletedForm.NOON),
    "add-in-envelope.xml": lambda: enveloped(saved(ADA), Operation.SAVE, CREDENTIALS),
    "status.xml": lambda: DOCUMENTS.status(CREDIT),
    "status-by-learner.xml": lambda: DOCUMENTS.status_by_learner(
        record(birth_date=BirthDate(9, 10))
    ),
    "match.xml": lambda: DOCUMENTS.match(ADA),
}


@pytest.mark.parametrize("name", DOCUMENT_FILES)
def test_documents_are_byte_for_byte_what_the_golden_files_hold(name: str) -> None:
    assert DOCUMENT_FILES[name]().decode() == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_golden_file_is_compared() -> None:
    assert {path.name for path in GOLDEN.glob("*.xml")} == set(DOCUMENT_FILES)


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "no birth year": ({"birth_date": BirthDate(9, 10)}, "PersonalInfo/BirthDate", "type"),
    "30 February": ({"birth_date": BirthDate(2, 30, 1971)}, "PersonalInfo/BirthDate", "type"),
    "blank given name": ({"given_name": "  "}, "Name/GivenName", "pattern"),
    "empty family name": ({"family_name": ""}, "Name/FamilyName", "pattern"),
    "line break in a name": ({"family_name": "Zeb\nra"}, "Name/FamilyName", "pattern"),
    "tab in a title": ({"title": "Zeb\tra"}, "Module/ModuleName", "pattern"),
    "no organisation": ({"provider_name": ""}, "ReportingOrganization", "pattern"),
    "6-digit provider": ({"provider_id": "009999"}, "ProviderOrganization", "pattern"),
    "8-digit activity": ({"pars_activity_id": "20261234"}, "Module/ModuleName", "pattern"),
    "board in small letters": ({"board": "zebra"}, "CreditCertificate/UniqueID", "pattern"),
    "no board ID": ({"board_id": ""}, "CreditCertificate/UniqueID", "pattern"),
    "long board ID": ({"board_id": "9" * 31}, "CreditCertificate/UniqueID", "max_length"),
    "no certification": ({"certification": ""}, "activityCertification", "pattern"),
    "zero points": ({"points": Decimal(0)}, "numberOfCredits", "min_exclusive"),
    "negative points": ({"points": Decimal("-0.25")}, "numberOfCredits", "min_exclusive"),
    "off the grid": ({"points": Decimal("1.3")}, "numberOfCredits", "pattern"),
    "not a number": ({"points": Decimal("NaN")}, "numberOfCredits", "type"),
    "NUL": ({"family_name": "Zeb\0ra"}, "Name/FamilyName", "illegal_character"),
    "control": ({"given_name": "Zeb\x0bra"}, "Name/GivenName", "illegal_character"),
    "U+FFFE": ({"title": "Zeb\ufffera"}, "Module/ModuleName", "illegal_character"),
    "half a surrogate": ({"family_name": "Zeb\ud800ra"}, "Name/FamilyName", "illegal_character"),
    "NUL in a domain": ({"board": "ZEB\0RA"}, "UniqueID", "illegal_character"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_document_that_breaks_a_rule_never_leaves_and_its_values_stay_here(name: str) -> None:
    changes, field, rule = BROKEN[name]
    with pytest.raises(Stopped) as stopped:
        saved(record(**changes))
    reason = stopped.value.reasons[0]
    assert (reason.stage, reason.code, reason.detail) == (Stage.PARS, "document_invalid", rule)
    assert reason.field.endswith(field)
    told = f"{stopped.value} {stopped.value.__context__!r} {stopped.value.__cause__!r}"
    assert not any(value in told for value in ("Zeb", "Ada", "Example", "zebra", "1971", "-0.25"))


@pytest.mark.parametrize(
    "credit_id",
    ["", "7f3c", "ccid:example.org", "ccid:a:b:c", "ccid::b", "ccid:a: b", "ccid:a:" + "b" * 294],
)
def test_a_credit_id_has_the_form_ccid_domain_local(credit_id: str) -> None:
    for call in (lambda: saved(ADA, credit_id), lambda: DOCUMENTS.status(credit_id)):
        with pytest.raises(Stopped) as stopped:
            call()
        assert stopped.value.reasons[0].field.endswith("CreditID")


def test_a_text_of_many_megabytes_stops_too() -> None:
    with pytest.raises(Stopped, match="document_invalid"):
        saved(record(title="x" * 11_000_000))


def test_every_element_at_fault_is_named_at_once() -> None:
    with pytest.raises(Stopped) as stopped:
        saved(record(given_name="", points=Decimal("0.1")))
    names = [reason.field.rpartition("/")[2] for reason in stopped.value.reasons]
    assert names == ["GivenName", "numberOfCredits"]


def test_a_status_question_by_learner_needs_a_birth_date() -> None:
    with pytest.raises(Stopped):
        DOCUMENTS.status_by_learner(record(birth_date=None))


@pytest.mark.parametrize(
    ("points", "text"),
    [("10", "10"), ("1E+1", "10"), ("1.50", "1.5"), ("0.25", "0.25"), ("2.00", "2")],
)
def test_points_are_written_plainly(points: str, text: str) -> None:
    assert plain(Decimal(points)) == text


def test_created_is_central_local_time_without_offset() -> None:
    assert created_at(MORNING) == CREATED


names = st.one_of(st.text(max_size=40), st.from_regex(r"[A-Za-zéü'&<>\"\- ]{1,20}", fullmatch=True))
records = st.builds(
    Record,
    profile=st.just("example"),
    provider_id=st.from_regex(r"[0-9]{7}", fullmatch=True),
    provider_name=names,
    activity=st.just("a"),
    pars_activity_id=st.from_regex(r"[0-9]{9}", fullmatch=True),
    title=names,
    given_name=names,
    family_name=names,
    birth_date=st.none() | st.dates().map(lambda day: BirthDate(day.month, day.day, day.year)),
    board=st.sampled_from(["ABIM", "ABA", "ABPATH"]),
    board_id=st.text("0123456789ABC-", min_size=1, max_size=12),
    npi=st.none() | st.from_regex(r"[12][0-9]{9}", fullmatch=True),
    credit_type=st.just("mk"),
    certification=names,
    points=st.integers(-4, 4000).map(lambda quarters: Decimal(quarters) / 4)
    | st.decimals(allow_nan=True, places=3),
    completed_on=st.dates(min_value=date(1900, 1, 1)),
)


@settings(max_examples=300, deadline=None)
@given(one=records, action=st.sampled_from(Action))
def test_whatever_our_schema_accepts_reads_back_as_it_was(one: Record, action: Action) -> None:
    wanted = report_of(one, CREDIT, action)
    try:
        data = saved(one, action=action)
    except Stopped:
        return  # nothing left, which is the other promise
    (read,) = READING.reports(data)
    assert read == wanted


def test_threads_that_share_the_documents_get_their_own_faults() -> None:
    def faults(number: int) -> tuple[str, ...]:
        name = ("given_name", "family_name", "title", "provider_name")[number % 4]
        with pytest.raises(Stopped) as stopped:
            saved(record(**{name: ""}))
        return tuple(reason.field.rpartition("/")[2] for reason in stopped.value.reasons)

    wanted = ("GivenName", "FamilyName", "ModuleName", "ReportingOrganization")
    with ThreadPoolExecutor(4) as threads:
        for number, found in enumerate(threads.map(faults, range(200))):
            assert found == (wanted[number % 4],)
