"""One small CME office at work: its tables, ledger and bus, and the service's own pumps by hand.

Time is a FakeClock's, and stands still while a request is under way; PARS is the simulator, over
real HTTP, in the same time. So a week passes in milliseconds and nothing here sleeps.
"""

from __future__ import annotations

import csv
import functools
import shutil
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from sqlalchemy import Row, Table, select

from consumer.bus.embedded import EmbeddedListener, EmbeddedPublisher
from consumer.bus.port import Message, Outgoing
from consumer.credit import Identity, State
from consumer.desk.deadletters import LetterFilter, list_letters, replay_letter
from consumer.ledger.claims import Claims, Settlement
from consumer.ledger.ledger import Ledger, open_ledger, open_server
from consumer.ledger.schema import completions, credits_, events, letters, outbox
from consumer.ledger.seal import Seal
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.pars.simulator import STEM, Activity, Diplomate, Manners, Provider, Simulator, running
from consumer.pars.simulator.answer import Answer
from consumer.pars.xml import Documents
from consumer.parts import Parts, pars_profile, registry_of
from consumer.pumps.intake import IntakePump
from consumer.pumps.publishing import PublishingPump
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.sending import FOLLOWING, SUBMITTING, SendingPump
from consumer.resources import shipped
from consumer.service import Service
from consumer.settings import Settings, load_settings
from consumer.tables import load_tables
from consumer.tables.boards import load_boards
from consumer.telemetry.spans import FLUSH_SECONDS, tracing_of
from tests.fakes import FakeClock
from tests.integration.people import COURSES, EVERYONE, Physician
from tests.postgres.server import empty_database

DEAD_LETTERS, OUTCOMES = "moc.dead-letters", "moc.outcomes"
SECRET = b"a secret of the tests, and no other"
SEALING_KEY = b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NOBODY = "http://127.0.0.1:9"  # discards; nothing listens there
PASSWORD = "correct-horse"
_MOVING = {*SUBMITTING, *FOLLOWING}

_PROVIDERS = (
    ("main", "0009999", "Lakeside Academy"),
    ("north", "0008888", "Northgate Clinic"),
)

Rows = Sequence[Row[Any]]


@functools.cache
def catalogue() -> Catalogue:
    """The shipped mappings, loaded once."""
    return load_catalogue(shipped("mappings"), shipped("schemas"))


@functools.cache
def documents() -> Documents:
    """The shipped schemas of PARS, loaded once."""
    return Documents(shipped("schemas"))


