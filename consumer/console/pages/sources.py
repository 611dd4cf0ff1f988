"""The LMSs: what each sent, what is held of it and why, and letting it go."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.lastheard import last_heard
from consumer.desk.reconciling import list_standings
from consumer.desk.sources import NotHeld, Releasing, list_sources
from consumer.desk.switching import NoSuchSource, Switching, known_source, list_switches
from consumer.release import Mode, Subject

_SAID = {
    Mode.HOLD: "is held: its credits wait for a release",
    Mode.SHADOW: "is rehearsed: nothing of it is sent",
    Mode.AUTOMATIC: "goes to PARS by itself again",
}


def sources(visit: Visit) -> Response:
    """All of them, held ones first."""
    ledger = visit.console.ledger
    return visit.show(
        "sources.html", sources=_by_name(list_sources(ledger)), heard=last_heard(ledger),
        switched=_switched(visit), lists=list_standings(ledger).values(),
    )  # fmt: skip


def _by_name(rows: list[dict[str, object]]) -> list[tuple[dict[str, object], list[dict[str, Any]]]]:
    """Each source once, with every reason it is held for."""
    found: dict[object, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row)
    return [(many[0], [one for one in many if one["reason"]]) for many in found.values()]


def _switched(visit: Visit) -> dict[object, dict[str, object]]:
    rows = list_switches(visit.console.ledger)
    return {row["name"]: row for row in rows if row["kind"] == Subject.SOURCE}


def source(visit: Visit) -> Response:
    """One of them, with what letting it go would do."""
    return _shown(visit, str(visit.path["name"]))


def _shown(visit: Visit, name: str, wrong: str = "", why: str = "") -> Response:
    console = visit.console
    rows = [row for row in list_sources(console.ledger) if row["source"] == name]
    mapped = {one.source for one in console.house.catalogue.mappings}
    if not rows and name not in mapped:
        return visit.wrong(404, "No such LMS", "Nothing was heard of it, and no mapping knows it.",
                           "The list of sources has those there are.")  # fmt: skip
    held = [row for row in rows if row["reason"]]
    plan = _releasing(visit, "").plan(name) if held else None
    turning = Switching(console.ledger, console.clock, "", "").plan(Subject.SOURCE, [name])
    return visit.show(
        "source.html", 422 if wrong else 200, name=name, row=rows[0] if rows else None, held=held,
        plan=plan, turning=turning, switch=_switched(visit).get(name), wrong=wrong, why=why,
        heard=last_heard(console.ledger).get(name), Mode=Mode,
    )  # fmt: skip


def _releasing(visit: Visit, why: str) -> Releasing:
    console = visit.console
    return Releasing(console.ledger, console.house, console.clock, visit.who, why)


def release(visit: Visit) -> Response:
    """Judge what a surge holds again, and let it go."""
    name, why = str(visit.path["name"]), visit.filled("why")
    if not why:
        return _shown(visit, name, "Say what was mended: it is kept for whoever asks later.")
    try:
        fates = _releasing(visit, why).release(name)
    except NotHeld:
        return visit.back(f"/sources/{name}", f"Nothing of {name} is held any more.")
    counts = ", ".join(f"{count} {_fate(fate)}" for fate, count in sorted(fates.items()))
    return visit.back(f"/sources/{name}", f"{name} goes on. {counts or 'Nothing else changed'}.")


def _fate(fate: str) -> str:
    known = {"ready": "on their way to PARS", "held": "waiting for the learner",
             "refused": "need attention"}  # fmt: skip
    return known.get(fate, fate.replace("_", " "))


def switch(visit: Visit) -> Response:
    """Hold a source, rehearse it, or let it go by itself again."""
    name, why = str(visit.path["name"]), visit.filled("why")
    try:
        mode = Mode(visit.filled("mode"))
    except ValueError:
        return _shown(visit, name, "Choose how it goes to PARS.", why)
    if not why:
        return _shown(visit, name, "Say why: it is kept for whoever asks later.")
    console = visit.console
    mapped = {one.source for one in console.house.catalogue.mappings}
    try:
        known_source(console.ledger, mapped, name)
    except NoSuchSource as error:
        return visit.wrong(404, "No such LMS", str(error))
    Switching(console.ledger, console.clock, visit.who, why).turn(Subject.SOURCE, [name], mode)
    return visit.back(f"/sources/{name}", f"{name} {_SAID[mode]}.")


PAGES = (
    page("/sources", sources),
    page("/sources/{name}", source),
    action("/sources/{name}/release", release, needs=Role.ADMIN),
    action("/sources/{name}/switch", switch, needs=Role.ADMIN),
)
