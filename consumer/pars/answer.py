"""PARS's answers in XML, read: from status line and bytes to a Reply the fate table can judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.element import Element, Unreadable, parse
from consumer.pars.heard import Heard
from consumer.pars.port import CreditStatus, Reply
from consumer.pars.registered import Registered
from consumer.pars.schema import Schema
from consumer.pars.value import Value

_XML_TYPES = ("application/xml", "text/xml")


class Answers:
    """Reads what PARS answers; nothing here raises, what is not understood is said to be so."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/pars-answers.xsd`."""
        self._schema = Schema(schemas_dir / "pars" / "pars-answers.xsd")
        self._activities = ActivityDocuments(schemas_dir)

    def to_save(self, heard: Heard, credit_id: str) -> Reply:
        """The answer to SaveLearnerActivity; a success that names another credit is none."""
        root = _root(heard)
        fits = self._is(root, heard, "LearnerActivityResponse")
        if root is not None and heard.succeeded:
            fits = fits and root.findtext("CreditID", "") == credit_id
        return heard.reply(fits, *_said(root))

    def to_status(self, heard: Heard) -> Reply:
        """The answer to either status question; a 404 counts if empty or in PARS's own shape."""
        root = _root(heard)
        fits = self._is(root, heard, "LearnerStatuses") or heard.is_bare_404
        return heard.reply(fits, *_said(root), credits_=_credits(root))

    def to_match(self, heard: Heard) -> Reply:
        """The answer to GetLearnerMatch; `code` is Match or NoMatch (dossier 3.6, our words)."""
        root = _root(heard)
        return heard.reply(self._is(root, heard, "LearnerMatch"), *_said(root))

    def to_activity(self, heard: Heard) -> Reply:
        """The answer to GetActivity: an `ACCMEActivities` document, or a 404 as for a status."""
        root = _root(heard)
        found = self._activities.found_in(root) if heard.succeeded and root is not None else None
        fits = self._is(root, heard, "") or heard.is_bare_404 or found is not None
        return heard.reply(fits, *_said(root), activities=found or ())

    def to_register(self, heard: Heard, document: Value) -> Reply:
        """The answer to SaveActivity; a success that names another activity is none."""
        root = _root(heard)
        fits = self._is(root, heard, "ActivityResponse")
        saved = Registered("" if root is None else root.findtext("ActivityID", ""))
        if heard.succeeded:
            fits = fits and self._activities.is_about(document, saved)
        return heard.reply(fits, *_said(root), activities=(saved,) if heard.succeeded else ())

    def _is(self, root: Element | None, heard: Heard, expected: str) -> bool:
        """Whether this is what belongs to its status: `expected` with 2xx, Errors otherwise."""
        wanted = expected if heard.succeeded else "Errors"
        return root is not None and root.tag == wanted and self._schema.accepts(root)


def _root(heard: Heard) -> Element | None:
    if not heard.claims(_XML_TYPES):
        return None
    try:
        return parse(heard.body, len(heard.body))
    except Unreadable:
        return None


def _said(root: Element | None) -> tuple[str, str]:
    """Code and message; of a foreign shape all its text, so that a person and the table see it."""
    if root is None:
        return "", ""
    if root.tag in ("LearnerActivityResponse", "LearnerMatch", "ActivityResponse"):
        return root.findtext("Result", ""), ""
    if root.tag == "LearnerStatuses":
        return "", ""
    if root.tag != "Errors":
        return "", " ".join(" ".join(str(text) for text in root.itertext()).split())
    messages = (text.strip() for text in (m.text or "" for m in root.iter("Message")))
    return (root.findtext("Error/Code") or "").strip(), "; ".join(messages)


def _credits(root: Element | None) -> Iterator[CreditStatus]:
    for one in () if root is None else root.iterfind("LearnerStatus"):
        yield CreditStatus(
            one.findtext("CreditID", ""), one.findtext("Status", ""), one.findtext("Reason", "")
        )