@functools.cache
def _migrated() -> bytes:
    """An empty ledger's bytes: migrating one takes longer than many a test."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        open_ledger(path, Seal(SEALING_KEY), Identity(SECRET)).close()
        return path.read_bytes()


def _put_migrated(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_migrated())


class Office:
    """Everything of one office in one folder; what it does, it does through the service's pumps."""

    def __init__(self, folder: Path, clock: FakeClock, url: str = NOBODY, **settings: Any) -> None:
        self.folder, self.clock = folder, clock
        self._open, self.url, self._settings = ExitStack(), url, settings
        self.events: Catalogue | None = None
        self.trust: ssl.SSLContext | None = None
        self.tables = folder / "tables"
        self.tables.mkdir(exist_ok=True)
        self.put_learners(*(person.row() for person in EVERYONE))
        self.put_activities(*COURSES)
        self.database = self._settings.pop("database", "")
        self.ledger_path.parent.mkdir(exist_ok=True)
        if not self.database:
            _put_migrated(self.ledger_path)
        self.ledger = self.open_ledger()
        self.start()

    # ------------------------------------------------------------ the house

    def start(self, **settings: Any) -> None:
        """A new process on the same ledger and bus: nothing in memory is left of the old one."""
        self.stop()
        self.settings = self._load(self._settings | settings)
        self.tracing = tracing_of(self.settings.tracing)
        self._open.callback(self.tracing.close, FLUSH_SECONDS)
        parts = Parts(
            self.settings,
            self.clock,
            self.events or catalogue(),
            load_tables(
                self.tables, self.settings.profiles, load_boards(self.settings.boards_file)[0]
            ),
            {n: pars_profile(n, p, self.settings) for n, p in self.settings.web_profiles.items()},
            documents(),
            registry_of(self.settings, self.clock),
            self.tracing,
        )
        pars_for = functools.partial(parts.pars, tls=self.trust)
        service = self.service = Service(parts, self.ledger, pars_for=pars_for)
        service.stop.set()
        self._publisher: EmbeddedPublisher | None = None
        self.pool = self._open.enter_context(ThreadPoolExecutor(self.settings.sending.workers))
        for name in ("intake", "outbox"):
            # Told to stop before its first turn, a pump only gives up what it holds of the bus.
            self._open.callback(self.pump(name).run, service.stop)

    def open_ledger(self) -> Ledger:
        """Another handle on the ledger."""
        keys = (Seal(SEALING_KEY), Identity(SECRET))
        return (
            open_server(self.database, *keys)
            if self.database
            else open_ledger(self.ledger_path, *keys)
        )

    def lose_ledger(self, backup: Path | None = None) -> None:
        """The ledger's file is gone, or put back as it once was; then a new start."""
        self.stop()
        self.ledger.close()
        for file in self.ledger_path.parent.glob("ledger.db*"):
            file.unlink()
        if self.database:
            empty_database(self.database)
        if backup is not None:
            shutil.copy(backup, self.ledger_path)
        self.ledger = self.open_ledger()
        self.start()

    def lose_bus(self) -> None:
        """The log's file is gone; then a new start."""
        self.stop()
        for file in self.bus_path.parent.glob("bus.db*"):
            file.unlink()
        self.start()

    def stop(self) -> None:
        """The end of the process, however it came; the ledger's handle stays for the test."""
        self._open.close()

    def close(self) -> None:
        """The end of everything."""
        self.stop()
        self.ledger.close()

    def pump(self, name: str) -> Any:
        """One of the service's pumps."""
        return next(pump for pump in self.service.pumps if pump.name == name)

    @property
    def intake(self) -> IntakePump:
        """The pump that hears."""
        pump: IntakePump = self.pump("intake")
        return pump

    @property
    def rejudging(self) -> RejudgingPump:
        """The pump that watches the tables."""
        pump: RejudgingPump = self.pump("tables")
        return pump

    @property
    def publishing(self) -> PublishingPump:
        """The pump that publishes."""
        pump: PublishingPump = self.pump("outbox")
        return pump

    @property
    def sending(self) -> tuple[SendingPump, SendingPump]:
        """The pumps that submit and follow."""
        return self.pump("submit"), self.pump("follow")

    @property
    def claims(self) -> Claims:
        """Claims as the service makes them."""
        domains = {name: profile.domain for name, profile in self.settings.profiles.items()}
        seconds, traced = self.settings.sending.lease_seconds, self.tracing.on
        return Claims(self.ledger, domains, seconds, traced=traced)

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.folder / "data" / "ledger.db"

    @property
    def bus_path(self) -> Path:
        """The embedded log's file."""
        return self.folder / "data" / "bus.db"

    def _load(self, changed: dict[str, Any]) -> Settings:
        profile = {"transport": changed.pop("transport", "xml")} | changed.pop("profile", {})
        passwords = {"main": PASSWORD, "north": PASSWORD} | changed.pop("passwords", {})
        profile |= {name: changed.pop(name, False) for name in ("by_file", "ask_first")}
        urls = {"main": self.url, "north": self.url} | changed.pop("urls", {})
        quick = {"idle_seconds": 0.05, "workers": 4} | changed.pop("sending", {})
        return load_settings(
            None,
            data_dir=self.folder / "data",
            tables_dir=self.tables,
            profiles={
                name: self._profile(number, title, passwords[name], urls[name]) | profile
                for name, number, title in _PROVIDERS
            },
            intake={"poll_timeout_seconds": 0.001} | changed.pop("intake", {}),
            sending=quick,
            **changed,
        )

    def _profile(self, provider_id: str, name: str, password: str, url: str) -> dict[str, Any]:
        return {
            "provider_id": provider_id,
            "name": name,
            "domain": "lakeside.example",
            "url": url + STEM,
            "user": "reporter",
            "password": password,
            "requests_per_second": 50,
        }

    # ------------------------------------------------------------ the tables

    def put_learners(self, *rows: dict[str, str]) -> None:
        """Write learners.csv."""
        _write(self.tables / "learners.csv", rows)

    def put_activities(self, *rows: dict[str, str]) -> None:
        """Write activities.csv."""
        _write(self.tables / "activities.csv", rows)

    def look(self) -> Counter[str]:
        """One look at the tables; gives what was judged again."""
        return self.rejudging.turn()

    # ------------------------------------------------------------ the bus

    @property
    def publisher(self) -> EmbeddedPublisher:
        """An LMS's way to the bus."""
        if self._publisher is None:
            self._publisher = EmbeddedPublisher(self.bus_path)
            self._open.callback(self._publisher.close)
        return self._publisher

    def hear(self, *said: Outgoing) -> Counter[str]:
        """Publish these events and take them in; gives their fates."""
        if said:
            self.publisher.publish(said)
        before = Counter(self.intake.fates)
        while self.intake.turn():
            pass
        return self.intake.fates - before

    def publish(self) -> None:
        """Publish everything in the outbox."""
        while self.publishing.turn():
            pass

    def published(self, topic: str = DEAD_LETTERS) -> list[Message]:
        """Everything on a topic."""
        listener = EmbeddedListener(self.bus_path, [topic], "reader")
        try:
            heard = []
            while batch := listener.poll(1000, 0):
                heard += batch
            return heard
        finally:
            listener.close()

    # ------------------------------------------------------------ the ledger

    def rows(self, table: Table) -> Rows:
        """All rows of a table, oldest first."""
        with self.ledger.read() as db:
            return db.execute(select(table).order_by(*table.primary_key.columns)).all()

    @property
    def completions(self) -> Rows:
        """What was heard of an LMS account and a course."""
        return self.rows(completions)

    @property
    def credits(self) -> Rows:
        """What is reported."""
        return self.rows(credits_)

    @property
    def credit(self) -> Row[Any]:
        """The one credit there is."""
        (row,) = self.credits
        return row

    @property
    def letters(self) -> Rows:
        """Dead letters, whatever their status."""
        return self.rows(letters)

    @property
    def letter(self) -> dict[str, Any]:
        """The one letter that is open, as the desk shows it."""
        (row,) = self.open_letters()
        return row

    @property
    def fates(self) -> list[str]:
        """The fate of every event heard."""
        return [row.fate for row in self.rows(events)]

    @property
    def queued(self) -> Rows:
        """The outbox."""
        return self.rows(outbox)

    def states(self) -> list[str]:
        """The states of all credits, by their numbers."""
        return [row.state for row in self.credits]

    def board_ids(self, *states: str) -> list[str]:
        """The board IDs of the credits in these states."""
        rows = [row for row in self.credits if row.state in states]
        return [self.ledger.seal.open_record(row.record).board_id for row in rows]

    def open_letters(self, **wanted: Any) -> list[dict[str, Any]]:
        """What the desk lists."""
        return list_letters(self.ledger, LetterFilter(**wanted))

    def replay(self, letter_id: object = None, who: str = "mora") -> str:
        """A person sends a letter round again: the one that is open, unless told which."""
        chosen = letter_id or self.letter["letter_id"]
        house = self.service.premises.house
        return replay_letter(self.ledger, house, str(chosen), who, "corrected", self.clock)

    # ------------------------------------------------------------ PARS

    def drive(self, done: Callable[[], bool], days: float = 20) -> None:
        """Send and follow, letting time pass whenever nothing is under way, until `done`."""
        submit, follow = self.sending
        deadline = self.clock.monotonic() + days * 86_400
        patience = 5.0
        while not done():
            assert self.clock.monotonic() < deadline, f"not reached: {self.states()}"
            sent, followed = submit.turn(self.pool), follow.turn(self.pool)
            if sent or followed:
                patience = 5.0
            else:
                self.clock.advance(self._until_next(patience))
                patience = min(2 * patience, 3600.0)

    def _until_next(self, patience: float) -> float:
        """Seconds until a credit is due; `patience` when one is, but the line to PARS is shut."""
        now = self.clock.now()
        dues = [
            max(r.due_at, r.lease_until or r.due_at) for r in self.credits if r.state in _MOVING
        ]
        left = min(((due - now).total_seconds() for due in dues), default=3600.0)
        return left if left > 0 else patience

    def drive_to(self, *states: str) -> None:
        """Until the credits stand at these states, by their numbers."""
        self.drive(lambda: self.states() == list(states))

    def pass_time(self, seconds: float) -> None:
        """Send and follow for so long."""
        until = self.clock.monotonic() + seconds
        self.drive(lambda: self.clock.monotonic() >= until)

    def take_for_sent(self, state: State = State.SUBMITTED) -> None:
        """As if PARS had taken everything that is ready, and perhaps the board had decided."""
        now = self.clock.now()
        with self.ledger.begin() as db:
            claimed = [
                claim
                for profile in self.settings.profiles
                for claim in self.claims.claim(db, profile, [State.READY], 1000, now)
            ]
            due = {"submitted_at": now, "due_at": now}
            done = [Settlement(claim, state, due, posted=True) for claim in claimed]
            self.claims.settle(db, done, now)


