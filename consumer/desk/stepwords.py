"""What the ledger remembers of a step, in the words of a CME office."""

from __future__ import annotations

from consumer.desk.trailwords import meaning
from consumer.desk.words import advice
from consumer.reason import Reason, Stage

_LMS = {
    "brightspace": "Brightspace", "caliper": "Caliper", "canvas": "Canvas", "docebo": "Docebo",
    "ethosce": "EthosCE", "learndash": "LearnDash", "moodle": "Moodle", "openedx": "Open edX",
    "xapi": "xAPI", "list": "a list of completions",
}  # fmt: skip

_FATES = {
    "ready": "it can be reported",
    "held": "it waits for something",
    "refused": "a person is needed",
    "review": "a person is asked what is right",
    "not_reportable": "it is not to be reported",
    "duplicate": "nothing new in it",
    "retracted": "the LMS took it back",
}

_PARS = {
    ("add", "done"): "sent to PARS, which took it",
    ("delete", "done"): "PARS was asked to delete it, and agreed",
    ("ask", "absent"): "PARS was asked about it, and does not have it",
    ("ask", "found_pending"): "PARS has it; the board has not decided yet",
    ("ask", "found_accepted"): "accepted by the board",
    ("ask", "found_rejected"): "rejected by the board",
    ("ask", "found_unknown"): "PARS has it, and said something of it that nobody here knows",
    ("file_answer", "accepted"): "PARS's answer to the file: accepted by the board",
    ("file_answer", "rejected"): "PARS's answer to the file: rejected by the board",
    ("file_answer", "pending"): "PARS's answer to the file: the board has not decided yet",
    ("file_answer", "error"): "PARS's answer to the file: it was not taken",
    ("activity", "found"): "PARS was asked about the activity, and has it",
    ("activity", "absent"): "PARS was asked about the activity, and does not know it",
    ("match", "match"): "PARS was asked about the learner: the board knows them",
    ("match", "no_match"): "PARS was asked about the learner: the board does not know them",
    ("match", "absent"): "PARS was asked about the learner: the board does not know them",
}

_TRIED = {
    "add": "sending it to PARS failed",
    "delete": "asking PARS to delete it failed",
    "activity": "asking PARS about the activity failed",
    "match": "asking PARS about the learner failed",
}

_ACTS = {
    "letter.agreed": "agreed",
    "letter.declined": "declined",
    "letter.replayed": "sent it round again",
    "letter.revealed": "looked at what the LMS sent",
    "letter.discarded": "set it aside",
    "letter.corrected": "corrected it",
    "credit.withdrawn": "withdrew it",
    "credit.corrected": "corrected it",
    "credit.revealed": "looked at what the LMS said",
}
"""Where the step stands beside what it is about, which the audit's own sentences name."""


def lms(source: str) -> str:
    """What people call an LMS."""
    return _LMS.get(source, source or "an LMS that no mapping knows")


def heard(source: str, fate: str) -> str:
    """An event came from this LMS, and that became of it."""
    return f"heard from {lms(source)}: {_FATES.get(fate, fate.replace('_', ' '))}"


def asked(action: str, outcome: str) -> str:
    """PARS was asked for something, and that came of it."""
    if told := _PARS.get((action, outcome)):
        return told
    tried = _TRIED.get(action, "asking PARS about it failed")
    return f"{tried}: {advice(Reason(Stage.PARS, outcome)).happened}"


def act(what: str) -> str:
    """What a person did, by its name in the audit."""
    return _ACTS.get(what) or meaning(what)
