"""Where something stands, in the words that people see (design 2)."""

from __future__ import annotations

from consumer.credit import WORDS, Heard, State
from consumer.reason import Reason, Stage
from consumer.release import RELEASE_WORDS, Mode

WAITING_FOR_PARS = "Waiting for PARS"


def standing_of(
    state: State | Heard, reason: Reason | None, withheld: str = "", *, away: bool = False
) -> str:
    """A credit that PARS was asked about, and is ready but for the answer, waits.

    So does one whose PARS is `away`. `withheld` is the mode that keeps a ready one from being sent.
    """
    if state is State.READY and withheld:
        return RELEASE_WORDS[Mode(withheld)]
    if state is State.READY and reason is not None and reason.stage is Stage.LOOK_UP:
        return WORDS[Heard.HELD] if reason.code == "learner_unmatched" else WAITING_FOR_PARS
    return WAITING_FOR_PARS if away and state in (State.READY, State.SUBMITTING) else WORDS[state]
