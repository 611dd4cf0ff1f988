"""Listeners of a broker that ask who is there: TLS, a password, both, a client's certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

USER, PASSWORD = "lms-office", "correct-horse-Battery-9"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MECHANISMS = ("PLAIN", *SCRAM)
LISTENERS = {
    "SSL": "SSL",
    "SASL_PLAINTEXT": "SASL_PLAINTEXT",
    "SASL_SSL": "SASL_SSL",
    "MUTUAL": "SSL",  # wants the client's certificate
    "STRANGER": "SSL",  # shows a certificate of another host
}

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A certificate authority made up for a test; its files are in `folder`."""

    def __init__(self, folder: Path, name: str = "Example Test Authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), name
        self.ca_file = folder / "ca.pem"
        ca = self._builder(name, self._key).add_extension(x509.BasicConstraints(True, 0), True)
        self.ca_file.write_bytes(ca.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """A certificate for these host names or addresses, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = self._builder(name, key)
        if hosts:
            built = built.add_extension(x509.SubjectAlternativeName(list(map(_san, hosts))), False)
        cert, secret = self._folder / f"{name}.cert.pem", self._folder / f"{name}.key.pem"
        cert.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(_pem(key))
        return cert, secret

    def store(self, name: str, *hosts: str) -> Path:
        """The same in one file, as a broker's key store wants it."""
        cert, key = self.issue(name, *hosts)
        store = self._folder / f"{name}.store.pem"
        store.write_bytes(key.read_bytes() + cert.read_bytes())
        return store

    def _builder(self, name: str, key: Key) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
        )


class Guarded:
    """What a broker needs for `LISTENERS`, at these ports."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.authority = Authority(folder)
        self.addresses = {
            name: f"127.0.0.1:{port}" for name, port in zip(LISTENERS, ports, strict=True)
        }

    @property
    def users(self) -> list[str]:
        """Arguments for the format of the broker's storage: who may come in by SCRAM."""
        told = [f"{kind}=[name={USER},password={PASSWORD}]" for kind in SCRAM]
        return [word for one in told for word in ("--add-scram", one)]

    def properties(self) -> str:
        """Properties behind those of every broker."""
        ours, other = (
            self.authority.store("broker", "127.0.0.1", "localhost"),
            self.authority.store("stranger", "kafka.elsewhere.example"),
        )
        logins = "".join(map(_login, ("sasl_plaintext", "sasl_ssl")))
        return f"""\
ssl.keystore.type=PEM
ssl.keystore.location={ours}
ssl.truststore.type=PEM
ssl.truststore.location={self.authority.ca_file}
listener.name.mutual.ssl.client.auth=required
listener.name.stranger.ssl.keystore.type=PEM
listener.name.stranger.ssl.keystore.location={other}
sasl.enabled.mechanisms={",".join(MECHANISMS)}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
{logins}"""


def _login(listener: str) -> str:
    security = "org.apache.kafka.common.security"
    plain = f'{security}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = f"{security}.scram.ScramLoginModule required;"
    logins = {"plain": plain, **{kind.lower(): scram for kind in SCRAM}}
    lines = (
        f"listener.name.{listener}.{kind}.sasl.jaas.config={login}\n"
        for kind, login in logins.items()
    )
    return "".join(lines)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _san(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
