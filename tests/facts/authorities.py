"""CAs above and beside one another, as small as a test needs them."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporter.facts.x509 import Certificate, certificate
from simulation.pki import Key, new_key

YEAR = 365 * 86400.0
T0 = 1_800_000_000.0


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def signed(
    subject: str,
    issuer: str,
    signer: Key,
    *,
    key: Key | None = None,
    ca: bool | None = True,
    path_length: int | None = None,
    begin: float = T0,
    end: float = T0 + YEAR,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Certificate:
    """A certificate of these names with the signer's signature; `ca` None: without basicConstraints."""
    public = (key or new_key()).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(begin, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(end, dt.UTC))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(signer, hashes.SHA256())
    return certificate(made.public_bytes(serialization.Encoding.DER))


def cross_signed(keys: int) -> tuple[Certificate, ...]:
    """CAs of one name for that many keys, each signed with each of the others: keys * (keys - 1) certificates."""
    pairs = [ec.generate_private_key(ec.SECP256R1()) for _ in range(keys)]
    return tuple(signed("maze", "maze", signer, key=own) for own in pairs for signer in pairs if own is not signer)
