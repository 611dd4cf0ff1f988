"""Who posts: by a secret in the body, in a header, by signature or by HTTP Basic."""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import hmac
import inspect
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.gateway import proof as module
from consumer.gateway.inflating import NotInflated, TooLarge, inflated
from consumer.gateway.proof import NotProven, Post, Proof, proof_of
from consumer.settings.gateway import GatewaySource
from tests.fakes import FakeClock

SECRET = "7b9d1c/52aa+f03e6448"
NOW = FakeClock().now()
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def proving(auth: str, **more: Any) -> Proof:
    return proof_of("lms", GatewaySource(auth=auth, secret=SECRET, **more))  # type: ignore[arg-type]


def post(body: bytes, content_type: str = JSON, **headers: str) -> Post:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Post({"content-type": content_type} | named, body, body)


def refused(proof: Proof, what: Post) -> str:
    with pytest.raises(NotProven) as told:
        proof.check(what, NOW)
    return str(told.value)


# ---------------------------------------------------------------- body


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b'{"a": 1, "token": "7b9d1c/52aa+f03e6448"}', b'{"a": 1}'),
        (b'{"token": "7b9d1c\\/52aa+f03e6448", "a": 1}', b'{"a": 1}'),
        (b'\xef\xbb\xbf{"token": "7b9d1c/52aa+f03e6448"}', b"{}"),
        (b'[{"token": "7b9d1c/52aa+f03e6448", "a": 1}]', b'[{"a": 1}]'),
    ],
)
def test_the_field_proves_it_and_is_cut_out(given: bytes, kept: bytes) -> None:
    assert proving("body").check(post(given), NOW) == kept


def test_of_a_form_too() -> None:
    given = b"a=1&token=7b9d1c%2F52aa%2Bf03e6448&b=x+y"
    assert proving("body").check(post(given, FORM), NOW) == b"a=1&b=x+y"


@pytest.mark.parametrize(
    "body",
    [
        b'{"token": "7b9d1c/52aa+f03e6449"}', b'{"token": ""}', b'{"token": null}', b'{"token": 7}',
        b'{"a": {"token": "7b9d1c/52aa+f03e6448"}}', b"{}", b"[]", b"", b"\xff", b"{",
        b'[{"token": "7b9d1c/52aa+f03e6448"}, {"a": 1}]',
        b'{"token": "7b9d1c/52aa+f03e6448", "token": "guess"}',
    ],
)  # fmt: skip
def test_anything_else_does_not(body: bytes) -> None:
    assert refused(proving("body"), post(body)) == "secret"
    assert refused(proving("body"), post(body, FORM)) == "secret"


@pytest.mark.parametrize("auth", ["body", "header", "basic", "hmac"])
def test_wherever_else_the_secret_stands_it_is_removed(auth: str) -> None:
    proof = proving(auth, header="x-key", user="lms")
    body = b'{"token":"7b9d1c/52aa+f03e6448","a":["7b9d1c/52aa+f03e6448","7b9d1c\\/52aa+f03e6448"]}'
    signed = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    key = signed if auth == "hmac" else SECRET
    basic = base64.b64encode(f"lms:{SECRET}".encode()).decode()
    kept = proof.check(post(body, x_key=key, authorization=f"Basic {basic}"), NOW)
    assert b"52aa" not in kept
    assert b'"a":["removed","removed"]' in kept


# ---------------------------------------------------------------- header, basic


def test_a_header_proves_it_with_what_stands_before_it() -> None:
    proof = proving("header", header="Authorization", prefix="Bearer ")
    assert proof.check(post(b"{}", authorization=f"Bearer {SECRET}"), NOW) == b"{}"
    for wrong in (SECRET, f"Bearer {SECRET[:-1]}", "Bearer ", "", f"bearer {SECRET}"):
        assert refused(proof, post(b"{}", authorization=wrong)) == "secret"
    assert refused(proof, post(b"{}")) == "secret"


def test_http_basic_proves_it() -> None:
    proof = proving("basic", user="docebo")

    def coded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    right = coded(f"docebo:{SECRET}")
    assert proof.check(post(b"{}", authorization=f"Basic {right}"), NOW) == b"{}"
    assert proof.check(post(b"{}", authorization=f"basic  {right}"), NOW) == b"{}"
    wrong = [f"Bearer {right}", f"Basic {coded(f'other:{SECRET}')}", f"Basic {coded('docebo:')}"]
    for one in (*wrong, "Basic", "Basic !", ""):
        assert refused(proof, post(b"{}", authorization=one)) == "secret"


# ---------------------------------------------------------------- hmac


def mac(text: bytes, key: bytes = SECRET.encode()) -> bytes:
    return hmac.digest(key, text, hashlib.sha256)


def test_a_signature_over_the_body() -> None:
    proof = proving("hmac", header="X-Signature", prefix="sha256=")
    body = b'{"a": 1}'
    told = f"sha256={mac(body).hex()}"
    assert proof.check(post(body, x_signature=told), NOW) == body
    assert proof.check(post(body, x_signature=told.upper().replace("SHA256", "sha256")), NOW)
    for wrong in (told[7:], f"sha256={mac(b'{}').hex()}", "sha256=", "", f"sha1={told[7:]}"):
        assert refused(proof, post(body, x_signature=wrong)) == "signature"


TIMED: dict[str, Any] = {
    "header": "X-Signature", "timestamp_header": "X-Time", "signed": "v0:{timestamp}:{body}",
}  # fmt: skip


