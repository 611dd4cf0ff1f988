"""The settings of LMSs that may be asked who a learner is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from consumer.settings.entrance import is_loopback
from consumer.settings.sections import Seconds, Section, ZoneName


class LmsSettings(Section):
    """One LMS, and which of its profile fields holds what."""

    kind: Literal["moodle"] = Field("moodle", description="what it is")
    site: str = Field(min_length=1, description="its name, as its events and the tables have it")
    url: str = Field(description="its address, such as https://learn.example.org")
    token_file: Path = Field(description="a file with the web service's token alone in it")
    board: str = Field("ABIM", description="the board whose ID the profile holds")
    board_id_field: str = Field(min_length=1, description="short name of the board ID's field")
    birth_date_field: str = Field("", description="short name of the birth date's field")
    npi_field: str = Field("", description="short name of the NPI's field")
    consent_field: str = Field("", description="short name of the consent's field; blank: waits")
    zone: ZoneName = Field(
        "UTC", description="the LMS's time zone, for dates that it keeps as seconds"
    )
    timeout_seconds: Seconds = Field(10, le=120, description="one request")
    requests_per_second: float = Field(1.0, gt=0, le=100, description="pace")
    batch_size: int = Field(50, ge=1, le=500, description="learners in one request")
    again_seconds: Seconds = Field(
        3600, description="a learner whom the LMS does not know, or not whole: asked about every"
    )
    fresh_days: int = Field(7, ge=1, le=366, description="what the LMS said counts for")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return check_address(url)


def check_address(url: str) -> str:
    """An LMS's address as it is. Raises ValueError for one that a token must not be sent to."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("must hold no credentials: the token stands in token_file")
    if not parts.hostname:
        raise ValueError("must name a host, such as https://learn.example.org")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https://, except on this machine")
    return url
