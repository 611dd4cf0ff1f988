"""ACCME's activity document between JSON and XML: the same names, lists as repeated elements.

That XML mirrors JSON is an assumption (dossier 3.3: the file's root is `ACCMEActivities`); the
order is the order of the JSON document, the namespace none unless the profile names one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from consumer.pars.document import plain
from consumer.pars.element import Element, Unreadable, child
from consumer.pars.registered import ROOT
from consumer.pars.value import Value

_BOOLEANS = {"true": True, "false": False}


def rendered(document: Value, namespace: str = "") -> bytes:
    """The document, which fits activities.schema.json, as XML.

    Raises Stopped with the path of a text that XML cannot hold.
    """
    prefix = f"{{{namespace}}}" if namespace else ""
    root = etree.Element(f"{prefix}{ROOT}", nsmap={None: namespace} if namespace else None)  # type: ignore[dict-item]
    _fill(root, document[ROOT], prefix)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _fill(element: Element, members: Value, prefix: str) -> None:
    for name, value in members.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _fill(child(element, prefix + name), one, prefix)
            else:
                child(element, prefix + name, _text(one))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, Decimal) else str(value)


def read(root: Element, schema: dict[str, Any]) -> Value:
    """The document of an `ACCMEActivities` element, whatever its namespace; `schema` says what is
    a list, a number or a boolean. What does not fit stays text, for the schema to refuse.

    Raises Unreadable when a member stands twice that is no list.
    """
    return {ROOT: _value(root, schema["properties"][ROOT])}


def _value(element: Element, schema: dict[str, Any]) -> Value:
    match schema.get("type"):
        case "object":
            return _members(element, schema.get("properties", {}))
        case "number" | "integer":
            return _number(element.text or "")
        case "boolean":
            return _BOOLEANS.get((element.text or "").strip(), element.text or "")
    return element.text or ""


def _members(element: Element, schemas: dict[str, Any]) -> Value:
    found: dict[str, Any] = {}
    for one in element:
        name = etree.QName(one).localname
        schema = schemas.get(name, {})
        if schema.get("type") == "array":
            found.setdefault(name, []).append(_value(one, schema["items"]))
        elif name in found:
            raise Unreadable("an element twice")
        else:
            found[name] = _value(one, schema)
    return found


def _number(text: str) -> Value:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    # NaN and its like are no numbers of JSON.
    return number if number.is_finite() else text
