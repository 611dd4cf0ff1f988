"""PARS's own words: what of an answer is kept as it came, and which word may be shown."""

from __future__ import annotations

import re

from consumer.fate import Found, SendFate, StatusFate, Verdict
from consumer.pars.port import Reply

SEALED = "(kept sealed)"
"""Stands for a word that may hold something personal."""
ANSWER_LIMIT_BYTES = 16 * 1024
_WORD_LIMIT = 200  # characters; nobody's status is longer, and all of it stands in the answer
_PLAIN_LIMIT = 40
_PLAIN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
# Nothing to learn from, and an outage or a board that takes its time would fill the ledger.
_ROUTINE = frozenset({"done", "absent", "found_pending", "pars_unavailable"})


def kept(reply: Reply, outcome: str) -> bytes:
    """What of the answer a person may want to read, at most ANSWER_LIMIT_BYTES; for sealing only.

    The decision as its proof, and whatever was refused or not understood (dossier 4, question 4).
    """
    return b"" if outcome in _ROUTINE else reply.raw[:ANSWER_LIMIT_BYTES]


def unknown_word(reply: Reply, fate: SendFate | StatusFate, credit_id: str) -> str | None:
    """The status that nobody knows, with single blanks; None when there is none (question 3)."""
    if not isinstance(fate, Found) or fate.verdict is not Verdict.UNKNOWN:
        return None
    words = (one.status for one in reply.credits if one.credit_id == (fate.credit_id or credit_id))
    return " ".join(next(words, "").split())[:_WORD_LIMIT]


def is_plain(word: str) -> bool:
    """Whether it is short and of letters and blanks alone: no ID, date or address of a person."""
    return len(word) <= _PLAIN_LIMIT and _PLAIN.fullmatch(word) is not None
