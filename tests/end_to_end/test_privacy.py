"""A recognisable learner goes down every path: nothing that comes out says who (design 10)."""

from __future__ import annotations

import base64
import json
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consumer.bus.port import Message
from consumer.settings import SettingsProblems, load_settings
from consumer.tables import TableProblems, load_tables
from consumer.telemetry.spans import CREDIT, PARS, PROCESS, PUBLISH, RECEIVE
from tests.collector import Collector, collecting
from tests.end_to_end import learner
from tests.end_to_end.books import Pars, pars_of
from tests.end_to_end.conftest import kafka_settings
from tests.end_to_end.crashing import Moment
from tests.end_to_end.learner import BORN, EMAIL, FAMILY, GIVEN, SAYS, SECRET, TOKENS
from tests.end_to_end.loud import Loud
from tests.end_to_end.office import PASSWORD, Office, Running, merged, toml
from tests.end_to_end.patience import until
from tests.end_to_end.search import Search

SEARCH = Search(TOKENS | {"PARS password": [PASSWORD]})
PATIENCE_SECONDS = 45.0

HEADLESS = f"7001,{GIVEN},{FAMILY},{EMAIL},09/10/1971,{learner.BOARD_ID},{learner.NPI},yes\n"
HEAD = "learner,given_name,family_name,email,birth_date,board_id,npi,consent\n"
BROKEN_TABLES = {
    "no headings": (HEADLESS * 2).encode(),
    "another table's": (HEAD.replace("learner", FAMILY) + HEADLESS).encode(),
    "a cell too many": (HEAD + HEADLESS.replace("yes", f"yes,{SAYS}")).encode(),
    "not UTF-8": (HEAD + HEADLESS).encode("iso-8859-2"),
    "a quote left open": (HEAD + HEADLESS.replace(GIVEN, f'"{GIVEN}')).encode(),
    "text after a quote": (HEAD + HEADLESS.replace(GIVEN, f'"{GIVEN}"{GIVEN}')).encode(),
    "twice": (HEAD + HEADLESS * 2).encode(),
    "an unknown board": (HEAD + HEADLESS).replace("npi", "board").encode(),
    "nobody": (HEAD + HEADLESS.replace("7001", "")).encode(),
}
SETTINGS = {
    "unknown key": {"remark": SAYS, "sending": {"note": SECRET}},
    "wrong values": {
        "bus": SAYS,
        "stop_seconds": EMAIL,
        "sending": {"workers": FAMILY},
        "intake": {"topics": SAYS},
        "profiles": {"main": {"password": 5, "user": "", "provider_id": PASSWORD}},
    },
    "a URL with a password": {"profiles": {"main": {"url": f"https://u:{PASSWORD}@pars.example/"}}},
}

# The reasons and outcomes by which one can tell that a path was really gone down.
REASONS = set(
    """
    duplicate_key nested_too_deeply
    malformed_json invalid_utf8 not_an_object nul_character oversized unknown_event null_value
    undecodable_key repeated_header undecodable_header schema_mismatch value_missing
    date_not_understood
    npi_check_digit unwritable_character board_id_form birth_date_form
    identity_mismatch duplicate_not_ours refused_by_pars
    retracted_after_sending internal
    """.split()
)
BOARD = {"board_rejected", "board_identity"}
HELD = {"no_consent", "no_birth_year", "no_board_id", "activity_not_found", "learner_not_found"}
OUTCOMES = {"cut", "credentials", "pars_unavailable", "answer_not_understood", "found_unknown"}


