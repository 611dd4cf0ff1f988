"""A certificate for the simulator, made at start: a good one, or one that no client should take."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Tls(StrEnum):
    """What is wrong with the certificate."""

    GOOD = "good"  # nothing: whoever trusts it is served
    WRONG_HOST = "wrong-host"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate in PEM; a client that is to trust it needs `public` only."""

    public: bytes
    private: bytes = field(repr=False)

    def context(self) -> ssl.SSLContext:
        """What a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "server.pem"
            path.touch(0o600)
            path.write_bytes(self.private + self.public)
            context.load_cert_chain(path)
        return context


def certificate(kind: Tls, host: str, now: datetime) -> Certificate:
    """A certificate for `host` and this machine; `now` is the real time, for clients ask it too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PARS simulator")])
    ends = now - _DAY if kind is Tls.EXPIRED else now + 30 * _DAY
    hosts = ["elsewhere.example"] if kind is Tls.WRONG_HOST else [host, "localhost", "127.0.0.1"]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - 60 * _DAY)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([*map(_named, hosts)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certificate(signed.public_bytes(serialization.Encoding.PEM), private)


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
