"""Signing in at a provider by OpenID Connect: the code flow with PKCE, state and nonce.

What nobody else can know of one attempt (state, nonce, verifier) is derived from its session's
number: nothing is kept between the two halves, and an attempt ends with its session.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError

from consumer.clock import Clock
from consumer.console.admission import AGAIN, NotLetIn, ProviderAway, user_told
from consumer.console.oidc_paths import BACK
from consumer.console.provider import Provider, telling_faults
from consumer.console.role import User
from consumer.console.session import Session, Sessions
from consumer.settings.console import ConsoleSettings

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signed by the provider's own key: neither unsigned nor by a secret that is shared."""
_ATTEMPT_SECONDS = 600.0
_NOT_TRUSTED = "What the provider said of you cannot be trusted."


class Oidc:
    """One provider; safe to share between threads."""

    def __init__(self, settings: ConsoleSettings, sessions: Sessions, clock: Clock) -> None:
        self._said, self._sessions, self._clock = settings.oidc, sessions, clock
        self._provider = Provider(settings.oidc, clock)
        self._back = settings.public_url + BACK
        self._home = settings.public_url + "/sign-in"

    def way_there(self, session: Session) -> str:
        """The provider's address for this attempt to sign in. Raises ProviderAway."""
        url, _ = self._client(None).create_authorization_url(
            self._provider.places.authorizes_at,
            state=self._secret(session, "state"),
            nonce=self._secret(session, "nonce"),
            code_verifier=self._secret(session, "verifier"),
        )
        return str(url)

    def came_back(self, session: Session, told: Mapping[str, str]) -> User:
        """Who the provider says came back. Raises NotLetIn, ProviderAway."""
        self._check_attempt(session, told)
        if "code" not in told:  # the person said no there, or the provider did
            raise NotLetIn("The sign-in was given up.", AGAIN)
        token = self._id_token(session, told["code"])
        claims = self._checked(token, self._secret(session, "nonce"))
        name = claims.get(self._said.name_claim, "")
        groups = _below(claims, self._said.roles_claim)
        return user_told(name if isinstance(name, str) else "", groups, self._said.roles)

    def way_out(self) -> str:
        """Where one signs out at the provider; blank if it has no such place, or is away."""
        try:
            out = self._provider.places.signs_out_at
        except ProviderAway:
            return ""
        back = {"client_id": self._said.client_id, "post_logout_redirect_uri": self._home}
        return f"{out}{'&' if '?' in out else '?'}{urlencode(back)}" if out else ""

    # ------------------------------------------------------------ one attempt

    def _secret(self, session: Session, purpose: str) -> str:
        return self._sessions.secret(session, f"oidc {purpose}")

    def _check_attempt(self, session: Session, told: Mapping[str, str]) -> None:
        state = self._secret(session, "state").encode()
        age = self._clock.now().timestamp() - session.began_at
        if not hmac.compare_digest(state, told.get("state", "").encode()) or session.name:
            raise NotLetIn("This sign-in was not begun in this browser.", AGAIN)
        if age > _ATTEMPT_SECONDS:
            raise NotLetIn("This sign-in took too long.", AGAIN)
        # RFC 9207: an answer that names another issuer is one provider's word for another's.
        if told.get("iss", self._said.issuer).rstrip("/") != self._said.issuer:
            raise NotLetIn("This sign-in is another provider's.", AGAIN)

    def _id_token(self, session: Session, code: str) -> str:
        tokens_at = self._provider.places.tokens_at
        with self._provider.http() as http, telling_faults():
            told = self._client(http).fetch_token(
                tokens_at,
                auth=self._credentials(),
                grant_type="authorization_code",
                code=code,
                client_id=self._said.client_id,
                code_verifier=self._secret(session, "verifier"),
            )
        token = told.get("id_token")
        if not isinstance(token, str):
            raise NotLetIn("The provider did not say who you are.", AGAIN)
        return token

    def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            claims = self._decoded(token)
            self._rules(nonce).validate(claims)
        except (JoseError, ValueError, TypeError):
            raise NotLetIn(_NOT_TRUSTED, AGAIN) from None
        # OpenID Connect Core 3.1.3.7: one of several audiences must be told to be the one meant.
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._said.client_id:
            raise NotLetIn(_NOT_TRUSTED, AGAIN)
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        """The claims, if a key of the provider's signed them; its keys change now and then."""
        keys = self._provider.keys()
        try:
            return dict(jwt.decode(token, keys, algorithms=_ALGORITHMS).claims)
        except (JoseError, ValueError):
            if not self._provider.may_have_other_keys:
                raise
        keys = self._provider.keys(anew=True)
        return dict(jwt.decode(token, keys, algorithms=_ALGORITHMS).claims)

    def _rules(self, nonce: str) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=int(self._said.skew_seconds),
            iss={"essential": True, "values": [self._said.issuer, self._said.issuer + "/"]},
            aud={"essential": True, "value": self._said.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )

    # ------------------------------------------------------------ ours at the provider

    def _client(self, http: httpx.Client | None) -> OAuth2Client:
        return OAuth2Client(
            http,
            client_id=self._said.client_id,
            scope=" ".join(self._said.scopes),
            redirect_uri=self._back,
            code_challenge_method="S256",
        )

    def _credentials(self) -> httpx.Auth:
        """Ours at the provider (RFC 6749, 2.3.1); one without a secret has PKCE alone."""
        secret = self._said.client_secret.get_secret_value()
        if not secret:
            return httpx.Auth()
        return httpx.BasicAuth(quote_plus(self._said.client_id), quote_plus(secret))


def _below(claims: Mapping[str, Any], dotted: str) -> list[str]:
    """The groups at `groups`, or `realm_access.roles`; a claim may have dots in its name too."""
    found: Any = claims.get(dotted)
    if found is None:
        found = claims
        for name in dotted.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
