"""Where and as whom one accredited provider reports; nothing of it is taken on trust."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from consumer.pars.contract import (
    COMPLETED,
    OF_ACTIVITIES,
    PATHS,
    CompletedForm,
    Operation,
    Placement,
    Transport,
    UniqueIDForm,
)

# Legal as a header, as an XML element and in a query alike.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PATH = re.compile(r"/?[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
# Names that a request has a use of its own for.
_TAKEN = frozenset(
    "accept accept-encoding connection content-length content-type expect host te "
    "transfer-encoding upgrade user-agent "
    "birthdate completiondate creditid moduleid provideractivityid uniqueid".split()
)


@dataclass(frozen=True, slots=True)
class ParsProfile:
    """One provider's way to PARS; `paths` replaces the transport's own, operation by operation.

    Timeouts are in seconds; `total` bounds a whole request (dossier 6: connect 10 s, whole 60 s).
    Raises ValueError, which never quotes a credential.
    """

    name: str
    base_url: str
    provider_id: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    transport: Transport = Transport.XML
    credentials_in: Placement = Placement.HEADERS
    credential_fields: tuple[str, str, str] = ("ProviderId", "User", "Password")
    paths: Mapping[Operation, str] = field(default_factory=dict)
    activity_url: str = ""
    activity_namespace: str = ""
    completed_form: CompletedForm | None = None
    unique_id_form: UniqueIDForm = UniqueIDForm.LIST
    cme_mirror: bool = False
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0
    write_timeout_seconds: float = 60.0
    pool_timeout_seconds: float = 10.0
    total_timeout_seconds: float = 60.0
    answer_limit_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        if self.activity_url:
            _check_url(self.activity_url, "activity_url")
        for name in ("provider_id", "user", "password"):
            _check_credential(name, getattr(self, name))
        _check_names(self.credential_fields)
        _check_paths(self.paths)
        _check_choices(self)

    def url(self, operation: Operation) -> str:
        """The address of one operation, without its query."""
        path = self.paths.get(operation) or PATHS[self.transport][operation]
        elsewhere = self.activity_url if operation in OF_ACTIVITIES else ""
        return f"{(elsewhere or self.base_url).rstrip('/')}/{path.lstrip('/')}"

    def offers(self, operation: Operation) -> bool:
        """Whether there is an address to ask this at."""
        return operation in self.paths or operation in PATHS[self.transport]

    @property
    def credentials(self) -> dict[str, str]:
        """The three credentials by the names they travel under."""
        values = (self.provider_id, self.user, self.password)
        return dict(zip(self.credential_fields, values, strict=True))

    @property
    def completed(self) -> CompletedForm:
        """How a completion date is written, by the transport unless it was chosen."""
        return self.completed_form or COMPLETED[self.transport]


def _check_url(address: str, name: str = "base_url") -> None:
    url = _parsed(address)
    if not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError(f"{name} must be an address without credentials, query or fragment")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise ValueError(f"{name} must be https, or http to this machine itself")


def _parsed(address: str) -> httpx.URL:
    """The address, or an empty one when it is none or the resolver would choke on its host."""
    try:
        url = httpx.URL(address)
        # Both may raise, and would do so in the middle of a request: `host` decodes punycode.
        usable = url.host and url.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        return httpx.URL()
    return url if usable else httpx.URL()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_credential(name: str, value: str) -> None:
    if not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise ValueError(f"{name} must be printable ASCII, not empty, without blanks around it")


def _check_names(names: tuple[str, str, str]) -> None:
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError("credential_fields must be names of letters, digits, '.', '_' and '-'")
    folded = {name.lower() for name in names}
    if len(folded) < len(names) or folded & _TAKEN:
        raise ValueError("credential_fields must differ from each other and from the request's own")


def _check_paths(paths: Mapping[Operation, str]) -> None:
    for operation, path in paths.items():
        if not _PATH.fullmatch(path):
            raise ValueError(f"paths.{operation} must be a plain path, without query or blanks")


def _check_choices(profile: ParsProfile) -> None:
    as_json = profile.transport is Transport.JSON
    if as_json and profile.credentials_in is Placement.BODY:
        raise ValueError(
            "credentials_in: body is not possible with the json transport, whose status question"
            " is a GET without a body; use headers or query"
        )
    if not as_json and profile.unique_id_form is UniqueIDForm.OBJECT:
        raise ValueError("unique_id_form: only the json transport has a choice")
    if profile.cme_mirror:
        raise ValueError(
            "cme_mirror: must be off; only MOC credit is reported, PARS itself adds the CME credit"
        )
