"""The fate table: what PARS's answers mean, as data; one row a symptom (dossier section 4)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from consumer.fate import Verdict
from consumer.pars.port import Broke


class Class(StrEnum):
    """Whose business a symptom is (dossier 4)."""

    DONE = "done"
    DATA = "data"  # a person corrects learner data
    ACTIVITY = "activity"  # a person corrects the registration
    DUPLICATE = "duplicate"  # already there: done, after a check
    TRANSIENT = "transient"  # it passes
    OPERATOR = "operator"  # credentials or contract


class Move(StrEnum):
    """What is done about it."""

    DONE = "done"
    ASK = "ask"
    RETRY = "retry"
    RETRY_UNSENT = "retry_unsent"
    REFUSE = "refuse"
    STOP = "stop"
    ABSENT = "absent"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `text` is sought in code and message, `understood` None is either."""

    when: Container[int] | Broke
    text: str | None
    class_: Class
    move: Move
    code: str
    source: str
    understood: bool | None = None


OK = range(200, 300)
REDIRECT = range(300, 400)
BAD = (400, 422)
# Either service speaks of these the same way: about the caller, the address or the moment.
_BUSY = (408, 425, 429, *range(500, 600))
_FORM = (405, 406, 407, 410, 411, 414, 415, 426, 431)

_LINE = (
    Row(Broke.NOT_SENT, None, Class.TRANSIENT, Move.RETRY_UNSENT, "unreachable", "4.1 transient"),
    Row(Broke.CUT, None, Class.TRANSIENT, Move.RETRY, "cut", "4.1 transient"),
    Row(Broke.TLS, None, Class.OPERATOR, Move.STOP, "tls_failed", "4.1 [amc-reference]"),
    Row((401,), None, Class.OPERATOR, Move.STOP, "credentials", "4.1 [accme-transcript-api]"),
    Row((403,), None, Class.OPERATOR, Move.STOP, "credentials", "4.1 [accme-transcript-api]"),
    Row(_FORM, None, Class.OPERATOR, Move.STOP, "contract", "4.1 assumption"),
    Row(REDIRECT, None, Class.OPERATOR, Move.STOP, "redirected", "4.1 assumption"),
    Row(_BUSY, None, Class.TRANSIENT, Move.RETRY, "pars_unavailable", "4.1 assumption"),
)

