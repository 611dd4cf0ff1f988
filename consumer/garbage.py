"""Python's search for garbage, as a long-running service that makes many small rows wants it."""

from __future__ import annotations

import gc

# Counting alone frees what a batch of events makes. Looked through every 700 new objects, as it is
# by default, a batch is searched some hundred times for cycles that are not there: a sixth of the
# intake's time. At most some ten megabytes more wait for the search.
_NEW_OBJECTS = 50_000


def search_seldom() -> None:
    """Search for cycles less often; not in what a start has loaded, which stays (learners)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 50)
