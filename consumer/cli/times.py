"""A moment on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click


class Time(click.ParamType[datetime]):
    """A day, or a time as ISO 8601 writes it; without a zone it is UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The aware moment; a usage error for what is none."""
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail("is no time, such as 2026-11-20 or 2026-11-20T14:00+01:00", param, ctx)
        return read if read.tzinfo else read.replace(tzinfo=UTC)


TIME = Time()
