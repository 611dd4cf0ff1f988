"""A credit is found by each of its names, without going through everything PARS was ever asked."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Executable, text, update
from sqlalchemy.dialects import postgresql, sqlite

from consumer.credit import Heard, State
from consumer.desk.credits import CreditFilter, lines_of, list_credits, rows_named, show_credit
from consumer.desk.deadlines import watch
from consumer.ledger.schema import completion_credits, completions, lines
from consumer.reason import Reason, Stage, pack_reasons
from tests.integration.office import Office
from tests.integration.people import HOUR, PRIYA, moodle
from tests.integration.test_desk import settle
from tests.integration.test_worklists import lists


def test_whatever_pars_was_asked_a_name_leads_straight_to_its_credit(office: Office) -> None:
    for query in (rows_named("ccid:example.org:a-r1"), lines_of("ccid:example.org:a-r1")):
        told = plan(office, query)
        assert "credit_id" in told
        for gone_through in ("SCAN attempts", "SCAN credits", "Seq Scan"):
            assert gone_through not in told, told


def plan(office: Office, query: Executable) -> str:
    """How the ledger's database would look for it."""
    server = office.ledger.engine.dialect.name == "postgresql"
    dialect = postgresql.dialect() if server else sqlite.dialect()  # type: ignore[no-untyped-call]
    asked = query.compile(  # type: ignore[attr-defined]
        dialect=dialect, compile_kwargs={"literal_binds": True}
    )
    with office.ledger.read() as db:
        if server:  # it goes through tables as small as these, if it may
            db.execute(text("SET LOCAL enable_seqscan = off"))
        rows = db.exec_driver_sql(f"EXPLAIN {'' if server else 'QUERY PLAN '}{asked}")
        return "\n".join(str(row[-1]) for row in rows)


def test_what_waits_again_after_its_credit_was_withdrawn_is_at_risk_in_every_list(
    office: Office,
) -> None:
    office.hear(moodle(PRIYA, at=office.clock.now() - timedelta(28)))
    office.take_for_sent()
    settle(office, State.WITHDRAWN)
    lacks = pack_reasons([Reason(Stage.LOOK_UP, "no_board_id")])
    with office.ledger.begin() as db:
        db.execute(update(completion_credits).values(stands=False))
        db.execute(update(completions).values(state=Heard.HELD, reasons=lacks))
    near = list_credits(office.ledger, CreditFilter(at_risk=True), watch(office.clock.now(), 7))
    assert [(row["standing"], row["at_risk"]) for row in near] == [("Withdrawn", "2 days left")]
    assert near[0]["also_waits"] == "no board ID is known"
    assert lists(office)["at_risk"] == ["c1"]


def test_while_pars_is_away_a_credit_says_since_when(office: Office) -> None:
    office.hear(moodle(PRIYA))
    assert told(office) == {("Ready", "")}
    now = office.clock.now()
    line = {"profile": "main", "permits": 1.0, "filled_at": now, "failures": 9}
    away = {"open_until": now + HOUR, "stopped": False, "last_success_at": now - timedelta(2)}
    with office.ledger.begin() as db:
        db.execute(lines.insert().values(line | away))
    since = "PARS: no answer since 2026-11-20 15:15 UTC"
    assert told(office) == {("Waiting for PARS", since)}
    office.take_for_sent()
    assert told(office) == {("Sent to PARS", "")}


def told(office: Office) -> set[tuple[object, object]]:
    """What the list and the page say of the one credit there is."""
    (row,) = list_credits(office.ledger, CreditFilter())
    shown = show_credit(office.ledger, str(row["id"]))
    return {(one["standing"], one["waits_for"]) for one in (row, shown)}