@dataclass
class CameOut:
    """Everything that came out of one installation that had this learner in it."""

    office: Office
    loud: Loud
    pars: Pars
    reasons: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    dead_letters: list[Message] = field(default_factory=list)
    outcomes: list[Message] = field(default_factory=list)
    collector: Collector = field(default_factory=Collector)


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def came_out(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, python_cache: Path
) -> Iterator[CameOut]:
    settings: dict[str, Any] = {"bus": "embedded"}
    if request.param == "kafka":
        settings = kafka_settings(request.getfixturevalue("kafka_bootstrap"))
    quiet = {"log": {"level": "debug"}, "intake": {"payload_limit_bytes": 65_536}}
    loud = Loud(learner.SAVES, learner.ASKED)
    around = pars_of(learner.roster(), learner.activities(), loud.around)
    with around as pars, collecting() as collector:
        folder = tmp_path_factory.mktemp("privacy") / "office"
        traced = {"tracing": {"endpoint": collector.url}}
        office = Office(folder, python_cache, pars.url, **merged(merged(settings, quiet), traced))
        found = CameOut(office, loud, pars, collector=collector)
        drive(found)
        yield found


# ------------------------------------------------------------------ the learner's way


def drive(found: CameOut) -> None:
    """Down every path, with everything going wrong that can."""
    office = found.office
    learner.write(office.tables / "activities.csv", list(learner.courses()))
    learner.write(office.tables / "learners.csv", learner.rows())
    heard = choke(office)
    office.publish(learner.events())
    heard += len(learner.events())
    with office.crashing(Moment.SHELL_RAISES) as service:
        assert service.code(PATIENCE_SECONDS) == 1, service.said
    with office.service() as service:
        until(lambda: office.at_rest(heard), PATIENCE_SECONDS, "everything heard and sent")
        found.files |= ledger_files(office)
        found.reasons |= reasons(office)
        if office.settings.bus == "embedded":  # neither of these knows a bus
            spoil_tables(office, service)
            look_around(office)
        last = [*learner.retraction(), learner.unreadable()]
        office.publish(last)
        heard += len(last)
        until(lambda: office.at_rest(heard), PATIENCE_SECONDS, "the last ones heard")
        mend(office, service)
        replay(office)
        until(lambda: office.at_rest(heard), PATIENCE_SECONDS, "replays sent")
        service.stop()
    found.reasons |= reasons(office)
    found.dead_letters = office.heard(office.settings.outbox.dead_letters_topic)
    found.outcomes = office.heard(office.settings.outbox.outcomes_topic)


def choke(office: Office) -> int:
    events = learner.choking()
    office.publish(events)
    with office.crashing(Moment.CORE_RAISES) as service:
        until(lambda: office.at_rest(len(events)), PATIENCE_SECONDS, "the first event heard")
        service.stop()
    return len(events)


def spoil_tables(office: Office, service: Running) -> None:
    """Somebody saves nonsense; the old tables stay in force."""
    table = office.tables / "learners.csv"
    whole = table.read_bytes()
    for spoilt in BROKEN_TABLES.values():
        before = service.said.count("tables.refused")
        table.write_bytes(spoilt)
        until(lambda: service.said.count("tables.refused") > before, 10, "tables refused")  # noqa: B023
    assert office.run("check").code == 2
    table.write_bytes(whole)


def mend(office: Office, service: Running) -> None:
    before = service.said.count("tables.reloaded")
    right = {"birth_date": BORN, "consent": "yes"}
    learner.write(office.tables / "learners.csv", learner.rows(_7008=right, _7002=right))
    until(lambda: service.said.count("tables.reloaded") > before, 10, "tables reloaded")


def look_around(office: Office) -> None:
    """What people look at, and what they get to see when they mistype."""
    letters = office.run("deadletter", "list", "--limit", "1000").rows
    one_of_each = {letter["stage"]: letter["letter_id"] for letter in letters}
    credits_ = office.run("credit", "list", "--learner", FAMILY).rows
    assert credits_
    commands = [
        *(("deadletter", "show", letter_id) for letter_id in one_of_each.values()),
        *(("credit", "show", credits_[0]["id"]), ("credit", "list", "--learner", EMAIL)),
        *(("check",), ("mapping", "lint")),
    ]
    assert [done.code for done in office.run_all(commands)] == [0] * len(commands)
    wrong = [write_settings(office, *one) for one in SETTINGS.items()]
    told = office.run_all([("--config", str(path), "check") for path in wrong])
    assert [done.code for done in told] == [2] * len(wrong)