class SimulatedPars:
    """The simulator as the tests see it: its books, and its weather."""

    def __init__(
        self, simulator: Simulator, url: str, requests: list[dict[str, str]] | None = None
    ) -> None:
        self.simulator, self.url = simulator, url
        self.requests = [] if requests is None else requests
        """The headers of each request, whatever came of it."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record ever stored."""
        found: list[dict[str, Any]] = self.simulator.books()["records"]
        return found

    @property
    def live(self) -> list[dict[str, Any]]:
        """Those that are not deleted."""
        return [record for record in self.records if record["state"] != "deleted"]

    @property
    def accepted(self) -> list[str]:
        """Board IDs of the records that the board has accepted."""
        return [r["board_id"] for r in self.records if r["state"] == "accepted"]

    @property
    def totals(self) -> dict[str, int]:
        """The books' sums; `doubled` is what must always be 0."""
        totals: dict[str, int] = self.simulator.books()["totals"]
        return totals

    def weather(self, *faults: dict[str, Any], down_seconds: float = 0) -> None:
        """The next requests go wrong in these ways, or PARS is down for some seconds."""
        down = [{"kind": "down", "seconds": down_seconds}] if down_seconds else []
        body = {"faults": [*faults, *down]}
        httpx.put(f"{self.url}/_faults", json=body, trust_env=False).raise_for_status()

    def left(self) -> list[dict[str, Any]]:
        """What of the bad weather is still to come."""
        faults: list[dict[str, Any]]
        faults = httpx.get(f"{self.url}/_faults", trust_env=False).json()["faults"]
        return faults

    def clear(self) -> None:
        """Good weather again."""
        httpx.delete(f"{self.url}/_faults", trust_env=False).raise_for_status()

    @contextmanager
    def choking_on(self, mark: str) -> Iterator[None]:
        """Answer 500 to every report that holds this text."""
        face = self.simulator._xml
        save = face.save

        def choke(caller: str, body: bytes) -> Answer:
            return face.error(500, "Fault", "") if mark.encode() in body else save(caller, body)

        face.save = choke  # type: ignore[method-assign]
        try:
            yield
        finally:
            face.save = save  # type: ignore[method-assign]

    @property
    def asked(self) -> int:
        """How often anybody looked an activity up."""
        count: int = self.simulator.registered()["totals"]["asked"]
        return count

    def put_activities(self, *activities: dict[str, Any]) -> None:
        """PARS's registrations change."""
        url = f"{self.url}/_activities"
        httpx.put(url, json=activities, trust_env=False).raise_for_status()

    def put_roster(self, *people: Diplomate) -> None:
        """The board corrects its roster."""
        names = ("board board_id given_name family_name month day year board_rejects").split()
        rows = [{name: getattr(one, name) for name in names} for one in people]
        httpx.put(f"{self.url}/_roster", json=rows, trust_env=False).raise_for_status()


