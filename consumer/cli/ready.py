"""`ready`: can the service that runs here do its work, and if not, why not?"""

from __future__ import annotations

import sys
from typing import Any

import click
import httpx

from consumer.cli.context import settings_of
from consumer.cli.output import FAILED, fail, show_rows
from consumer.settings import Settings
from consumer.telemetry.health import READY

_PATIENCE_SECONDS = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  asked, not listened on
_COLUMNS = ("name", "state", "since", "cause")


@click.command()
@click.pass_context
def ready(context: click.Context) -> None:
    """Ask the running service what works and what does not, and since when.

    It must answer somewhere: `listen` in the section [health]. Exit code 0 when it is ready, 1 when
    it is not, or does not answer.
    """
    told = _asked(settings_of(context))
    rows = [one | {"state": "ok" if one["ok"] else "FAILS"} for one in told["conditions"]]
    show_rows([{name: row[name] for name in _COLUMNS} for row in rows], _COLUMNS, "nothing runs")
    sys.exit(0 if told["ok"] else FAILED)


def _asked(settings: Settings) -> dict[str, Any]:
    if not (listen := settings.health.listen):
        fail(['health.listen is blank: give the service an address, such as "127.0.0.1:8791"'])
    host, _, port = listen.rpartition(":")
    url = f"http://{_EVERYWHERE.get(host, host)}:{port}{READY}"
    try:
        answer = httpx.get(url, timeout=_PATIENCE_SECONDS, trust_env=False)
        told = answer.json()
    except (httpx.HTTPError, ValueError):
        fail([f"nobody answers at {url}: is the service running, with this setting?"], FAILED)
    if not (isinstance(told, dict) and {"ok", "conditions"} <= told.keys()):
        fail([f"who answers at {url} is not this service"], FAILED)
    return told
