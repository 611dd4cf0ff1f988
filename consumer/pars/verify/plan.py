"""The checklist as data, in the order in which it is gone through (dossier 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from consumer.pars.verify import access, forms, life, manners, refusals
from consumer.pars.verify.bench import Bench
from consumer.pars.verify.finding import Finding, Outcome


class Needs(IntEnum):
    """What must have worked before a check can say anything."""

    NOTHING = 0
    ADMISSION = 1
    RECORD = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One point of the list; `run` may find several things."""

    name: str
    title: str
    run: Callable[[Bench], Iterator[Finding]]
    needs: Needs = Needs.RECORD


CHECKS = (
    Check("credentials", "Credentials", access.credentials, Needs.NOTHING),
    Check("status_unknown", "A CreditID never sent", access.unknown_record, Needs.ADMISSION),
    Check("add", "A report is added", forms.add, Needs.ADMISSION),
    Check("status_by_credit", "Status by CreditID", life.status_by_credit),
    Check("status_by_learner", "Status by learner, activity and day", life.status_by_learner),
    Check("match", "Learner match", life.match),
    Check("duplicate_add", "The same report again", life.duplicate_add),
    Check("second_credit", "The same credit, another CreditID", life.second_credit),
    Check("delete", "The record is deleted", life.delete),
    Check("status_after_delete", "Status after deletion", life.status_after_delete),
    Check("next_revision", "Added again, next revision", life.next_revision),
    Check("deleted_again", "A deleted CreditID again", life.deleted_again),
    Check("other_forms", "Forms not in use", forms.other_forms),
    Check("birth_year", "A birth date without its year", forms.birth_year),
    Check("wrong_reports", "Reports with one thing wrong", refusals.wrong_reports),
    Check("delete_unknown", "Deleting what is not there", refusals.delete_unknown),
    Check("malformed", "A document without a report", refusals.malformed, Needs.ADMISSION),
)  # fmt: skip

# After everything has been taken back: a wrong password may lock the account.
LAST = (
    Check("wrong_password", "A wrong password", access.wrong_password, Needs.ADMISSION),
    Check("status_words", "Words for a status", manners.status_words, Needs.RECORD),
    Check("pace", "Answer times and limits", manners.pace, Needs.ADMISSION),
)


def go_through(checks: tuple[Check, ...], bench: Bench) -> Iterator[Finding]:
    """Every finding, as soon as it is made."""
    for check in checks:
        if check.needs <= _reached(bench):
            yield from check.run(bench)
        else:
            said = "PARS took no report to try it on" if bench.admitted else "PARS let nobody in"
            yield Finding(check.name, check.title, Outcome.NOT_POSSIBLE, said)


def clean_up(bench: Bench) -> Iterator[Finding]:
    """Takes back every record that PARS may hold, and says so or names what is left."""
    count, left = len(bench.held), list(bench.take_back())
    said = f"not proven to be deleted: {', '.join(left)}; delete them in PARS"
    done = f"{count} records added, all deleted again" if count else "nothing had been added"
    outcome = Outcome.FAILED if left else Outcome.PASS
    yield Finding("clean_up", "Cleaning up", outcome, said if left else done)


def _reached(bench: Bench) -> Needs:
    if not bench.admitted:
        return Needs.NOTHING
    return Needs.RECORD if bench.standing else Needs.ADMISSION
