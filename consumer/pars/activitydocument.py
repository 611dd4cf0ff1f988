"""ACCME's activity document, judged by our schema on the way out, understood on the way back."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from consumer.pars.activityxml import read
from consumer.pars.element import Element, Unreadable
from consumer.pars.jsonschema import ACTIVITIES, SERVICE, JsonSchema, definition, read_schema
from consumer.pars.registered import (
    EACH,
    OWN_ID,
    PARS_ID,
    ROOT,
    Registered,
    identifier,
    registered_in,
)
from consumer.pars.value import Value, illegal
from consumer.reason import Stopped


class ActivityDocuments:
    """Judges activity documents, and reads PARS's; safe to share between threads."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/activities.schema.json`."""
        self._described = read_schema(schemas_dir, ACTIVITIES)
        self.schema = JsonSchema(self._described)
        self._answer = definition(schemas_dir, SERVICE, "Activities")

    def checked(self, document: Value) -> Value:
        """The document. Raises Stopped with a reason for each member at fault."""
        if faults := tuple(illegal(document)) or self.schema.faults(document):
            raise Stopped(*faults)
        return document

    def read(self, root: Element) -> Value:
        """An XML document as JSON has it. Raises Unreadable."""
        if etree.QName(root).localname != ROOT:
            raise Unreadable("unexpected root element")
        return read(root, self._described)

    def found_in(self, root: Element) -> tuple[Registered, ...] | None:
        """The activities of PARS's answer in XML, None when it cannot be understood."""
        try:
            return self.found(self.read(root))
        except Unreadable:
            return None

    def found(self, value: Value) -> tuple[Registered, ...] | None:
        """The activities of PARS's answer in JSON, None when it cannot be understood."""
        return registered_in(value) if self._answer.accepts(value) else None

    @staticmethod
    def is_about(document: Value, saved: Registered) -> bool:
        """Whether `saved` is the activity that was sent, by every number that both of them have."""
        (sent,) = document[ROOT][EACH]
        pairs = ((PARS_ID, saved.activity_id), (OWN_ID, saved.own_id))
        agree = all(identifier(sent, name) in ("", number) for name, number in pairs if number)
        return agree and bool(saved.activity_id)
