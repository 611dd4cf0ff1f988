"""The settings of telling others what became of credits: webhooks out, and daily files."""

from __future__ import annotations

from datetime import time
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from consumer.settings.notices import check_url
from consumer.settings.sections import Seconds, Section, ZoneName
from consumer.webhook.signing import NoSecret, secret_of


class WebhookSettings(Section):
    """One system that is told every outcome, signed, by HTTP."""

    url: SecretStr = Field(description="its address, https; masked, since addresses may be secrets")
    secret: SecretStr = Field(SecretStr(""), description="what signs the messages: whsec_...")
    secret_file: Path | None = Field(
        None, description="or a file with the secret; two lines while it is changed"
    )
    sources: list[str] = Field(
        default_factory=list, description="only credits that these LMSs reported; blank: all"
    )
    lms_ids: bool = Field(
        False, description="tell the LMS its own learner and course IDs; needs sources"
    )
    ca_file: Path | None = Field(
        None, description="certificate authority of the address, PEM; blank: the public ones"
    )
    timeout_seconds: Seconds = Field(10, le=20, description="one whole request")
    retry_first_seconds: Seconds = Field(10, description="first wait after a failure, at most")
    retry_longest_seconds: Seconds = Field(3600, description="longest wait after a failure")
    keep_days: int = Field(
        14, ge=1, le=366, description="an outcome that cannot be told is given up after"
    )

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: SecretStr) -> SecretStr:
        check_url(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _says_one_thing(self) -> WebhookSettings:
        secret = self.secret.get_secret_value()
        if bool(secret) == bool(self.secret_file):
            raise ValueError("secret or secret_file: one of them is needed, and not both")
        if secret:
            try:
                secret_of(secret)
            except NoSecret as error:
                raise ValueError(f"secret: {error}") from None
        if self.lms_ids and not self.sources:
            raise ValueError("lms_ids: sources must say whose IDs may be told there")
        return self


class OutcomesSettings(Section):
    """How long outcomes are kept, and daily files of them."""

    folder: Path | None = Field(None, description="daily files go there; blank: none are written")
    zone: ZoneName = Field("UTC", description="time zone of a file's day and of its times")
    write_at: time = Field(time(1), description="when the file of the day before is written")
    keep_days: int = Field(
        400, ge=31, le=3660, description="outcomes are kept for webhooks and files"
    )
