"""The settings of the nightly comparison with what LMSs say was completed."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from consumer.settings.lms import check_address
from consumer.settings.sections import Seconds, Section, ZoneName

Column = Literal[
    "site", "learner", "course", "completed", "occurrence", "points", "title", "id", ""
]
_NEEDS = {
    "csv": ("files",),
    "sql": ("sql", "database_file"),
    "moodle": ("url", "token_file", "site"),
}


class ReconcileSettings(Section):
    """One list of completions, and what is done about those that never arrived."""

    kind: Literal["csv", "sql", "moodle"] = Field(description="what the list is read from")
    site: str = Field("", description="the LMS's name, as its events have it; for every row")
    source: str = Field(
        "", description="the LMS as its mappings call it, such as moodle: its hold counts here too"
    )
    files: str = Field("", description="csv: the file, CSV or Excel, or a pattern such as in/*.csv")
    sheet: str = Field("", description="csv: which sheet of an Excel file")
    newest_hours: int = Field(
        36, ge=1, le=10_000, description="csv: an export older than this is refused"
    )
    sql: str = Field("", description="sql: a SELECT; the names of its columns are headings")
    database_file: Path | None = Field(
        None, description="sql: a file with the database's address alone in it"
    )
    url: str = Field("", description="moodle: its address, such as https://learn.example.org")
    token_file: Path | None = Field(
        None, description="moodle: a file with the web service's token alone in it"
    )
    timeout_seconds: Seconds = Field(30, le=300, description="moodle: one request")
    requests_per_second: float = Field(5.0, gt=0, le=100, description="moodle: pace")
    columns: dict[str, Column] = Field(
        default_factory=dict, description="columns by what the list calls them; blank: ignored"
    )
    set: dict[Column, str] = Field(
        default_factory=dict, description="the same value in every row, by column"
    )
    zone: ZoneName | None = Field(None, description="time zone of the list's times without one")
    form: str = Field(
        "", description="how the list writes times, such as %m/%d/%Y %H:%M or M/D/YYYY; blank: ISO"
    )
    topic: str = Field("", description="what is published goes to; blank: the first of intake's")
    at: time = Field(time(3, 30), description="when the lists are compared, every night")
    at_zone: ZoneName = Field("UTC", description="time zone of `at`")
    days: int = Field(30, ge=1, le=400, description="completions of so many days are compared")
    grace_seconds: Seconds = Field(
        3600, le=7 * 86_400, description="a completion this young may be on its way still"
    )
    publish: bool = Field(True, description="publish by itself what never arrived, else name it")
    most: int = Field(50, ge=0, le=100_000, description="more than so many wait for a person")
    most_percent: int = Field(
        20, ge=0, le=100, description="a larger part of those compared waits, if more than five"
    )
    retry_first_seconds: Seconds = Field(300, description="first wait after a failure, at most")
    retry_longest_seconds: Seconds = Field(3600, description="longest wait after a failure")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return check_address(url) if url else url

    @field_validator("form")
    @classmethod
    def _keeps_a_day(cls, form: str) -> str:
        from consumer.lms.listmoment import ListMoments

        ListMoments(form=form)
        return form

    @model_validator(mode="after")
    def _says_one_thing(self) -> ReconcileSettings:
        needed = _NEEDS[self.kind]
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"{', '.join(missing)}: needed with kind {self.kind}")
        return self
