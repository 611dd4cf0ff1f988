"""How the laws are tried: as many examples as ever, and no clock watching."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no broken law.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
