"""The pumps that bring rows of the tables by themselves, where the settings say so."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from consumer.desk.tabling import TableDesk
from consumer.ledger.ledger import Ledger
from consumer.lms.connect import connect_lms
from consumer.parts import Parts
from consumer.premises import Premises
from consumer.pumps.lookup import LookUpPump
from consumer.pumps.refreshing import RefreshingPump
from consumer.telemetry.readiness import Readiness


def bringing_pumps(
    parts: Parts, ledger: Ledger, premises: Premises, readiness: Readiness
) -> Iterator[RefreshingPump | LookUpPump]:
    """One for queries on schedule, one for LMSs that are asked; none where there are none."""
    settings, tables = parts.settings, parts.settings.tables
    if tables.sources:
        desk = TableDesk(
            settings.tables_dir,
            parts.tables.boards,
            settings.profiles,
            parts.clock,
            tables.keep_versions,
        )
        share = tables.most_removed_percent / 100
        yield RefreshingPump(desk, tables.sources, share, parts.clock, readiness)
    if settings.lms:
        lines = {name: (one, partial(connect_lms, one)) for name, one in settings.lms.items()}
        look_seconds = settings.intake.look_seconds
        yield LookUpPump(
            settings.tables_dir, ledger, premises, lines, look_seconds, parts.clock, readiness
        )
