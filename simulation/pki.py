"""Certificates with the profiles of real AKS clusters and any dates: what the demo, the tests and benchmarks run on.

Dates are Unix seconds throughout. The keys are made for the moment and protect nothing.
"""

import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = [
    "DAY",
    "SERVER",
    "YEAR",
    "Authority",
    "Credential",
    "certificate_request",
    "new_key",
    "self_signed_linux",
    "self_signed_windows",
]

DAY = 86400.0
YEAR = 365 * DAY

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Usage = x509.ObjectIdentifier
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def new_key(algorithm: str = "ec") -> Key:
    """A fresh `ec` (P-256) or `rsa` (2048) key."""
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _shared_rsa_key(number: int) -> rsa.RSAPrivateKey:
    # RSA keys take a tenth of a second each; which one a simulated CA has matters only where two must differ.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate, those above it that go into the same file, and its private key."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def certificate_pem(self) -> bytes:
        """The certificate and its chain."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The key in the form the kubelet writes: `EC PRIVATE KEY` or `RSA PRIVATE KEY`."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    @property
    def pem(self) -> bytes:
        """Certificate, then key, in one file, as in the kubelet's `…-current.pem`."""
        return self.certificate_pem + self.key_pem

    def show(self, context: ssl.SSLContext) -> None:
        """Let a context show it from now on. The ssl module reads certificates only from files."""
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(self.pem)
            file.flush()
            context.load_cert_chain(file.name)

    def server_context(self) -> ssl.SSLContext:
        """A TLS server's context that shows it and asks its clients for nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(context)
        return context

    @property
    def not_before(self) -> float:
        """Unix seconds."""
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def not_after(self) -> float:
        """Unix seconds."""
        return self.certificate.not_valid_after_utc.timestamp()

    @property
    def fingerprint_sha256(self) -> str:
        """Hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def serial_number(self) -> str:
        """Hexadecimal, lower case, no leading zeros."""
        return f"{self.certificate.serial_number:x}"


class Authority:
    """A CA. `Authority.cluster(t0)` is an AKS cluster CA: CN=ca, RSA, 30 years and ten minutes."""

    def __init__(self, name: str, not_before: float, not_after: float, *, number: int = 0) -> None:
        """`number` picks the key: one name and two numbers are a CA before and after its rotation."""
        self.key: rsa.RSAPrivateKey = _shared_rsa_key(number)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = _signed(
            _builder(self.name, self.name, self.key, not_before, not_after)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(key_cert_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False),
            self.key,
        )

    @classmethod
    def cluster(cls, t0: float, *, years: float = 30, number: int = 0) -> "Authority":
        """An AKS cluster CA made at t0."""
        return cls("ca", t0 - 600, t0 + years * YEAR, number=number)

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint_sha256(self) -> str:
        """Hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def issue(
        self,
        common_name: str,
        not_before: float,
        not_after: float,
        *,
        organization: str = "",
        names: Iterable[str] = (),
        usages: Iterable[Usage] = (CLIENT,),
        key: Key | None = None,
        public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None = None,
    ) -> Credential:
        """A leaf of this CA. `names` are DNS names and IP addresses. With `public_key` the key is of no use."""
        own = key or new_key()
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, self.name, own, not_before, not_after, public_key)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if general := [_general_name(name) for name in names]:
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        return Credential(_signed(builder, self.key), own)

    def kubelet_client(self, node: str, t0: float, *, days: float = 365, key: Key | None = None) -> Credential:
        """A kubelet's client certificate, signed at t0: kube-controller-manager backdates by five minutes."""
        return self.issue(
            f"system:node:{node}",
            t0 - 300,
            t0 - 300 + days * DAY,
            organization="system:nodes",
            usages=(CLIENT,),
            key=key,
        )

    def kubelet_serving(
        self,
        node: str,
        t0: float,
        *,
        days: float = 365,
        addresses: Iterable[str] = ("127.0.0.1",),
        key: Key | None = None,
    ) -> Credential:
        """A kubelet's serving certificate with rotation on."""
        return self.issue(
            f"system:node:{node}",
            t0 - 300,
            t0 - 300 + days * DAY,
            organization="system:nodes",
            names=(node, *addresses),
            usages=(SERVER,),
            key=key,
        )

    def apiserver(self, names: Iterable[str], t0: float, *, days: float = 730) -> Credential:
        """An API server's certificate: two years and ten minutes."""
        return self.issue(
            "apiserver", t0 - 600, t0 + days * DAY, names=names, usages=(SERVER,), key=_shared_rsa_key(100)
        )


def self_signed_linux(node: str, t0: float) -> Credential:
    """What AKS writes to kubeletserver.crt where rotation is off: RSA, 20 years, `openssl req -x509`."""
    key = _shared_rsa_key(101)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    builder = _builder(name, name, key, t0, t0 + 7300 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(node)]), critical=False)
    return Credential(_signed(builder, key), key)


def self_signed_windows(node: str, t0: float) -> Credential:
    """What a kubelet makes for itself (pki/kubelet.crt): one year, its own throw-away CA behind the leaf."""
    authority = Authority(f"{node}-ca@{int(t0)}", t0, t0 + YEAR, number=102)
    leaf = authority.issue(
        f"{node}@{int(t0)}", t0, t0 + YEAR, names=(node,), usages=(SERVER,), key=_shared_rsa_key(103)
    )
    return Credential(leaf.certificate, leaf.key, (authority.certificate,))


def certificate_request(node: str, key: Key | None = None, names: Iterable[str] = ()) -> bytes:
    """A kubelet's certificate signing request in PEM."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if general := [_general_name(name) for name in names]:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(key or new_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    not_before: float,
    not_after: float,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(int(not_before), dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(int(not_after), dt.UTC))
    )


def _key_usage(*, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: Key) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())
