"""How pages tell times: in the office's zone, also those within a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from consumer.console.look import TEMPLATES

AROUND = {"zone": ZoneInfo("America/Chicago"), "now": datetime(2026, 11, 26, 19, 0, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ 'no answer since 2026-11-26 18:05 UTC; again at 2026-11-27 05:30 UTC' | local }}",
         "no answer since 26 Nov 2026, 12:05; again at 26 Nov 2026, 23:30"),
        ("{{ 'within minutes' | local }}", "within minutes"),
        ("{{ '2026-11-26T18:05:00+00:00' | when }}", "26 Nov 2026, 12:05"),
        ("{{ '2026-11-26T16:59:00+00:00' | ago }}", "2 hours ago"),
        ("{{ '' | ago }}", "never"),
        ("{{ '2026-12-24' | day }}", "24 Dec 2026"),
        ("{{ 1 | plural('step') }}, {{ 1200 | plural('step') }}", "1 step, 1,200 steps"),
    ],
)  # fmt: skip
def test_times_days_and_counts_as_people_read_them(template: str, told: str) -> None:
    assert TEMPLATES.env.from_string(template).render(AROUND) == told
