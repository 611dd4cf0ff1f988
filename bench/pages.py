"""How quickly the console's pages come among 100,000 credits: one line of JSON.

python -m bench.pages FOLDER [--times N]

The folder is one that `python -m bench.desk 120000 --keep FOLDER` made. The console is a process of
its own, asked over HTTP by one browser that an admin has signed in. Every page that is looked at is
asked for N times, all pages by turns; told are the median and the 95th percentile in milliseconds,
and the processor's time of the console's process. Exit code 1 when a median is above 200 ms.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from bench import machine
from bench.desk import opened
from bench.intake import PROFILE, people
from bench.window import cpu_seconds
from consumer.console.page import Page
from consumer.console.pages import PAGES
from consumer.console.role import Role
from consumer.console.users import Users
from consumer.desk.worklists import LISTS
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import completions, credits_, letters
from tests.integration.browser import NAMES, PASSWORD
from tests.kafka.broker import free_ports

LIMIT_MS = 200
START_SECONDS = 120
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
Look = Callable[[], httpx.Response]
_LINK = re.compile(r'href="(/[^"#]*)"')


@contextmanager
def console(folder: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """The console of that folder's office: its address, and its process's number."""
    port, file = free_ports(1)[0], folder / "pages.toml"
    own = {"data_dir": str(folder), "tables_dir": str(folder)} | settings
    lines = [f"{name} = {json.dumps(value)}" for name, value in own.items()]
    lines += ["[profiles.main]", *(f"{n} = {json.dumps(v)}" for n, v in PROFILE.items())]
    file.write_text("\n".join(lines), encoding="utf-8")
    Users(folder / "users.toml").put(NAMES[Role.ADMIN], Role.ADMIN, PASSWORD)
    command = [str(Path(sys.executable).with_name("moc-consumer")), "--config", str(file)]
    log = (folder / "console.log").open("wb")
    with log, subprocess.Popen([*command, "console", "--listen", f"127.0.0.1:{port}"],
                               stdout=log, stderr=log) as process:  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def signed_in(address: str) -> httpx.Client:
    """A browser in which an admin has signed in."""
    client = httpx.Client(base_url=address, trust_env=False, timeout=60)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            page = client.get("/sign-in")
            break
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    found = _TOKEN.search(page.text)
    fields = {"token": found[1] if found else "", "name": NAMES[Role.ADMIN], "password": PASSWORD}
    if client.post("/sign-in", data=fields).status_code != 303:
        raise SystemExit("nobody was let in")
    return client


# ------------------------------------------------------------ what is looked at


def searches() -> dict[str, str]:
    """What is typed into the search box, by what it is."""
    someone = next(islice(people(300), 250, None))
    return {
        "search: a family name": someone.family_name,
        "search: half a name": someone.family_name[:3],
        "search: a board ID": someone.board_id,
        "search: nobody": "nobody of that name",
    }


def addresses(client: httpx.Client) -> tuple[dict[str, str], list[str]]:
    """An address of every page, by name, as links lead there; and the pages without any."""
    lists = {f"/work/{name.replace('_', '-')}": "" for name in LISTS}
    found = {one: one for one in lists}
    found["/work/attention, one reason"] = "/work/attention?reason=activity_not_registered"
    known = _reached(client, [*lists, *found.values(), "/", "/people", "/tables"])
    left = []
    for page in (one for one in PAGES if one.method == "GET" and one.needs is not None):
        if page.path == "/work/{list}":
            continue
        fits = (path for path in known if _fits(page, path))
        if to := next(fits, ""):
            found[page.path] = to
        else:
            left.append(page.path)
    return found, left


def _reached(client: httpx.Client, begin: list[str]) -> list[str]:
    """Where links lead to, two pages deep: plain addresses."""
    seen = dict.fromkeys(begin)
    for path in begin:
        seen |= dict.fromkeys(_links(client, path))
    firsts = {path.split("/")[1] + path.split("/")[-1][:1]: path for path in seen}
    for path in firsts.values():
        seen |= dict.fromkeys(_links(client, path))
    return [path for path in seen if "?" not in path]


def _links(client: httpx.Client, path: str) -> list[str]:
    return [html.unescape(to) for to in _LINK.findall(client.get(path).text)]


def _fits(page: Page, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+(:\w+)?\}", "[^/]+", page.path), path))


# ------------------------------------------------------------ the measure


def asking(client: httpx.Client, places: dict[str, str]) -> dict[str, Look]:
    """How each page is asked for: by its address, or by the words of the search box."""
    found = _TOKEN.search(client.get("/").text)
    token = found[1] if found else ""
    looks: dict[str, Look] = {name: partial(client.get, path) for name, path in places.items()}
    for name, words in searches().items():
        looks[name] = partial(client.post, "/people", data={"token": token, "q": words})
    return looks


def measure(pid: int, looks: dict[str, Look], times: int) -> dict[str, Any]:
    """Milliseconds of each page: after a first one, by turns, so that the load falls on all."""
    took: dict[str, list[float]] = defaultdict(list)
    spent: dict[str, list[float]] = defaultdict(list)
    for turn in range(times + 1):
        for name, look in looks.items():
            processor, start = cpu_seconds(pid), time.perf_counter()
            answer = look()
            wall = time.perf_counter() - start
            if answer.status_code != 200:
                raise SystemExit(f"{name} answers {answer.status_code}")
            if turn:
                took[name].append(1000 * wall)
                spent[name].append(1000 * (cpu_seconds(pid) - processor))
    return {
        name: {
            "p50": round(statistics.median(took[name]), 1),
            "p95": round(statistics.quantiles(took[name], n=20)[-1], 1),
            "cpu": round(statistics.median(spent[name]), 1),
        }
        for name in looks
    }


def sizes(folder: Path) -> dict[str, int]:
    """How much there is."""
    ledger: Ledger = opened(folder)
    with ledger.read() as db:
        count = select(func.count())
        told = {
            "completions": db.scalar(count.select_from(completions)),
            "credits": db.scalar(count.select_from(credits_)),
            "open_letters": db.scalar(count.where(letters.c.status == Status.OPEN)),
        }
    ledger.close()
    with (folder / "learners.csv").open(encoding="utf-8") as file:
        told["learners"] = sum(1 for _ in file) - 1
    return {name: int(many or 0) for name, many in told.items()}


def main() -> int:
    """Tell what each page took."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=20)
    args = parser.parse_args()
    told: dict[str, Any] = {"measured": datetime.now(UTC).isoformat(timespec="seconds")}
    told |= {"machine": machine.facts(), **sizes(args.folder)}
    with ExitStack() as stack:
        address, pid = stack.enter_context(console(args.folder))
        client = stack.enter_context(closing(signed_in(address)))
        places, left = addresses(client)
        looks = asking(client, places)
        told |= {"pages_ms": measure(pid, looks, args.times), "not_reached": left}
    told["load_after"] = machine.load()
    told["above_limit"] = [n for n, ms in told["pages_ms"].items() if ms["p50"] > LIMIT_MS]
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if told["above_limit"] else 0


if __name__ == "__main__":
    sys.exit(main())
