"""PARS by XML web service: one thread's client for one provider profile (dossier 3.2)."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from consumer.clock import Clock
from consumer.pars.answer import Heard
from consumer.pars.document import created_at
from consumer.pars.port import Action, Reply
from consumer.pars.wire import Deadline, Transport, broke
from consumer.pars.xml import Documents
from consumer.participant import Record

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ParsProfile:
    """Where and as whom one accredited provider reports; all that ACCME has not published.

    Timeouts are in seconds; `total` bounds a whole request (dossier 6: connect 10 s, whole 60 s).
    Raises ValueError, which never quotes a credential.
    """

    name: str
    base_url: str
    provider_id: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0
    write_timeout_seconds: float = 60.0
    pool_timeout_seconds: float = 10.0
    total_timeout_seconds: float = 60.0
    answer_limit_bytes: int = 1024 * 1024
    save_path: str = "SaveLearnerActivity"
    status_path: str = "GetLearnerStatusByCreditId"
    status_by_learner_path: str = "GetLearnerStatusByLearner"
    match_path: str = "GetLearnerMatch"

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        for name in ("provider_id", "user", "password"):
            _check_header(name, getattr(self, name))

    def url(self, path: str) -> str:
        """The address of one operation."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"


class XmlPars:
    """Implements the port `Pars`; owned by a single thread."""

    def __init__(
        self,
        profile: ParsProfile,
        documents: Documents,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the default trust (certifi's roots, TLS 1.2 at least)."""
        self._profile = profile
        self._documents = documents
        self._clock = clock
        self._deadline = Deadline()
        self._client = httpx.Client(
            transport=Transport(self._deadline, tls or _default_tls()),
            headers=_headers(profile),
            timeout=_timeout(profile),
            follow_redirects=False,
            trust_env=False,
        )

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """Report or withdraw one credit; raises Stopped, before sending, on a bad document."""
        created = created_at(self._clock.now())
        document = self._documents.save(record, credit_id, action, created)
        heard = self._post(self._profile.save_path, document)
        if isinstance(heard, Reply):
            return heard
        return self._documents.answers.to_save(heard, credit_id)

    def status(self, credit_id: str) -> Reply:
        """What PARS knows of this credit; raises Stopped when it is no CreditID."""
        heard = self._post(self._profile.status_path, self._documents.status(credit_id))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def status_by_learner(self, record: Record) -> Reply:
        """Every credit of this learner in this activity that day; raises Stopped likewise."""
        document = self._documents.status_by_learner(record)
        heard = self._post(self._profile.status_by_learner_path, document)
        return heard if isinstance(heard, Reply) else self._documents.answers.to_status(heard)

    def match(self, record: Record) -> Reply:
        """Whether the board knows the learner: `code` Match or NoMatch; raises Stopped likewise."""
        heard = self._post(self._profile.match_path, self._documents.match(record))
        return heard if isinstance(heard, Reply) else self._documents.answers.to_match(heard)

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def _post(self, path: str, document: bytes) -> Heard | Reply:
        """The answer, or a Reply that says where the request broke."""
        self._deadline.start(self._profile.total_timeout_seconds)
        try:
            with self._client.stream("POST", self._profile.url(path), content=document) as response:
                return self._heard(response)
        except _WIRE_ERRORS as error:
            return Reply(broke=broke(error))

    def _heard(self, response: httpx.Response) -> Heard:
        body, whole = self._read(response)
        return Heard(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body,
            whole=whole and response.headers.get("content-encoding", "identity") == "identity",
            retry_after_seconds=retry_after(response.headers.get("retry-after", ""), self._clock),
        )

    def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        """The body up to the bound, and whether that was all of it."""
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._profile.answer_limit_bytes:
                return bytes(body[: self._profile.answer_limit_bytes]), False
        return bytes(body), True


_WIRE_ERRORS = (
    httpcore.ConnectError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ProxyError,
    httpcore.ConnectionNotAvailable,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
)


def retry_after(value: str, clock: Clock) -> float | None:
    """Seconds to wait that a Retry-After asks for, at most a day; None when it says nothing."""
    if value.isascii() and value.strip().isdigit():
        return min(float(value), _DAY_SECONDS)
    try:
        at = parsedate_to_datetime(value)
        # "-0000" says UTC of unknown origin, and comes back without a zone.
        aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return min(max(0.0, (aware - clock.now()).total_seconds()), _DAY_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return None


def _headers(profile: ParsProfile) -> dict[str, str]:
    return {
        "ProviderId": profile.provider_id,
        "User": profile.user,
        "Password": profile.password,
        "Content-Type": "application/xml; charset=utf-8",
        "Accept": "application/xml",
        # A compressed answer could not be bounded before it is unpacked.
        "Accept-Encoding": "identity",
        "User-Agent": "moc-consumer",
    }


def _timeout(profile: ParsProfile) -> httpx.Timeout:
    return httpx.Timeout(
        connect=profile.connect_timeout_seconds,
        read=profile.read_timeout_seconds,
        write=profile.write_timeout_seconds,
        pool=profile.pool_timeout_seconds,
    )


def _default_tls() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _check_url(base_url: str) -> None:
    url = _parsed(base_url)
    if not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must be an address without credentials, query or fragment")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise ValueError("base_url must be https, or http to this machine itself")


def _parsed(base_url: str) -> httpx.URL:
    """The address, or an empty one when it is none or the resolver would choke on its host."""
    try:
        url = httpx.URL(base_url)
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


def _check_header(name: str, value: str) -> None:
    if not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise ValueError(f"{name} must be printable ASCII, not empty, without blanks around it")