SAVE = (
    *_LINE,
    Row(OK, None, Class.DONE, Move.DONE, "taken", "4.1 [faq-validated]", True),
    Row(OK, None, Class.OPERATOR, Move.ASK, "answer_not_understood", "4.1 assumption", False),
    Row((404,), None, Class.OPERATOR, Move.STOP, "contract", "4.1 assumption"),
    Row((409,), None, Class.DUPLICATE, Move.ASK, "duplicate_answer", "4.3 [medbiq-ar-ws]"),
    Row(
        BAD,
        r"creditid .*(deleted|may not be used|used again|reuse)",
        Class.OPERATOR,
        Move.REFUSE,
        "credit_id_used_up",
        "7, question 6",
    ),
    Row(
        BAD,
        r"already (exists|been|reported|recorded|submitted|credited)|duplicate",
        Class.DUPLICATE,
        Move.ASK,
        "duplicate_answer",
        "4.1 [faq-aba] [faq-abp], 4.3",
    ),
    Row(
        BAD,
        r"credit (id|record) .*(not exist|not found|unknown)|creditid .*(not found|unknown)",
        Class.DATA,
        Move.ASK,
        "record_unknown",
        "5, correction: what is not there cannot be withdrawn",
    ),
    Row(
        BAD,
        r"activit.* (closed|locked)|reporting (year|period) .*(closed|ended|over)",
        Class.ACTIVITY,
        Move.REFUSE,
        "reporting_closed",
        "4.1 [faq-due-date]",
    ),
    Row(
        BAD,
        r"activit.* (another|different|other) provider"
        r"|activit.* (not|n't) (belong|owned|your|this provider)",
        Class.ACTIVITY,
        Move.REFUSE,
        "activity_not_ours",
        "4.1 [tutorial-2022]",
    ),
    Row(
        BAD,
        r"activity(certification)? (credit )?type|credit type|activitycertification",
        Class.ACTIVITY,
        Move.REFUSE,
        "credit_type_not_registered",
        "4.1 [accme-schema-v0.5]",
    ),
    Row(
        BAD,
        r"activit.* not (registered|approved|eligible)",
        Class.ACTIVITY,
        Move.REFUSE,
        "activity_not_registered",
        "4.1 implied by [seed]",
    ),
    Row(
        BAD,
        r"before .*(board|collaboration|participat)",
        Class.DATA,
        Move.REFUSE,
        "before_board_joined",
        "4.1 [abs-2021]",
    ),
    Row(
        BAD,
        r"(completion|completed).* (outside|before|after|future|earlier|later)",
        Class.DATA,
        Move.REFUSE,
        "date_outside_activity",
        "4.1 assumption",
    ),
    Row(
        BAD,
        r"activit.* (not exist|not found|unknown|invalid|not active)"
        r"|(unknown|invalid|no such) activity",
        Class.ACTIVITY,
        Move.REFUSE,
        "activity_unknown",
        "4.1 [tutorial-2022]",
    ),
    Row(
        BAD,
        r"providerorganization|provider (id )?(does )?not",
        Class.OPERATOR,
        Move.REFUSE,
        "provider_mismatch",
        "2.1, row 8: assumption",
    ),
    Row(
        BAD,
        r"points|numberofcredits|number of credits|0?\.25",
        Class.DATA,
        Move.REFUSE,
        "points_invalid",
        "4.1 [accme-schema-v0.5]",
    ),
    Row(
        BAD,
        r"(npi|licen[cs]e).*(not match|no match|not found|invalid|unknown)",
        Class.DATA,
        Move.REFUSE,
        "licence_mismatch",
        "4.1 [state-boards]",
    ),
    Row(
        BAD,
        r"multiple matches|more than one (learner|match)",
        Class.DATA,
        Move.REFUSE,
        "identity_ambiguous",
        "4.3 [medbiq-ar-ws]",
    ),
    Row(
        BAD,
        r"no match|(learner|physician|name|birth|board id|uniqueid|identity|roster)"
        r".*(not match|mismatch|not found|unknown|not exist)",
        Class.DATA,
        Move.REFUSE,
        "identity_mismatch",
        "4.1 [faq-mismatch] [seed]",
    ),
    # Our schema took the document, so a form that PARS refuses is a changed contract.
    Row(
        BAD,
        r"invalid input|missing|malformed|required|schema",
        Class.OPERATOR,
        Move.REFUSE,
        "document_refused",
        "4.1 [accme-openapi]",
    ),
    Row(range(400, 500), None, Class.DATA, Move.REFUSE, "refused_by_pars", "7, question 4"),
)
SAVE_ELSE = Row((), None, Class.OPERATOR, Move.ASK, "answer_not_understood", "everything else")

STATUS = (
    *_LINE,
    Row(OK, None, Class.DONE, Move.READ, "", "3.1 [accme-openapi]", True),
    Row(OK, None, Class.OPERATOR, Move.RETRY, "answer_not_understood", "4.1 assumption", False),
    Row((404,), None, Class.TRANSIENT, Move.ABSENT, "", "4.2 assumption", True),
    Row((404,), None, Class.OPERATOR, Move.STOP, "contract", "4.1 assumption", False),
    Row(range(400, 500), None, Class.OPERATOR, Move.RETRY, "status_refused", "7, question 4"),
)
STATUS_ELSE = Row((), None, Class.OPERATOR, Move.RETRY, "answer_not_understood", "everything else")

# Whole status strings, case-insensitively (dossier 1.3 and question 3).
WORDS: dict[str, Verdict] = {
    "accepted": Verdict.ACCEPTED,
    "rejected": Verdict.REJECTED,
    "pending": Verdict.PENDING,
    "pending confirmation": Verdict.PENDING,
    "submitted": Verdict.PENDING,
    "received": Verdict.PENDING,
    "processing": Verdict.PENDING,
    "in process": Verdict.PENDING,
    "completed": Verdict.PENDING,  # of the module, in every request: it says nothing of the board
}

# What a board's reason means (dossier 4.2); an unforeseen text is data by default, for a person.
BOARD = (
    (r"already|duplicate|previously", "board_already_credited"),
    (
        r"match|identi|birth|\bname\b|\bboard id\b|\bid (is )?(unknown|invalid)\b|roster",
        "board_identity",
    ),
)
BOARD_ELSE = "board_rejected"
