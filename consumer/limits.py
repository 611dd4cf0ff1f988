"""How much of the same from one source is too much (design 5 and 6)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SurgeLimits(BaseModel):
    """When a source is held for a person, and when a mass re-emission is worth a notice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    surge_refusals: int = Field(
        25, ge=1, description="refusals of one reason in one window that hold their source"
    )
    surge_small_refusals: int = Field(
        10, ge=1, description="the same, where they are most of what the source sent"
    )
    surge_share: float = Field(0.8, gt=0, le=1, description='"most" is this share')
    surge_seconds: float = Field(600, ge=1, description="length of a window")
    reemission_notice: int = Field(
        100, ge=1, description="completions emitted again in one window that are worth a notice"
    )

    def is_surge(self, refused: int, heard: int) -> bool:
        """Whether so many refusals of one reason, among so many events, hold their source."""
        most = refused >= self.surge_share * heard
        return refused >= self.surge_refusals or (refused >= self.surge_small_refusals and most)
