"""`ready`: does all of the service that runs here work, and if not, what does not?"""

from __future__ import annotations

import sys
from typing import Any

import click
import httpx

from consumer.cli.context import settings_of
from consumer.cli.output import FAILED, fail, show_rows
from consumer.settings import Settings
from consumer.telemetry.health import LIVE, READY

_PATIENCE_SECONDS = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  asked, not listened on
_COLUMNS = ("name", "state", "since", "cause")
_PUMP_COLUMNS = ("name", "state", "seconds")


@click.command()
@click.option(
    "--live",
    is_flag=True,
    help="Only whether its pumps turn, which a restart can mend: for a container's health check.",
)
@click.pass_context
def ready(context: click.Context, live: bool) -> None:
    """Ask the running service what works and what does not, and since when.

    It must answer somewhere: `listen` in the section [health]. Exit code 0 when all is well, 1 when
    something fails, PARS or Kafka too, or nobody answers.
    """
    path, kind = (LIVE, "pumps") if live else (READY, "conditions")
    told = _asked(settings_of(context), path, kind)
    rows = [one | {"state": "ok" if one["ok"] else "FAILS"} for one in told[kind]]
    columns = _PUMP_COLUMNS if live else _COLUMNS
    show_rows([{name: row[name] for name in columns} for row in rows], columns, "nothing runs")
    sys.exit(0 if told["ok"] and all(row["ok"] for row in rows) else FAILED)


def _asked(settings: Settings, path: str, kind: str) -> dict[str, Any]:
    if not (listen := settings.health.listen):
        fail(['health.listen is blank: give the service an address, such as "127.0.0.1:8791"'])
    host, _, port = listen.rpartition(":")
    url = f"http://{_EVERYWHERE.get(host, host)}:{port}{path}"
    try:
        answer = httpx.get(url, timeout=_PATIENCE_SECONDS, trust_env=False)
        told = answer.json()
    except (httpx.HTTPError, ValueError):
        fail([f"nobody answers at {url}: is the service running, with this setting?"], FAILED)
    if not (isinstance(told, dict) and {"ok", kind} <= told.keys()):
        fail([f"who answers at {url} is not this service"], FAILED)
    return told
