"""A provider profile: who reports, as whom PARS knows it, and by which way."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from consumer.candidate import YearPolicy
from consumer.pars.contract import CompletedForm, Operation, Placement, Transport, UniqueIDForm
from consumer.settings.sections import Section


class CredentialFields(Section):
    """What the three credentials of a request are called; ACCME names them so in prose."""

    provider_id: str = Field("ProviderId", description="name of the provider ID")
    user: str = Field("User", description="name of the user")
    password: str = Field("Password", description="name of the password")


class ProviderProfile(Section):
    """One accredited provider: who reports, and as whom PARS knows it."""

    provider_id: str = Field(pattern=r"^[0-9]{7}$", description="7-digit ACCME provider ID")
    name: str = Field(min_length=1, max_length=200, description="the accredited provider's name")
    domain: str = Field(
        pattern=r"^[A-Za-z0-9.-]+$", description="domain name that CreditIDs are issued under"
    )
    by_file: bool = Field(
        False, description="people upload reports: nothing is posted, no credentials are needed"
    )
    url: str = Field("", description="base address of PARS's learner service")
    user: str = Field("", description="web service user")
    password: SecretStr = Field(SecretStr(""), description="web service password")
    transport: Transport = Field(Transport.XML, description="xml, or json by ACCME's draft of 2025")
    ask_first: bool = Field(
        False, description="before a first post ask PARS whether somebody else reported it: go-live"
    )
    requests_per_second: float = Field(1.0, gt=0, le=10_000, description="pace, all workers")
    without_birth_year: YearPolicy = Field(
        YearPolicy.HOLD, description="a learner gave month and day only: hold, omit, placeholder"
    )
    credentials_in: Placement = Field(
        Placement.HEADERS, description="headers, query, or with xml body"
    )
    credential_fields: CredentialFields = CredentialFields()
    paths: dict[Operation, str] = Field(
        default_factory=dict,
        description="below url: save, status, status_by_learner, match, activity, save_activity;"
        " default by transport",
    )
    activity_url: str = Field(
        "", description="base address of PARS's activity service; blank: the same as url"
    )
    activity_namespace: str = Field(
        "", max_length=200, description="XML namespace of activity documents; blank: none"
    )
    look_up_activities: bool = Field(
        False, description="ask whether PARS has the activity, before its credits are sent"
    )
    match_learners: bool = Field(
        False, description="ask whether the board knows a learner, before the first credit is sent"
    )
    completed_form: CompletedForm | None = Field(
        None, description="completion as date or noon without offset; default xml date, json noon"
    )
    unique_id_form: UniqueIDForm = Field(
        UniqueIDForm.LIST, description="UniqueID in json: list, or object (the board's ID alone)"
    )
    cme_mirror: bool = Field(
        False, description="must be off: only MOC is reported, PARS adds the CME credit itself"
    )

    @model_validator(mode="after")
    def _web_service_is_known(self) -> ProviderProfile:
        given = {"url": self.url, "user": self.user, "password": self.password.get_secret_value()}
        missing = [name for name, value in given.items() if not value]
        if missing and not self.by_file:
            raise ValueError(f"{', '.join(missing)}: needed, unless by_file is true")
        return self

    @model_validator(mode="after")
    def _can_match(self) -> ProviderProfile:
        as_json = self.transport is Transport.JSON
        if self.match_learners and as_json and Operation.MATCH not in self.paths:
            raise ValueError("match_learners: with json there is no match without paths.match")
        return self
