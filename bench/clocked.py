"""What `moc-consumer run` runs, with a CPU clock around each stage; started by the bench.

python -m bench.clocked PUMP, with MOC_CONFIG set. Runs until SIGTERM; the last line that it writes
says the seconds by stage.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from bench.clocks import Clocks
from consumer.bus.embedded import EmbeddedListener
from consumer.bus.kafka import KafkaListener
from consumer.clock import SystemClock
from consumer.dispatch import Dispatcher
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.claims import Claims
from consumer.ledger.seal import Seal
from consumer.pars.answer import Answers
from consumer.pars.webservice import WebService
from consumer.pars.xml import Documents
from consumer.parts import gather, open_service_ledger
from consumer.pumps import intake, sending
from consumer.service import Service
from consumer.settings import load_settings
from consumer.telemetry.log import configure_logging

STAGES = (
    (intake, "hear", "decode_map_judge"),
    (Bookkeeper, "take_all", "keep_books"),
    (EmbeddedListener, "poll", "bus"),
    (EmbeddedListener, "commit", "bus"),
    (KafkaListener, "poll", "bus"),
    (KafkaListener, "commit", "bus"),
    (Claims, "claim", "claim"),
    (Claims, "any_due", "claim"),
    (Claims, "settle", "settle"),
    (Seal, "seal", "seal"),
    (Seal, "open", "open"),
    (Documents, "save", "render"),
    (WebService, "post", "post"),
    (Answers, "to_save", "read_answer"),
    (Dispatcher, "carry", "decide"),
    (sending, "tell_settled", "log"),
)
"""The functions of each stage, from the outer to the inner ones."""


def main() -> None:
    """Run one pump."""
    settings = load_settings(Path(os.environ["MOC_CONFIG"]))
    settings = settings.model_copy(update={"pumps": sys.argv[1:]})
    configure_logging(settings.log.level, as_json=True)
    clocks = Clocks()
    for owner, name, stage in STAGES:
        clocks.around(owner, name, stage)
    ledger = open_service_ledger(settings)
    service = Service(gather(settings, SystemClock()), ledger)
    clocks.around_sql(ledger)
    signal.signal(signal.SIGTERM, lambda *_: service.stop.set())
    clocks.start()
    ended = service.run()
    sys.stdout.write(json.dumps(clocks.spent()) + "\n")
    sys.stdout.flush()
    os._exit(0 if ended else 1)


if __name__ == "__main__":
    main()
