"""Recognising: exactly one mapping, or a stop."""

from __future__ import annotations

import pytest

from consumer.mapping.catalogue import Catalogue
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.reason import Reason, Stage, Stopped
from tests.unit.mapping.samples import envelope


def ignoring(name: str, *conditions: str) -> Mapping:
    rows = "".join(f"  - {{{condition}}}\n" for condition in conditions)
    text = f"mapping: {name}\nversion: 1\nmatch:\n{rows}kind: ignore\n"
    found = compile_file(text, name, lambda _named: None, Report(name))
    assert found
    return found


BY_TYPE = ignoring("a/by_type", "path: body.type, equals: a")
BY_LIST = ignoring("a/by_list", "path: body.type, in: [b, c, 4]")
BY_BOTH = ignoring("a/by_both", "path: body.type, equals: d", "path: body.user, present: true")
BY_NOBODY = ignoring("a/by_nobody", "path: body.type, equals: d", "path: body.user, present: false")
BY_HEADER = ignoring("b/by_header", "path: headers.ce_type, equals: e")
BY_PREFIX = ignoring("b/by_prefix", "path: key, starts_with: k")
ALL = (BY_TYPE, BY_LIST, BY_BOTH, BY_NOBODY, BY_HEADER, BY_PREFIX)


def stop(catalogue: Catalogue, **changes: object) -> Reason:
    with pytest.raises(Stopped) as stopped:
        catalogue.recognise(envelope(**changes))  # type: ignore[arg-type]
    (reason,) = stopped.value.reasons
    return reason


def test_each_event_finds_its_mapping() -> None:
    catalogue = Catalogue(ALL)
    assert (catalogue.mappings, catalogue.version, catalogue.meanings) == (ALL, "", {})
    assert catalogue.recognise(envelope(type="a")) is BY_TYPE
    assert catalogue.recognise(envelope(type="c")) is BY_LIST
    assert catalogue.recognise(envelope(type=4)) is BY_LIST
    assert catalogue.recognise(envelope(type="d")) is BY_BOTH
    assert catalogue.recognise(envelope(type="d", user=None)) is BY_NOBODY
    assert catalogue.recognise(envelope({"ce_type": "e"}, type=None)) is BY_HEADER
    assert catalogue.recognise(envelope(key="k1", type=["a"])) is BY_PREFIX


def test_an_event_that_no_mapping_knows_is_refused() -> None:
    unknown = Reason(Stage.RECOGNISE, "unknown_event")
    assert stop(Catalogue(ALL), type="zz") == unknown
    assert stop(Catalogue(ALL), type={"a": 1}) == unknown
    assert stop(Catalogue(())) == unknown


def test_an_event_that_two_mappings_claim_is_refused_with_both_names() -> None:
    twice = Reason(Stage.RECOGNISE, "ambiguous_mapping", "", "a/by_type and b/by_header")
    assert stop(Catalogue(ALL), headers={"ce_type": "e"}, type="a") == twice
    assert stop(Catalogue(ALL), key="k", type="b").code == "ambiguous_mapping"
