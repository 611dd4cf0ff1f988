"""The settings of how long records are kept."""

from __future__ import annotations

from pydantic import Field, field_validator

from consumer.settings.sections import Section

LEAST = 6
"""ACCME asks providers to keep participation records for six years from the completion."""


class RetentionSettings(Section):
    """How long personal data of what is settled is kept; what waits for somebody is kept."""

    years: int = Field(
        LEAST, ge=0, le=99, description="purged so many years after the last change; 0: never"
    )

    @field_validator("years")
    @classmethod
    def _as_accme_asks(cls, years: int) -> int:
        if 0 < years < LEAST:
            raise ValueError(f"ACCME asks for {LEAST} years: {LEAST} or more, or 0 for never")
        return years
