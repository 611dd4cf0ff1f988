"""The settings of the office's tables: their history, and where they may come from."""

from __future__ import annotations

from pydantic import Field

from consumer.settings.sections import Section


class TablesSettings(Section):
    """How tables are imported and kept."""

    keep_versions: int = Field(
        20, ge=2, le=1000, description="versions of each table that can be put back"
    )
    most_removed_percent: int = Field(
        20, ge=0, le=100, description="an import that removes more of a table has to be allowed"
    )
