"""One credit: how it stands, what happened, and what a coordinator may do about it."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.pages.people import TONES
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.answers import NoAnswer, reveal_answers
from consumer.desk.casepage import CasePage, show_case
from consumer.desk.correcting import Correcting, Finding, Outcome, Wanted
from consumer.desk.credits import NoSuchCredit
from consumer.desk.deadletters import Shown
from consumer.desk.done import ByHand
from consumer.desk.explaining import Explaining, Explanation
from consumer.desk.withdrawing import NOTHING, plan_withdrawals, withdraw
from consumer.parts import claims_of, policy_of
from consumer.verification import NotSo


def credit(visit: Visit) -> Response:
    """The credit, masked."""
    return _page(visit)


def answers(visit: Visit) -> Response:
    """What PARS said about it, word for word; remembered."""
    name = _name(visit)
    try:
        said = reveal_answers(visit.console.ledger, name, visit.who, visit.console.clock)
    except NoAnswer:
        return _page(visit, wrong="No answer of PARS about it was kept.")
    return _page(visit, answers=said)


def explain(visit: Visit) -> Response:
    """Which mapping and table rows made it, with what the event says; remembered."""
    desk = _explaining(visit)
    try:
        found = desk.explain(_name(visit))
    except NoSuchCredit:
        return _unknown(visit)
    desk.revealed(found.subject, visit.who)
    return _page(visit, explanation=found)


def correct(visit: Visit) -> Response:
    """Put right at PARS what the tables say otherwise now."""
    desk = _correcting(visit, accepted_too=visit.filled("accepted") == "yes")
    try:
        found = [*desk.correct(desk.select(Wanted((_name(visit),))))]
    except NoSuchCredit:
        return _unknown(visit)
    if not any(one.outcome is Outcome.CORRECTED for one in found):
        return _page(visit, wrong="Nothing was corrected: it stands as the tables say.")
    return _back(visit, "It is being corrected: PARS deletes it, then gets what is right.")


def take_back(visit: Visit) -> Response:
    """Withdraw it; a reason is needed."""
    if not (why := visit.filled("why")):
        return _page(visit, lacks="withdraw", status=422)
    names = [_name(visit)]
    try:
        told = [*withdraw(visit.console.ledger, names, visit.who, why, visit.console.clock)]
    except NoSuchCredit:
        return _unknown(visit)
    happens = [str(one["what_happens"]) for one in told]
    if all(one.startswith(NOTHING) for one in happens):
        return _page(visit, wrong=_sentence("; ".join(happens)), status=409)
    return _back(visit, "It is being withdrawn.")


def done(visit: Visit) -> Response:
    """Somebody entered or deleted it in PARS's own pages; PARS is asked whether that is so."""
    if not (why := visit.filled("why")):
        return _page(visit, lacks="done", status=422)
    desk, name = _by_hand(visit, why), _name(visit)
    try:
        if visit.filled("what") == "deleted":
            standing = desk.deleted(name)
        else:
            standing = desk.added(name, visit.filled("pars_id"))
    except NoSuchCredit:
        return _unknown(visit)
    except NotSo as error:
        return _page(visit, wrong=f"{_sentence(str(error))} Nothing was changed.", status=409)
    return _back(visit, f"PARS was asked, and it is so. It stands as: {standing}.")


# ------------------------------------------------------------ the page


def _page(
    visit: Visit,
    *,
    status: int = 200,
    wrong: str = "",
    lacks: str = "",
    answers: list[Shown] | None = None,
    explanation: Explanation | None = None,
) -> Response:
    """`wrong` says why something was not done, `lacks` which form has no reason yet."""
    try:
        found = show_case(visit.console.desk, _name(visit))
    except NoSuchCredit:
        return _unknown(visit)
    return visit.show(
        "credit.html", status, page=found, tones=TONES, wrong=wrong, lacks=lacks,
        filled=visit.form, answers=answers, explanation=explanation, plan=_plan(visit, found),
        sentence=_sentence,
    )  # fmt: skip


def _plan(visit: Visit, found: CasePage) -> dict[str, object]:
    """What correcting and withdrawing would do now, for who may do it."""
    if not (found.credited and visit.may(Role.COORDINATOR)):
        return {"corrections": (), "withdrawal": ""}
    desk = _correcting(visit, accepted_too=False)
    findings = [*desk.preview(desk.select(Wanted((_name(visit),))))]
    told = plan_withdrawals(visit.console.ledger, [_name(visit)])
    return {
        "corrections": [one for one in findings if _changes(one)],
        "withdrawal": "; ".join(str(one["what_happens"]) for one in told),
    }


def _changes(finding: Finding) -> bool:
    return finding.outcome is not Outcome.UNCHANGED


def _name(visit: Visit) -> str:
    return str(visit.path["name"])


def _back(visit: Visit, said: str) -> Response:
    return visit.back(f"/credits/{quote(_name(visit), safe=':')}", said)


def _unknown(visit: Visit) -> Response:
    return visit.wrong(
        404, "No such credit", "Nothing is known of it here.",
        "Search for the person or the activity above.",
    )  # fmt: skip


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def _correcting(visit: Visit, *, accepted_too: bool) -> Correcting:
    console = visit.console
    return Correcting(
        console.ledger, console.house, console.clock, accepted_too, visit.who, visit.filled("why")
    )


def _explaining(visit: Visit) -> Explaining:
    console = visit.console
    return Explaining(console.ledger, console.house, console.settings.tables_dir, console.clock)


def _by_hand(visit: Visit, why: str) -> ByHand:
    console, settings = visit.console, visit.console.settings
    return ByHand(
        claims_of(settings, console.ledger), console.house, console.parts.pars,
        policy_of(settings), console.clock, visit.who, why,
    )  # fmt: skip


PAGES = (
    page("/credits/{name}", credit),
    action("/credits/{name}/answers", answers),
    action("/credits/{name}/explain", explain),
    action("/credits/{name}/correct", correct),
    action("/credits/{name}/withdraw", take_back),
    action("/credits/{name}/done", done),
)