class Stage:
    """One server for all tests: the simulator whose turn it is answers."""

    def __init__(self) -> None:
        self.simulator: Simulator | None = None
        self.requests: list[dict[str, str]] = []
        """The headers of what the simulator of now was asked."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        assert self.simulator is not None
        if scope["type"] == "http":
            self.requests.append({n.decode(): v.decode() for n, v in scope["headers"]})
        await self.simulator.app(scope, receive, send)


@contextmanager
def staged() -> Iterator[tuple[Stage, str]]:
    """A running server with an empty stage, and its address."""
    stage = Stage()
    with running(stage) as url:  # type: ignore[arg-type]  all it needs is an app
        yield stage, url


def simulated(
    clock: FakeClock,
    stage: Stage,
    url: str,
    people: Sequence[Physician] = EVERYONE,
    **manners: Any,
) -> SimulatedPars:
    """A new PARS on that stage; it knows these people and has empty books."""
    stage.simulator = Simulator(
        [Provider(number, "reporter", PASSWORD) for number in ("0009999", "0008888")],
        shipped("schemas"),
        clock,
        [person.diplomate() for person in people],
        list(_registered()),
        Manners(**{"board_delay_seconds": 7200.0} | manners),
    )
    stage.requests = []
    return SimulatedPars(stage.simulator, url, stage.requests)


def _registered() -> Iterator[Activity]:
    """What the office's table says is registered, is."""
    for row in COURSES:
        types = {name: Decimal(row["max_points"]) for name in row["credit_types"].split(";")}
        provider = "0008888" if row["profile"] == "north" else "0009999"
        year = (date(2025, 1, 1), date(2026, 12, 31))
        number = row["pars_activity_id"]
        yield Activity(number, provider, row["title"], *year, {"ABIM": types})


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draft.rename(path)
