"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """Processor, memory, versions; and how busy the machine is now, besides us."""
    return {
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024**2, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": load(),
    }


def load() -> float:
    """Processes that want to run, in the last minute."""
    return round(os.getloadavg()[0], 1)


def _first(file: str, name: str) -> str:
    for line in Path(file).read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "0"
