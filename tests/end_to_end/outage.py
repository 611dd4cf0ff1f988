"""What tests of outages need: a disk that can be filled, and what the service says of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.office import Office
from tests.kafka.broker import free_ports

NOBODY = "nobody answers"


class NoDisk(Exception):
    """This process may not mount a file system."""


class Disk:
    """A real file system of a few megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte on it."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass

    def free(self) -> None:
        """Room again."""
        self._ballast.unlink()


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A disk mounted at `folder`. Raises NoDisk."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoDisk("only root can mount one") from error
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def answering_somewhere() -> dict[str, Any]:
    """Settings of a service that says how it is."""
    return {"health": {"listen": f"127.0.0.1:{free_ports(1)[0]}"}}


def failing(office: Office) -> dict[str, str]:
    """What of the running service does not work, and why."""
    told = asked(office, "ready")
    if told is None:
        return {NOBODY: ""}
    return {one["name"]: one["cause"] for one in told["conditions"] if not one["ok"]}


def asked(office: Office, what: str) -> dict[str, Any] | None:
    """What it answers; None while nobody does."""
    url = f"http://{office.settings.health.listen}/{what}"
    try:
        answer = httpx.get(url, trust_env=False, timeout=5)
    except httpx.TransportError:
        return None
    told: dict[str, Any] = answer.json()
    assert answer.status_code == (200 if told["ok"] else 503)
    return told
