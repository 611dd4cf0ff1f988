"""`deadletter edit`: correcting what the event of a letter says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_one
from consumer.clock import SystemClock
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.deadletters import NoSuchLetter, NotOpen
from consumer.desk.editing import Draft, Editing, EditProblems, EditRefused, Wanted
from consumer.desk.trying import Trial
from consumer.edit import READERS


@click.command()
@click.argument("letter_id")
@click.option(
    "--set",
    "said",
    multiple=True,
    metavar="FIELD=VALUE",
    help=f"What the event should have said; of {', '.join(READERS)}. May be given several times.",
)
@click.option("--bytes", "file", type=click.File("rb"), help="For an event that cannot be decoded.")
@click.option("--undo", is_flag=True, help="The event says again what it said when it came.")
@click.option("--seen", type=int, help="The version that you looked at; default: the latest.")
@click.option("--reveal", is_flag=True, help="Show the learner too; this is remembered.")
@click.option("--why", default="", help="Why, for the audit; it is kept sealed.")
@click.option("--who", default="", help="Who decided, if not the user of this machine.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def edit(
    context: click.Context,
    letter_id: str,
    said: tuple[str, ...],
    file: IO[bytes] | None,
    seen: int | None,
    why: str,
    who: str,
    *,
    undo: bool,
    reveal: bool,
    yes: bool,
) -> None:
    """Correct what the event of a dead letter says: learner, course, completed, points, occurrence.

    Without --set it shows the fields. The bytes that came stay as they are; each correction is a
    version of its own, with who, when and why. `deadletter replay` then sends what is right.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Editing(ledger, parts.house, SystemClock(), who or user(), why)
    with _telling(letter_id):
        draft = desk.open(letter_id, reveal=reveal)
        if not (said or file or undo):
            show_one(_shown(draft))
            return
        version = draft.version if seen is None else seen
        if undo:
            confirm(f"{letter_id} says again what it said when it came.", yes=yes)
            kept = desk.take_back(letter_id, version)
        else:
            wanted = Wanted(_fields(said), file.read() if file else None)
            confirm(_plan(letter_id, wanted, desk.try_out(letter_id, wanted)), yes=yes)
            kept = desk.save(letter_id, version, wanted)
    show_one({"letter_id": letter_id, "version": kept, "next": f"deadletter replay {letter_id}"})


def _fields(said: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [one.partition("=") for one in said]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        fail([f"--set {one}: write FIELD=VALUE" for one in wrong])
    return {name.strip(): text for name, _, text in pairs}


def _plan(letter_id: str, wanted: Wanted, trial: Trial) -> str:
    names = ", ".join([*wanted.fields, *(["its bytes"] if wanted.value is not None else [])])
    lines = [f"Corrected in {letter_id}: {names}.", f"Sent round again, {trial.says}."]
    lines += [f"  {one['field']}: {one['what_happened']}" for one in trial.complaints]
    for record in trial.records:
        told = ", ".join(str(record[name]) for name in ("board", "credit_type", "points"))
        lines.append(f"  {record['activity']}: {told}, completed {record['completed_on']}")
    return "\n".join(lines)


def _shown(draft: Draft) -> dict[str, Any]:
    told = asdict(draft)
    marked = {True: " (corrected)", False: ""}
    fields = told.pop("fields")
    return {
        **{k: told[k] for k in ("letter_id", "version")},
        **{name: f"{text}{marked[name in draft.corrected]}" for name, text in fields.items()},
        "history": [dict(one) for one in draft.history],
    }


@contextmanager
def _telling(letter_id: str) -> Iterator[None]:
    try:
        with telling_faults():
            yield
    except EditProblems as wrong:
        fail([f"{name} {why}" for name, why in wrong.problems.items()])
    except ChangedMeanwhile as changed:
        when = f" at {changed.at.isoformat(timespec='seconds')}" if changed.at else ""
        look = f"look at it again: moc-consumer deadletter edit {letter_id}"
        fail([f"{changed}{when}; nothing was written: {look}"], FAILED)
    except (NoSuchLetter, NotOpen, EditRefused) as error:
        fail([str(error)], FAILED)
