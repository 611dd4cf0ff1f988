"""How far the machines walk: briefly, and the same way every time."""

from __future__ import annotations

from hypothesis import settings

BRIEFLY = settings(
    max_examples=30, stateful_step_count=25, deadline=None, derandomize=True, database=None
)
FREELY = settings(BRIEFLY, max_examples=150)
"""For what costs next to nothing."""
