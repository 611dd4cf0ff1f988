"""The settings of the office's tables: their history, and where they may come from."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from consumer.settings.sections import Seconds, Section


class SourceSettings(Section):
    """A query that brings a table on schedule."""

    sql: str = Field(min_length=1, description="a SELECT; the names of its columns are headings")
    url_file: Path = Field(description="a file with the database's address alone in it")
    every_seconds: Seconds = Field(3600, ge=10, description="run the query every")
    replace: bool = Field(False, description="remove rows that the query gives no longer")
    skip_wrong: bool = Field(False, description="leave wrong rows out, not the whole")
    columns: dict[str, str] = Field(
        default_factory=dict, description="columns by what the query calls them; blank: ignored"
    )
    ignore_others: bool = Field(False, description="take known columns alone")
    set: dict[str, str] = Field(
        default_factory=dict, description="the same value in every row, by column"
    )


class TablesSettings(Section):
    """How tables are imported and kept."""

    keep_versions: int = Field(
        20, ge=2, le=1000, description="versions of each table that can be put back"
    )
    most_removed_percent: int = Field(
        20, ge=0, le=100, description="an import that removes more of a table has to be allowed"
    )
    learners: SourceSettings | None = Field(None, description="where learners come from by query")
    activities: SourceSettings | None = Field(
        None, description="where activities come from by query"
    )

    @property
    def sources(self) -> dict[str, SourceSettings]:
        """The tables that a query brings."""
        both = {"learners": self.learners, "activities": self.activities}
        return {name: one for name, one in both.items() if one}