def write_settings(office: Office, name: str, values: dict[str, Any]) -> Path:
    """Wrong settings beside the right ones: their own place, as the tables are the learner's."""
    path = office.tables / f"{name}.toml"
    path.write_text(toml(merged(office.values, values)), encoding="utf-8")
    return path


def replay(office: Office) -> None:
    """The rejected are corrected, what the LMS took back is withdrawn, the rest fails again."""
    done = office.run("deadletter", "replay", "--all", "--yes", "--why", f"{SAYS} has called")
    assert done.code == 0, done.err


def reasons(office: Office) -> set[str]:
    """Every reason code of dead letters and completions, every outcome of an attempt."""
    packed = office.ledger("SELECT reasons FROM letters UNION ALL SELECT reasons FROM completions")
    codes = {reason["code"] for (text,) in packed for reason in json.loads(text)}
    return codes | {outcome for (outcome,) in office.ledger("SELECT outcome FROM attempts")}


def ledger_files(office: Office) -> dict[str, bytes]:
    """The ledger as it lies on the disk while the service runs: its file, -wal and -shm."""
    path = office.settings.ledger_path
    files = {f"running {one.name}": one.read_bytes() for one in path.parent.glob(path.name + "*")}
    assert len(files) == 3
    return files


# ------------------------------------------------------------------ what came out


def test_every_path_was_gone_down(came_out: CameOut) -> None:
    assert came_out.reasons >= REASONS | HELD | OUTCOMES
    assert came_out.reasons & BOARD
    states = {state for (state,) in came_out.office.ledger("SELECT state FROM credits")}
    assert states >= {"accepted", "rejected", "withdrawn"}
    completions = {state for (state,) in came_out.office.ledger("SELECT state FROM completions")}
    assert completions >= {"held", "not_reportable", "refused", "credited"}
    assert came_out.office.count("credits WHERE revision > 1") > 0


def test_the_learner_stands_where_they_must(came_out: CameOut) -> None:
    """Or else this searches for somebody who was never there."""
    told = SEARCH.find(b"".join(message.value or b"" for message in came_out.dead_letters))
    kept = {"given name", "display name", "e-mail", "webhook secret"}
    assert {what.partition(",")[0] for what in told} >= kept
    told = SEARCH.find(b"".join(came_out.loud.bodies))
    sent = {"given name", "family name", "birth date", "board ID", "NPI"}
    assert {what.partition(",")[0] for what in told} >= sent


def test_no_process_says_who(came_out: CameOut) -> None:
    said = {path.name: path.read_bytes() for path in came_out.office.said}
    assert b"pump.failed" in b"".join(said.values())
    assert leaks(said) == {}


def test_no_key_or_header_of_a_topic_says_who(came_out: CameOut) -> None:
    messages = [*came_out.dead_letters, *came_out.outcomes]
    assert len(came_out.dead_letters) > 20
    assert len(came_out.outcomes) > 15
    outside = {
        f"{m.topic} {m.offset}": b"\n".join(
            [m.key or b"", *(b"%b: %b" % (n.encode(), v) for n, v in m.headers)]
        )
        for m in messages
    }
    assert leaks(outside) == {}


def test_no_outcome_says_who(came_out: CameOut) -> None:
    assert leaks({f"outcome {m.offset}": m.value or b"" for m in came_out.outcomes}) == {}


def test_no_span_says_who(came_out: CameOut) -> None:
    """All that the service's own exporter sent to a collector, byte by byte, headers included."""
    collector = came_out.collector
    names = Counter(span.name for span in collector.spans)
    assert {*names} == {RECEIVE, PROCESS, CREDIT, PARS, PUBLISH}
    # What was heard by the process that fell over between ledger and bus is told by nobody: most
    # of it or little, as the batch was. The last ones are told.
    fates = {span.said["moc.fate"] for span in collector.spans if span.name == PROCESS}
    states = {span.said["moc.state"] for span in collector.spans if span.name == CREDIT}
    assert fates >= {"refused", "review"}
    assert states >= {"accepted", "rejected"}
    sent = {f"spans {n}": body for n, body in enumerate(collector.bodies)}
    sent |= {f"headers {n}": repr(one).encode() for n, one in enumerate(collector.headers)}
    assert leaks(sent) == {}


