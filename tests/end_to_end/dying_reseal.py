"""`moc-consumer ledger reseal`, killed in the middle: `dying_reseal.py CHANGES`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from consumer.cli import main
from consumer.ledger import resealing


def spoil(changes: int) -> None:
    """One row a transaction, and no more changes than these: the last one is not committed."""
    left, write = [changes], resealing._write

    def dying(db: Any, change: Any) -> int:
        done = write(db, change)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    resealing.AT_ONCE = 1
    resealing._write = dying


if __name__ == "__main__":
    spoil(int(sys.argv[1]))
    main(["ledger", "reseal"])
