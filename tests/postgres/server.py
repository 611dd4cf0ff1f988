"""A PostgreSQL server of the tests' own, on loopback, from the machine's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.kafka.broker import free_ports

START_SECONDS = 60
_DEBIAN = Path("/usr/lib/postgresql")
_NOBODY = "nobody"
_OPTIONS = "-c max_connections=200 -c shared_buffers=32MB"
# A killed process loses nothing that the system has: only a power cut would need fsync.
_NOT_DURABLE = "-c fsync=off -c full_page_writes=off"


class NoPostgres(Exception):
    """PostgreSQL's programs are not on this machine."""


class PostgresServer:
    """One cluster in a folder of its own; it survives `stop` and `start` with all that it held."""

    def __init__(self, *, durable: bool = False, port: int | None = None) -> None:
        """Make the cluster; a durable one waits for the disk. Raises NoPostgres."""
        self._programs = programs()
        self._options = _OPTIONS if durable else f"{_OPTIONS} {_NOT_DURABLE}"
        self.folder = Path(tempfile.mkdtemp(prefix="moc-postgres-"))
        self.port = port or free_ports(1)[0]
        if _is_root():  # the server refuses to run as root
            shutil.chown(self.folder, _NOBODY)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "moc", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def start(self) -> None:
        """Come up, or come back."""
        where = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        log = str(self.folder / "log")
        options = ("-t", str(START_SECONDS), "-l", log, "-o", f"{where} {self._options}")
        self._control("start", "-w", *options)

    def stop(self) -> None:
        """Go down at once, with every connection; what was committed stays."""
        with suppress(subprocess.CalledProcessError):
            self._control("stop", "-m", "immediate", "-w")

    def remove(self) -> None:
        """Go down, and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, template: str = "template0") -> str:
        """The address of a new database, empty or a copy of another."""
        name = f"moc_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.address(name)

    def drop(self, address: str) -> None:
        """Give back a database's room, whoever is connected to it still."""
        name = address.rpartition("/")[2]
        with psycopg.connect(self.address("postgres"), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def address(self, database: str) -> str:
        """Where a database of this server is."""
        return f"postgresql://moc@127.0.0.1:{self.port}/{database}"

    def _control(self, *args: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), *args)

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._programs / program, *args],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            user=_NOBODY if _is_root() else None,
        )


@contextmanager
def server_with(name: str, *, port: int | None = None) -> Iterator[PostgresServer]:
    """A server with one empty database of this name, gone with the block. Raises NoPostgres."""
    server = PostgresServer(port=port)
    try:
        with psycopg.connect(server.address("postgres"), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        yield server
    finally:
        server.remove()


def empty_database(address: str) -> None:
    """Leave nothing in it, as after the loss of the server's disk."""
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def programs() -> Path:
    """The folder of `initdb` and `pg_ctl`. Raises NoPostgres."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent  # pg_dump and psql lie beside the real one
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not versions:
        raise NoPostgres("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    return versions[-1].parent


def _is_root() -> bool:
    return os.geteuid() == 0
