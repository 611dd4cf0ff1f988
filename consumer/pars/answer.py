"""PARS's answers, read: from status line and bytes to a Reply that the fate table can judge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consumer.pars.element import Element, Unreadable, parse
from consumer.pars.port import CreditStatus, Reply
from consumer.pars.schema import Schema

_XML_TYPES = ("application/xml", "text/xml")
_CHARSETS = ("", "utf-8", "us-ascii")
_SUCCESS = range(200, 300)
_NOT_FOUND = 404
# Longer texts are nobody's error message; the whole is in `raw`. Bounds the table's regexes too.
_MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Heard:
    """One HTTP answer before anybody has read it; `whole` is False when it was cut at the bound."""

    status: int
    content_type: str
    body: bytes
    whole: bool
    retry_after_seconds: float | None


class Answers:
    """Reads what PARS answers; nothing here raises, what is not understood is said to be so."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/pars-answers.xsd`."""
        self._schema = Schema(schemas_dir / "pars" / "pars-answers.xsd")

    def to_save(self, heard: Heard, credit_id: str) -> Reply:
        """The answer to SaveLearnerActivity; a success that names another credit is none."""
        root = _root(heard)
        fits = self._is(root, heard, "LearnerActivityResponse")
        if root is not None and heard.status in _SUCCESS:
            fits = fits and root.findtext("CreditID", "") == credit_id
        return _reply(heard, root, fits)

    def to_status(self, heard: Heard) -> Reply:
        """The answer to either status question; a 404 counts if empty or in PARS's own shape."""
        root = _root(heard)
        fits = self._is(root, heard, "LearnerStatuses")
        return _reply(heard, root, fits or (heard.status == _NOT_FOUND and not heard.body.strip()))

    def to_match(self, heard: Heard) -> Reply:
        """The answer to GetLearnerMatch; `code` is Match or NoMatch (dossier 3.6, our words)."""
        root = _root(heard)
        return _reply(heard, root, self._is(root, heard, "LearnerMatch"))

    def _is(self, root: Element | None, heard: Heard, expected: str) -> bool:
        """Whether this is what belongs to its status: `expected` with 2xx, Errors otherwise."""
        wanted = expected if heard.status in _SUCCESS else "Errors"
        return root is not None and root.tag == wanted and self._schema.accepts(root)


def _root(heard: Heard) -> Element | None:
    media, _, parameters = heard.content_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].strip().strip('"')
    if not heard.whole or media.strip() not in _XML_TYPES or charset not in _CHARSETS:
        return None
    try:
        return parse(heard.body, len(heard.body))
    except Unreadable:
        return None


def _reply(heard: Heard, root: Element | None, understood: bool) -> Reply:
    code, message = _said(root)
    return Reply(
        status=heard.status,
        code=code[:_MESSAGE_CHARACTERS],
        message=message[:_MESSAGE_CHARACTERS],
        retry_after_seconds=heard.retry_after_seconds,
        understood=understood,
        credits=_credits(root) if understood else (),
        raw=heard.body,
    )


def _said(root: Element | None) -> tuple[str, str]:
    """Code and message; of a foreign shape all its text, so that a person and the table see it."""
    if root is None:
        return "", ""
    if root.tag in ("LearnerActivityResponse", "LearnerMatch"):
        return root.findtext("Result", ""), ""
    if root.tag == "LearnerStatuses":
        return "", ""
    if root.tag != "Errors":
        return "", " ".join(" ".join(str(text) for text in root.itertext()).split())
    messages = (text.strip() for text in (m.text or "" for m in root.iter("Message")))
    return (root.findtext("Error/Code") or "").strip(), "; ".join(messages)


def _credits(root: Element | None) -> tuple[CreditStatus, ...]:
    found = () if root is None else root.iterfind("LearnerStatus")
    return tuple(
        CreditStatus(
            one.findtext("CreditID", ""), one.findtext("Status", ""), one.findtext("Reason", "")
        )
        for one in found
    )
