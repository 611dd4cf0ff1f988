"""What a provider of sign-ins says of itself: its addresses, and the keys it signs with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from consumer.clock import Clock
from consumer.console.admission import AGAIN, NotLetIn, ProviderAway
from consumer.settings.entrance import OidcSettings, safe_address

_DISCOVERY = "/.well-known/openid-configuration"
_FRESH_SECONDS, _ASKED_AGAIN_SECONDS = 3600.0, 30.0
_LARGEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Places:
    """The provider's addresses; `signs_out_at` may be blank."""

    authorizes_at: str
    tokens_at: str
    keys_at: str
    signs_out_at: str


class Provider:
    """One provider, asked at most once an hour; safe to share between threads."""

    def __init__(self, said: OidcSettings, clock: Clock) -> None:
        self._said, self._clock, self._lock = said, clock, threading.Lock()
        self._places: tuple[float, Places] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @property
    def places(self) -> Places:
        """Where it does what. Raises ProviderAway."""
        with self._lock:
            now = self._clock.monotonic()
            if self._places is None or now - self._places[0] > _FRESH_SECONDS:
                self._places = now, self._asked()
            return self._places[1]

    def keys(self, *, anew: bool = False) -> KeySet:
        """What it signs with. Raises ProviderAway."""
        keys_at = self.places.keys_at
        with self._lock:
            now = self._clock.monotonic()
            if anew or self._keys is None or now - self._keys[0] > _FRESH_SECONDS:
                self._keys = now, _key_set(self._fetch(keys_at))
            return self._keys[1]

    @property
    def may_have_other_keys(self) -> bool:
        """Whether to ask again for a key that is unknown: not as often as somebody makes one up."""
        with self._lock:
            asked = self._keys[0] if self._keys else 0.0
            return self._clock.monotonic() - asked > _ASKED_AGAIN_SECONDS

    def http(self) -> httpx.Client:
        """A way to it."""
        return httpx.Client(timeout=self._said.timeout_seconds, trust_env=False)

    def _asked(self) -> Places:
        told = self._fetch(self._said.issuer + _DISCOVERY)
        if str(told.get("issuer", "")).rstrip("/") != self._said.issuer:
            raise ProviderAway("the provider calls itself something else than oidc.issuer")
        try:
            return Places(
                _safe(told["authorization_endpoint"]),
                _safe(told["token_endpoint"]),
                _safe(told["jwks_uri"]),
                _safe(told.get("end_session_endpoint", "")),
            )
        except (KeyError, ValueError):
            raise ProviderAway("the provider names no safe addresses of its own") from None

    def _fetch(self, url: str) -> dict[str, Any]:
        with telling_faults(), self.http() as client:
            answer = client.get(url).raise_for_status()
            told = answer.json() if len(answer.content) <= _LARGEST_BYTES else None
        if not isinstance(told, dict):
            raise ProviderAway("the provider's answer cannot be read")
        return told


@contextmanager
def telling_faults() -> Iterator[None]:
    """What the provider does as a fault of ours; its own text may hold a code or token."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise ProviderAway(f"the provider answers {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderAway(f"the provider does not answer: {type(error).__name__}") from None
    except AuthlibBaseError:
        raise NotLetIn("The provider took the sign-in back.", AGAIN) from None
    except ValueError:
        raise ProviderAway("the provider's answer cannot be read") from None


def _key_set(told: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": told["keys"]})
    except (JoseError, ValueError, KeyError, TypeError):
        raise ProviderAway("the provider's keys cannot be read") from None


def _safe(endpoint: object) -> str:
    """The endpoint, if nobody on the way can read along. Raises ValueError."""
    url = str(endpoint)
    safe_address(url.partition("?")[0])
    return url
