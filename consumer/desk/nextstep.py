"""What happens next with a case: by itself and when, or what a person must do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consumer.credit import Heard, State
from consumer.desk.case import Case
from consumer.desk.looking import Moment, minute
from consumer.desk.words import advice
from consumer.reason import Reason, Stage
from consumer.release import Mode

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Next:
    """`what` happens or is to be done, by whom, and when; `who` is nobody where it goes by itself.

    `when` is blank where nobody can tell.
    """

    what: str
    who: str = NOBODY
    when: str = ""

    @property
    def by_itself(self) -> bool:
        """Whether no person is needed."""
        return self.who == NOBODY


def next_of(case: Case, moment: Moment) -> Next:
    """What is next for this case."""
    if case.questions:
        return _asked(case.questions[0].reason)
    return _heard(case) if isinstance(case.state, Heard) else _credited(case, case.state, moment)


def _credited(case: Case, state: State, moment: Moment) -> Next:
    match state:
        case State.READY | State.SUBMITTING:
            return _to_be_sent(case, moment)
        case State.SUBMITTED:
            told = "the board decides, as a rule within a day; PARS is asked again by itself"
            return Next(told, when=_when(case.due_at, moment))
        case State.REPORTED:
            told = f"bring PARS's answer to file {case.report_id}: report import"
            return Next(told, "coordinator")
        case State.WITHDRAWING:
            then = ", then the corrected one is sent" if case.resend else ""
            told = f"PARS is asked to delete it{then}"
            return Next(told, when=_when(case.due_at, moment))
        case State.ACCEPTED | State.WITHDRAWN:
            return _waits(case.also) if case.also else Next("nothing to do")
        case State.REJECTED | State.ATTENTION if case.closed:
            return Next(f"nothing to do. {case.closed}")
        case State.REJECTED | State.ATTENTION:
            return _asked(case.reasons[0]) if case.reasons else Next("look at it", "coordinator")


def _asked(reason: Reason) -> Next:
    told = advice(reason)
    return Next(told.how, told.who)


def _heard(case: Case) -> Next:
    if case.state is Heard.HELD:
        return _waits(case.reasons)
    if case.state is Heard.RETRACTED:
        return Next("nothing: the LMS took it back")
    if case.reasons:
        return _asked(case.reasons[0])
    return Next("nothing to do")


def _waits(reasons: tuple[Reason, ...]) -> Next:
    """What is missing, all of it: it is judged again whenever a table changes."""
    told = [advice(one) for one in reasons]
    what = "; ".join(dict.fromkeys(one.how for one in told))
    # The learner is asked, but by the office; nobody waits for what comes by itself.
    acting = [one.who for one in told if one.who != NOBODY]
    return Next(what, acting[0] if acting else NOBODY)


def _to_be_sent(case: Case, moment: Moment) -> Next:
    if case.withheld == Mode.SHADOW:
        return Next("nothing: it is a rehearsal, and is not sent")
    if case.withheld:
        return Next("look at it, then let it go: credit release", "coordinator")
    if held := [one for one in case.sources if one in moment.held]:
        told = f"everything from {held[0]} is held: look into it, then let it go (source release)"
        return Next(told, "coordinator")
    if case.reasons and case.reasons[0].stage is Stage.LOOK_UP:
        missing = advice(case.reasons[0])
        return Next(missing.how, missing.who, _when(case.due_at, moment))
    if case.waits:
        return Next("it goes by itself once PARS has let go of the credit that it replaces")
    if case.profile in moment.by_file:
        return Next("it stands in the next report by file: report export", "coordinator")
    if away := moment.away.get(case.profile):
        if away.refused:
            told = f"{away.words}: correct the credentials of {case.profile}; it goes then"
            return Next(told, "SRE")
        return Next(f"{away.words}; it goes by itself", when=_when(away.until, moment))
    return Next("it is sent by itself", when=_when(case.due_at, moment))


def _when(at: datetime | None, moment: Moment) -> str:
    if at is None or at <= moment.now:
        return "within minutes"
    return minute(at)