def test_no_byte_of_the_ledger_says_who(came_out: CameOut) -> None:
    path = came_out.office.settings.ledger_path
    after = {f"stopped {one.name}": one.read_bytes() for one in path.parent.glob(path.name + "*")}
    assert len(b"".join(came_out.files.values())) > 100_000
    assert leaks(came_out.files | after) == {}


def test_no_other_file_and_no_file_name_says_who(came_out: CameOut) -> None:
    """The tables, the settings and the embedded log are the learner's own places."""
    folder, settings = came_out.office.folder, came_out.office.settings
    own = (came_out.office.tables, came_out.office.config)
    files = [
        path for path in folder.rglob("*") if path.is_file() and not {path, path.parent} & {*own}
    ]
    others = [path for path in files if not path.name.startswith(settings.bus_path.name)]
    assert leaks({str(path.relative_to(folder)): path.read_bytes() for path in others}) == {}
    names = "\n".join(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert leaks({"file names": names.encode()}) == {}


def test_no_credit_id_and_no_request_line_says_who(came_out: CameOut) -> None:
    # The password belongs into a header of each request, and nowhere else.
    lines = b"\n".join(came_out.loud.lines).replace(f"password: {PASSWORD}".encode(), b"")
    ids = "\n".join(record["credit_id"] for record in came_out.pars.records)
    assert ids.count("ccid:") > 10
    assert leaks({"request lines": lines, "CreditIDs": ids.encode()}) == {}


@pytest.mark.parametrize("spoilt", BROKEN_TABLES)
def test_no_exception_about_a_table_says_who(tmp_path: Path, spoilt: str) -> None:
    learner.write(tmp_path / "activities.csv", list(learner.courses()))
    (tmp_path / "learners.csv").write_bytes(BROKEN_TABLES[spoilt])
    told = traced(lambda: load_tables(tmp_path, {"main"}), TableProblems)
    assert leaks({spoilt: told}) == {}


@pytest.mark.parametrize("wrong", ["unknown key", "wrong values"])
def test_no_exception_about_settings_says_who(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(toml(SETTINGS[wrong]), encoding="utf-8")
    assert leaks({wrong: traced(lambda: load_settings(path), SettingsProblems)}) == {}


def leaks(places: dict[str, bytes]) -> dict[str, set[str]]:
    """What of the learner stands where."""
    return {place: found for place, data in places.items() if (found := SEARCH.find(data))}


def traced(raises: Callable[[], object], kind: type[Exception]) -> bytes:
    """An exception as the worst handler would print it, with all it came from."""
    with pytest.raises(kind) as raised:
        raises()
    error: BaseException = raised.value
    problems = getattr(error, "problems", ())
    return "".join([*traceback.format_exception(error), *map(str, problems)]).encode()


# ------------------------------------------------------------------ the search itself

FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "base64": lambda text: base64.b64encode(f"to {text}: ".encode()),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "JSON": lambda text: json.dumps(text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", TOKENS)
def test_the_search_finds_what_is_planted_in_a_log_line(what: str, form: str) -> None:
    token = TOKENS[what][0]
    line = b'{"event": "credit.sent", "level": "info", "note": "' + FORMS[form](token) + b'"}\n'
    assert SEARCH.find(b'{"event": "pump.started"}\n' + line)


@pytest.mark.parametrize("date", TOKENS["birth date"])
def test_the_search_finds_a_birth_date_in_any_form(date: str) -> None:
    assert SEARCH.find(f"born={date} ".encode())


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-22T10:10:03.739184Z",
        "2026-09-10T09:10:00Z",
        "dl-3f739184aa0910bbcc12dd34",
        "gAAAAABk0910xyz739",
    ],
)
def test_the_search_is_not_taken_in_by_chance(harmless: str) -> None:
    assert SEARCH.find(f'"at": "{harmless}"'.encode()) == set()