@pytest.mark.parametrize(("off", "fresh"), [(0, True), (299, True), (-299, True), (301, False),
                                            (-301, False), (86_400, False)])  # fmt: skip
def test_a_timestamp_that_is_off_is_refused_though_it_is_signed(off: int, fresh: bool) -> None:
    proof, stamp = proving("hmac", **TIMED), str(int(NOW.timestamp()) + off)
    told = post(b"{}", x_time=stamp, x_signature=mac(f"v0:{stamp}:{{}}".encode()).hex())
    if fresh:
        assert proof.check(told, NOW) == b"{}"
    else:
        assert refused(proof, told) == "timestamp"


def test_a_post_that_was_overheard_proves_nothing_later() -> None:
    proof, stamp = proving("hmac", **TIMED), str(int(NOW.timestamp()))
    told = post(b"{}", x_time=stamp, x_signature=mac(f"v0:{stamp}:{{}}".encode()).hex())
    assert proof.check(told, NOW) == b"{}"
    with pytest.raises(NotProven, match="timestamp"):
        proof.check(told, NOW + timedelta(seconds=301))
    newer = {"x-time": str(int(stamp) + 301)}
    assert refused(proof, Post(dict(told.headers) | newer, b"{}", b"{}")) == "signature"


@pytest.mark.parametrize("stamp", ["", "soon", "1e9", "-1", "٣", "9" * 400])
def test_what_is_no_timestamp_is_refused(stamp: str) -> None:
    told = post(b"{}", x_time=stamp, x_signature=mac(f"v0:{stamp}:{{}}".encode()).hex())
    assert refused(proving("hmac", **TIMED), told) == "timestamp"


def test_standard_webhooks_are_spoken() -> None:
    """The example of https://www.standardwebhooks.com, with a secret of our own."""
    raw = bytes(range(32))
    source = GatewaySource(
        auth="hmac", secret="whsec_" + base64.b64encode(raw).decode(), header="webhook-signature",  # type: ignore[arg-type]
        prefix="v1,", encoding="base64", signed="{id}.{timestamp}.{body}",
        timestamp_header="webhook-timestamp", id_header="webhook-id",
    )  # fmt: skip
    stamp = str(int(NOW.timestamp()))
    coded = base64.b64encode(mac(f"msg_1.{stamp}.{{}}".encode(), raw)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp}
    told = headers | {"webhook-signature": f"v1,{'A' * 43}= v1,{coded}"}
    assert proof_of("lms", source).check(Post(told, b"{}", b"{}"), NOW) == b"{}"
    other = told | {"webhook-id": "msg_2"}
    assert refused(proof_of("lms", source), Post(other, b"{}", b"{}")) == "signature"


def test_of_a_compressed_body_either_form_may_be_signed() -> None:
    proof, body = proving("hmac", header="x-s"), b'{"a": 1}'
    sent = gzip.compress(body)
    for signed in (sent, body):
        assert proof.check(Post({"x-s": mac(signed).hex()}, sent, body), NOW) == body


# ---------------------------------------------------------------- secrets


def test_while_a_secret_is_changed_both_are_right(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n\n  another-secret-of-16  \n")
    proof = proof_of("lms", GatewaySource(auth="header", header="x-key", secret_file=file))
    for right in (SECRET, "another-secret-of-16"):
        assert proof.check(post(b"{}", x_key=right), NOW) == b"{}"
    assert refused(proof, post(b"{}", x_key=f"{SECRET}\nanother-secret-of-16")) == "secret"


@pytest.mark.parametrize("text", ["", "\n \n", "short-secret", f"{SECRET}\nshort"])
def test_a_secret_that_can_be_guessed_is_refused_and_not_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(ValueError, match="16 characters or more") as told:
        proof_of("lms", GatewaySource(auth="body", secret_file=file))
    assert "short" not in str(told.value)


def test_no_secret_is_printed() -> None:
    assert SECRET not in repr(proving("body"))
    assert SECRET not in str(proving("body"))


def test_secrets_are_compared_in_constant_time_alone() -> None:
    """What depends on a secret is compared by hmac.compare_digest; by == only names and sizes."""
    tree = ast.parse(inspect.getsource(module))
    compared = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn)
    }
    assert compared == {
        "post.sent == post.body",
        "_plain(coded) == name.encode()",
        "scheme.lower() != 'basic'",
        "encoding == 'hex'",
        "one in text.encode()",
    }


# ---------------------------------------------------------------- compressed bodies


@given(st.binary(max_size=2000))
def test_what_was_compressed_comes_out_as_it_was(body: bytes) -> None:
    bare = zlib.compressobj(wbits=-15)
    sent = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), "": body, "identity": body}
    for encoding, data in sent.items():
        assert inflated(data, encoding, 2000) == body
    assert inflated(bare.compress(body) + bare.flush(), "deflate", 2000) == body
    assert inflated(gzip.compress(body) + gzip.compress(b"more"), "gzip", 2004) == body + b"more"


def test_a_bomb_is_never_blown_up() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    with pytest.raises(TooLarge):
        inflated(bomb, "gzip", 100_000)
    with pytest.raises(TooLarge):
        inflated(gzip.compress(bytes(60_000)) * 2, "gzip", 100_000)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd", "gzip"])
def test_what_is_not_what_it_says_is_told(encoding: str) -> None:
    with pytest.raises(NotInflated):
        inflated(b"{}", encoding, 100)


def test_half_of_it_is_not_taken_for_the_whole() -> None:
    with pytest.raises(NotInflated):
        inflated(gzip.compress(b"whole" * 100)[:-9], "gzip", 1000)
