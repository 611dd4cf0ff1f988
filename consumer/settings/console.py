"""The settings of the web console."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from consumer.settings.sections import Section


class ConsoleSettings(Section):
    """The web console."""

    listen: str = Field(
        "",
        pattern=r"^(?:(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5})?$",
        description="host:port, such as 127.0.0.1:8792, for `run` to serve it too; blank: not",
    )
    users_file: Path | None = Field(None, description="who may sign in; default in data_dir")
    hours: float = Field(12, gt=0, le=24 * 7, description="somebody who signed in is out after")
    zone: str = Field("UTC", description="the office's time zone, such as America/Chicago")

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, LookupError):
            raise ValueError("no time zone; write it as Region/City: America/Chicago") from None
        return name
