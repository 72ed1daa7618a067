"""A served chain, the CAs a client trusts, a host name and a moment in; out comes why the client would refuse it.

The rules are those of the cluster's own clients, which are Go programs (crypto/x509 `Verify`): the path and its dates,
basicConstraints of each CA, server use of the leaf where it is restricted, and the host among the subjectAltNames,
never in the common name. The stricter rules of the web's CAs are left out on purpose: cluster CAs do not follow them,
and a client in the cluster does not ask.
"""

import datetime as dt
import ipaddress
import warnings

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    Subject,
    VerificationError,
)

from exporter.facts.x509 import Certificate
from exporter.reason import Reason

__all__ = ["distrust"]


def distrust(
    chain: tuple[Certificate, ...], authorities: tuple[Certificate, ...], host: str, now: float
) -> Reason | None:
    """None where a client that trusts `authorities` accepts `chain` (leaf first) for `host` at `now` (Unix seconds).

    Else CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED (also: not yet valid) or CERTIFICATE_HOSTNAME, the first that holds
    in this order: a certificate of another CA is not helped by a new date, nor an expired one by another name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # serials and encodings that RFC 5280 forbids are served all the same
        try:
            leaf, *between = (x509.load_der_x509_certificate(one.der) for one in chain)
            roots = [x509.load_der_x509_certificate(one.der) for one in authorities]
        except ValueError:
            return Reason.CERTIFICATE_UNTRUSTED
        if not roots:
            return Reason.CERTIFICATE_UNTRUSTED

        def verifies(moment: float, subject: Subject | None = None) -> bool:
            return _verifies(leaf, between, roots, moment, subject)

        if not verifies(now):
            # Within the leaf's validity something begins or ends at these moments alone, so one of them shows
            # whether the path would hold at another time.
            edges = {edge for one in (*chain, *authorities) for edge in (one.not_before, one.not_after)}
            inside = [edge for edge in edges if chain[0].not_before <= edge <= chain[0].not_after]
            return Reason.CERTIFICATE_EXPIRED if any(map(verifies, inside)) else Reason.CERTIFICATE_UNTRUSTED
        subject = _subject(host)
        return None if subject is not None and verifies(now, subject) else Reason.CERTIFICATE_HOSTNAME


def _verifies(
    leaf: x509.Certificate,
    between: list[x509.Certificate],
    roots: list[x509.Certificate],
    moment: float,
    subject: Subject | None,
) -> bool:
    # The client verifier is the one that takes no subject; with this policy it asks for no client use either.
    leaf_policy = ExtensionPolicy.permit_all().may_be_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _allows_servers
    )
    if subject is not None:
        leaf_policy = leaf_policy.require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    builder = (
        PolicyBuilder()
        .store(Store(roots))
        .time(dt.datetime.fromtimestamp(moment, dt.UTC).replace(tzinfo=None))
        .extension_policies(ca_policy=_authority_policy(), ee_policy=leaf_policy)
    )
    try:
        if subject is None:
            builder.build_client_verifier().verify(leaf, between)
        else:
            builder.build_server_verifier(subject).verify(leaf, between)
    except (VerificationError, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _authority_policy() -> ExtensionPolicy:
    return ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)


def _allows_servers(policy: Policy, leaf: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    allowed = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and not allowed & set(usage):
        raise ValueError("not for servers")


def _subject(host: str) -> Subject | None:
    """The name to look for among the subjectAltNames; None for what can be nobody's name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return x509.DNSName(host.removesuffix(".").encode("idna").decode())
    except (ValueError, UnicodeError):
        return None
