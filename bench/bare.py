"""The bare limit: the same posts, rendered beforehand, by the same client, and nothing else.

Started by the bench: python -m bench.bare WORKERS RECORDS, with MOC_CONFIG set. It renders, says
"ready", posts when it is told to, and stays until its input ends.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from consumer.clock import SystemClock
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_
from consumer.pars.contract import Operation
from consumer.pars.document import created_at
from consumer.pars.heard import Heard
from consumer.pars.port import Action
from consumer.pars.webservice import WebService
from consumer.parts import Parts, gather, open_service_ledger
from consumer.settings import load_settings


def rendered(parts: Parts, ledger: Ledger, limit: int) -> Iterator[bytes]:
    """The documents that the service would send for what is ready."""
    created, profile = created_at(parts.clock.now()), parts.profiles["main"]
    domain = parts.settings.profiles["main"].domain
    with ledger.read() as db:
        for row in db.execute(select(credits_).limit(limit)):
            record = ledger.seal.open_record(row.record)
            credit_id = ledger.identity.credit_id(row.key, domain, row.revision)
            add = Action.ADD
            yield parts.documents.save(record, credit_id, add, created, profile.completed)


def post(service: WebService, documents: Iterator[bytes], go: threading.Event) -> None:
    """One client thread's share."""
    go.wait()
    for document in documents:
        heard = service.post(Operation.SAVE, "application/xml; charset=utf-8", document)
        if not isinstance(heard, Heard) or not heard.succeeded:
            sys.stderr.write(f"not taken: {heard}\n")
            os._exit(1)  # a thread alone cannot end the process


def main() -> None:
    """Render, say so, post, and wait to be measured."""
    workers, records = map(int, sys.argv[1:])
    parts = gather(load_settings(Path(os.environ["MOC_CONFIG"])), SystemClock())
    documents = iter([*rendered(parts, open_service_ledger(parts.settings), records)])
    go, profile = threading.Event(), parts.profiles["main"]
    services = [WebService(profile, "application/xml", parts.clock) for _ in range(workers)]
    threads = [threading.Thread(target=post, args=(one, documents, go)) for one in services]
    for thread in threads:
        thread.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    go.set()
    for thread in threads:
        thread.join()
    sys.stdin.read()


if __name__ == "__main__":
    main()
