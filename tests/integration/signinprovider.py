"""A small provider of sign-ins over real HTTP, which signs real tokens and keeps to RFC 7636."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.fakes import FakeClock

CLIENT, SECRET = "moc console", "s3cret/+ of the tests"
_KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{n}", "use": "sig"}) for n in range(2)]


@dataclass
class SignInProvider:
    """Who is there and what it says of them; a test changes what it needs."""

    clock: FakeClock
    address: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: _KEYS[0])
    published: RSAKey = field(default_factory=lambda: _KEYS[0])
    discovery: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    keys_asked: int = 0
    away: bool = False
    unsigned: bool = False
    shared: bool = False

    def agree(self, url: str) -> str:
        """What the browser is sent back to, once the person has signed in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        told = urlencode({"code": code, "state": asked["state"]})
        return urlsplit(asked["redirect_uri"]).path + "?" + told

    def use_other_key(self) -> None:
        """Sign with another key from now on, and publish it."""
        self.key = self.published = _KEYS[1]

    def app(self) -> Starlette:
        """Its pages."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, _: Request) -> JSONResponse:
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/out",
        }
        return JSONResponse(told | self.discovery, 503 if self.away else 200)

    async def _keys(self, _: Request) -> JSONResponse:
        self.keys_asked += 1
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)
        challenge = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        told = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic "))
        good = (
            asked is not None
            and base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() == asked["code_challenge"]
            and form.get("redirect_uri") == asked["redirect_uri"]
            and told == b"moc+console:s3cret%2F%2B+of+the+tests"
        )
        if not good or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(asked)}
        return JSONResponse(token)

    def _signed(self, asked: dict[str, str]) -> str:
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.address, "sub": "17", "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "preferred_username": "mora.silva"}
        claims |= {"groups": ["staff", "cme-desk"]} | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.unsigned:
            return _by_hand("none", claims, b"")
        if self.shared:  # signed with the public key, as if it were a shared secret
            return _by_hand("HS256", claims, self.published.as_pem(private=False))
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, self.key)


def _by_hand(algorithm: str, claims: dict[str, Any], secret: bytes) -> str:
    """A token that no library would make."""
    head, body = (_encoded(json.dumps(one).encode()) for one in ({"alg": algorithm}, claims))
    sign = hmac.new(secret, f"{head}.{body}".encode(), "sha256").digest() if secret else b""
    return f"{head}.{body}.{_encoded(sign)}"


def _encoded(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).rstrip(b"=").decode()


@contextmanager
def providing(clock: FakeClock) -> Iterator[SignInProvider]:
    """The provider, at an address of this machine."""
    provider = SignInProvider(clock)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(provider.app(), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(5)
