"""Metrics over real HTTP, held against the ledger and PARS's books; nobody's data in any label."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.bus.port import Outgoing
from consumer.desk.figures import figures
from consumer.desk.overview import overview
from consumer.ledger.ledger import LedgerUnavailable
from consumer.ledger.schema import attempts
from consumer.telemetry import lately
from consumer.telemetry.exposition import Exposition
from consumer.telemetry.health import answering
from consumer.telemetry.metrics import BY_NAME, Of
from tests.end_to_end.patience import until
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, TOPIC, moodle
from tests.integration.test_outages import turn

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def exposition_of(office: Office) -> Exposition:
    """What the service's own metrics are answered by."""
    service = office.service
    made = Exposition(service.meters, service.readiness, office.clock)
    made.watch(lambda: figures(service.desk))
    return made


@contextmanager
def scraped(
    office: Office, exposition: Exposition | None = None
) -> Iterator[Callable[[], Samples]]:
    """Scrapes it, as often as wanted."""
    readiness, made = office.service.readiness, exposition or exposition_of(office)
    with answering("127.0.0.1:0", readiness, 300, made) as where:

        def scrape() -> Samples:
            answer = httpx.get(f"http://{where}/metrics", trust_env=False)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            return samples(answer.text)

        yield scrape


def samples(told: str) -> Samples:
    """Every sample, by name and by labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(told):
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(sorted(one.labels.items()))] = one.value
    return found


def labelled(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def unreadable() -> Outgoing:
    return Outgoing(TOPIC, b"k", b"{ Vantongeren")


@pytest.fixture
def worked(reporting: Office) -> Office:
    """Two credits of which the board accepted one, one refusal, one event that came twice."""
    said = moodle(PRIYA)
    reporting.hear(said, moodle(OTIS), unreadable(), said)
    reporting.drive_to("accepted", "accepted")
    reporting.hear(moodle(LENA))
    return reporting


def test_what_flowed_is_what_the_ledger_and_pars_have(worked: Office, pars: SimulatedPars) -> None:
    with scraped(worked) as scrape:
        told = scrape()
    heard = Counter(worked.fates)
    counted: Counter[str] = Counter()
    for labels, count in told["moc_events_total"].items():
        counted[dict(labels)["fate"]] += int(count)
    assert counted == heard
    requests = Counter((row.action, row.outcome) for row in worked.rows(attempts))
    assert requests[("add", "done")] == len(pars.records) == 2
    assert told["moc_pars_requests_total"] == {
        labelled(profile="main", action=action, outcome=outcome): count
        for (action, outcome), count in requests.items()
    }
    asked = told["moc_pars_request_seconds_count"][labelled(profile="main", action="ask")]
    assert asked == sum(count for (action, _), count in requests.items() if action == "ask")
    moved = told["moc_credits_moved_total"]
    assert moved[labelled(profile="main", state="accepted")] == len(pars.accepted)


def test_what_stands_where_is_what_the_front_page_says(worked: Office) -> None:
    with scraped(worked) as scrape:
        told = scrape()
    shown = overview(worked.service.desk)
    assert {dict(k)["list"]: v for k, v in told["moc_work_items"].items()} == shown.lists
    due = {dict(k)["within_days"]: v for k, v in told["moc_due"].items()}
    assert due == {"7": shown.due_in_7_days, "30": shown.due_in_30_days}
    states = {dict(k)["state"]: v for k, v in told["moc_credits"].items() if v}
    assert states == Counter(worked.states())
    assert told["moc_letters_open"] == {labelled(stage="decode", reason="malformed_json"): 1}
    assert told["moc_ledger_up"] == {(): 1}
    assert told["moc_ledger_size_bytes"][()] > 100_000


def test_the_times_between_are_those_of_the_ledger(worked: Office) -> None:
    with scraped(worked) as scrape:
        told = scrape()
    main = labelled(profile="main")
    decided = [row for row in worked.credits if row.decided_at]
    sent = sum((row.submitted_at - row.created_at).total_seconds() for row in decided)
    waited = sum((row.decided_at - row.submitted_at).total_seconds() for row in decided)
    assert told["moc_credit_sending_seconds_count"][main] == 2
    assert told["moc_credit_sending_seconds_sum"][main] == pytest.approx(sent)
    assert told["moc_credit_deciding_seconds_count"][main] == 2
    assert told["moc_credit_deciding_seconds_sum"][main] == pytest.approx(waited)
    assert waited > 2 * 7200


def test_what_waits_grows_old_and_its_deadline_comes_nearer(office: Office) -> None:
    office.hear(moodle(PRIYA))
    with scraped(office) as scrape:
        before = scrape()
        office.clock.advance(10 * 86_400)
        after = scrape()
    ready, days = labelled(list="ready"), "moc_nearest_deadline_days"
    assert (before["moc_oldest_seconds"][ready], after["moc_oldest_seconds"][ready]) == (0, 864_000)
    report_by = office.credit.report_by
    assert before[days][()] == (report_by - office.clock.now().date()).days + 10
    assert after[days][()] == before[days][()] - 10


def test_events_that_nobody_heard_yet_wait_by_topic(office: Office) -> None:
    office.publisher.publish([moodle(PRIYA), moodle(OTIS), moodle(LENA)])
    office.intake.turn()
    office.publisher.publish([moodle(PRIYA, "102"), moodle(OTIS, "102")])
    with scraped(office) as scrape:
        assert scrape()["moc_bus_waiting_events"] == {labelled(topic=TOPIC): 3}
        office.clock.advance(15)
        office.hear()
        office.clock.advance(15)
        office.hear()
        assert scrape()["moc_bus_waiting_events"] == {labelled(topic=TOPIC): 0}


def test_pars_that_is_away_opens_the_line(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    pars.weather(down_seconds=3600)
    reporting.pass_time(900)
    with scraped(reporting) as scrape:
        told = scrape()
    main = labelled(profile="main")
    assert (told["moc_line_open"][main], told["moc_line_stopped"][main]) == (1, 0)
    assert told["moc_line_failures"][main] > 0
    assert told["moc_condition_ok"][labelled(condition="pars.main")] == 0


# ---------------------------------------------------------------- a ledger that is away, or hangs


def test_a_ledger_that_is_away_costs_only_its_own_figures(worked: Office) -> None:
    made = exposition_of(worked)

    def away() -> Any:
        raise LedgerUnavailable("the database is away")

    made.watch(away)
    with scraped(worked, made) as scrape:
        told = scrape()
    assert told["moc_ledger_up"] == {(): 0}
    assert told["moc_events_total"]
    whole = {name for name, one in BY_NAME.items() if one.of is Of.WHOLE}
    assert not whole & told.keys()


def test_a_ledger_that_hangs_holds_up_no_scrape_and_no_pump(
    worked: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lately, "PATIENCE_SECONDS", 0.05)
    made, free = exposition_of(worked), threading.Event()
    begun: list[int] = []

    def hangs() -> Any:
        begun.append(1)
        assert free.wait(30)
        return figures(worked.service.desk)

    made.watch(hangs)
    try:
        with scraped(worked, made) as scrape:
            assert scrape()["moc_ledger_up"] == {(): 0}
            assert scrape()["moc_ledger_up"] == {(): 0}
            assert len(begun) == 1, "no second reader while the first one hangs"
            assert worked.hear(moodle(PRIYA, "102")).total() == 1
            free.set()
            until(lambda: scrape()["moc_ledger_up"] == {(): 1}, 10, "the ledger to be read")
    finally:
        free.set()


def test_however_often_it_is_scraped_the_ledger_is_read_every_few_seconds(worked: Office) -> None:
    with scraped(worked) as scrape:
        before = scrape()["moc_completions"]
        worked.hear(moodle(PRIYA, "999"))
        assert scrape()["moc_completions"] == before
        worked.clock.advance(lately.KEPT_SECONDS)
        assert sum(scrape()["moc_completions"].values()) == sum(before.values()) + 1


# ---------------------------------------------------------------- starting


def test_started_is_what_has_worked_once_whatever_comes_later(office: Office) -> None:
    readiness = office.service.readiness
    with answering("127.0.0.1:0", readiness, 300, exposition_of(office)) as where:

        def startup() -> tuple[int, dict[str, Any]]:
            answer = httpx.get(f"http://{where}/startup", trust_env=False)
            return answer.status_code, answer.json()

        waits = {"ok": False, "waits_for": ["ledger", "mappings", "tables"]}
        assert startup() == (503, waits)
        office.service._expect()
        assert startup() == (503, {"ok": False, "waits_for": ["ledger"]})
        turn(office, "intake")
        assert startup() == (200, {"ok": True, "waits_for": []})
        readiness.bad("bus", "intake", "away")
        assert startup()[0] == 200
        assert httpx.get(f"http://{where}/ready", trust_env=False).status_code == 200


# ---------------------------------------------------------------- nobody's data


def test_every_metric_of_the_table_is_told_and_no_other(worked: Office) -> None:
    turn(worked, "intake", "tables")
    with scraped(worked) as scrape:
        told = scrape()
    stems = {name for name in told if not name.startswith(("process_", "python_"))}
    stems = {re.sub("_(bucket|count|sum)$", "", name) for name in stems}
    assert stems <= BY_NAME.keys()
    seldom = {"moc_backup_timestamp_seconds", "moc_webhook_waiting", "moc_webhook_failing_seconds"}
    # Told by who takes posts: below, and tests/integration/test_gateway.py.
    seldom |= {one for one in BY_NAME if one.startswith(("moc_post", "moc_spool_"))}
    seldom |= {"moc_sign_ins_refused_total", "moc_nearest_deadline_days"}
    seldom |= {one for one in BY_NAME if one.startswith("moc_list_")}  # where lists are compared
    assert BY_NAME.keys() - stems <= seldom


def test_nobodys_data_stands_in_an_answer(worked: Office) -> None:
    with answering("127.0.0.1:0", worked.service.readiness, 300, exposition_of(worked)) as where:
        for accept in ("", "application/openmetrics-text; version=1.0.0"):
            answer = httpx.get(f"http://{where}/metrics", headers={"Accept": accept})
            assert "moc_credits" in answer.text
            for one in EVERYONE:
                about = (one.given_name, one.family_name, one.board_id, str(one.number))
                assert [word for word in about if word in answer.text] == []
            assert "HF-UPDATE" not in answer.text
            assert "ccid:" not in answer.text
