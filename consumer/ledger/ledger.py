"""The ledger as a whole: opening, transactions, positions, facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import ProgrammingError

from consumer.bus.port import Partition
from consumer.credit import Identity
from consumer.ledger import chain
from consumer.ledger.catching_up import fill_in, fill_in_contents
from consumer.ledger.database import (
    alone_at,
    refused,
    server_engine,
    sqlite_engine,
    still_there,
    telling_faults,
    upsert,
)
from consumer.ledger.facts import get_fact as get_fact
from consumer.ledger.facts import set_fact as set_fact
from consumer.ledger.keyring import WrongSecret as WrongSecret
from consumer.ledger.keyring import check_keys, check_may_seal
from consumer.ledger.lock import LedgerRefused as LedgerRefused
from consumer.ledger.lock import LedgerUnavailable as LedgerUnavailable
from consumer.ledger.lock import alone_beside, in_use, no_place
from consumer.ledger.migrations import NewerSchema, migrate
from consumer.ledger.schema import positions
from consumer.ledger.seal import Seal


@dataclass(frozen=True, slots=True)
class Ledger:
    """One ledger and what opens its sealed columns; safe to share between threads."""

    engine: Engine
    seal: Seal
    identity: Identity
    hold: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One writing transaction: all of it or nothing.

        Raises as `telling_faults` does, and WrongSecret where the key that seals was dropped since.
        """
        with (
            telling_faults(),
            self.engine.begin() as connection,
            chain.ending_once(connection, self.identity),
        ):
            check_may_seal(connection, self.seal)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, for reading only. Raises as `telling_faults` does."""
        with telling_faults(), self.engine.connect() as opened:
            yield opened.execution_options(moc_read_only=True)

    @contextmanager
    def rehearse(self) -> Iterator[Connection]:
        """A writing transaction of which nothing stays, to see what it would lead to.

        Others who write wait meanwhile. Raises as `telling_faults` does.
        """
        with telling_faults(), self.engine.connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def alone(self, work: int) -> Iterator[Callable[[], bool]]:
        """Asks whether it is still so that no other process does this work.

        The work goes over to another when this process ends; on a server, when it is frozen too.
        Raises LedgerUnavailable.
        """
        if self.engine.dialect.name == "sqlite":
            with alone_beside(Path(str(self.engine.url.database)), work) as ours:
                yield lambda: ours
            return
        with self.read() as connection:
            ours = alone_at(connection, work)
            yield lambda: ours and still_there(connection)

    def remembered(self, strands: Collection[Partition]) -> Mapping[Partition, int]:
        """The next offset to hear of each partition, 0 for one never heard of."""
        with self.read() as connection:
            known = {
                Partition(row.topic, row.partition): row.next_offset
                for row in connection.execute(select(positions))
            }
        return {strand: known.get(strand, 0) for strand in strands}

    def close(self) -> None:
        """Close every connection, and let others put the ledger back from a backup."""
        self.engine.dispose()
        self.hold.close()


def open_ledger(path: Path, seal: Seal, identity: Identity) -> Ledger:
    """The SQLite ledger at `path`, made or migrated as needed.

    Raises LedgerUnavailable, also while a backup is put in its place, LedgerRefused where waiting
    does not help, WrongSecret.
    """
    with ExitStack() as hold:
        hold.enter_context(in_use(path))
        ledger = prepare(path, seal, identity)
        return replace(ledger, hold=hold.pop_all())


def open_server(url: str, seal: Seal, identity: Identity) -> Ledger:
    """The PostgreSQL ledger at `url`, its tables made or migrated as needed.

    Raises LedgerUnavailable, LedgerRefused where waiting does not help, WrongSecret.
    """
    return _prepared(server_engine(url), seal, identity)


def prepare(path: Path, seal: Seal, identity: Identity) -> Ledger:
    """As `open_ledger` does, for a file that no other process knows of yet."""
    _make_private(path)
    return _prepared(sqlite_engine(path), seal, identity)


def _prepared(engine: Engine, seal: Seal, identity: Identity) -> Ledger:
    with ExitStack() as unless_good:
        unless_good.callback(engine.dispose)
        _migrate(engine)
        unless_good.pop_all()
    ledger = Ledger(engine, seal, identity)
    _check_secret(ledger)
    _catch_up(ledger)
    return ledger


def _migrate(engine: Engine) -> None:
    try:
        with telling_faults():
            migrate(engine)
    except NewerSchema as error:
        raise LedgerRefused(str(error)) from None
    except ProgrammingError as error:  # such as a role that may not make tables
        raise refused(error) from None


def _make_private(path: Path) -> None:
    """Before SQLite opens it: the files it keeps beside it take over the mode of this one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise no_place(error, path) from None


def _check_secret(ledger: Ledger) -> None:
    ours = ledger.identity.fingerprint()
    with ledger.begin() as connection:
        known = get_fact(connection, "fingerprint")
        if known is None:
            set_fact(connection, "fingerprint", ours)
        elif known != ours:
            raise WrongSecret("the secret is not the one this ledger was made with")
        check_keys(connection, ledger.seal)


def _catch_up(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        if get_fact(connection, "series_filled_in") is None:
            fill_in(connection, ledger.seal, ledger.identity)
            set_fact(connection, "series_filled_in", "yes")
        if get_fact(connection, "letters_filled_in") is None:
            fill_in_contents(connection, ledger.seal, ledger.identity)
            set_fact(connection, "letters_filled_in", "yes")
        chain.begin(connection, ledger.identity)


def set_positions(connection: Connection, next_offsets: Mapping[Partition, int]) -> None:
    """Remember the next message to hear, in the transaction of what was heard before it."""
    for strand, offset in next_offsets.items():
        statement = upsert(connection, positions).values(
            topic=strand.topic, partition=strand.number, next_offset=offset
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["topic", "partition"], set_={"next_offset": offset}
            )
        )
