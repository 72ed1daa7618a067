"""A served chain, the CAs a client trusts, a host name and a moment in; out comes why the client would refuse it.

The rules are those of the cluster's own clients, which are Go programs (crypto/x509 `Verify`): the path and its dates,
basicConstraints of each CA, server use of every certificate that restricts its use, and the host among the
subjectAltNames, never in the common name. The stricter rules of the web's CAs are left out on purpose: cluster CAs do
not follow them, and a client in the cluster does not ask.
"""

import datetime as dt
import ipaddress
import warnings

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from exporter.facts.certificate import Certificate
from exporter.facts.der import layout
from exporter.facts.path import Path, paths
from exporter.facts.purpose import SERVER_AUTH, Purpose
from exporter.facts.x509 import load
from exporter.reason import Reason

__all__ = ["distrust"]

_NAME_CONSTRAINTS = "2.5.29.30"
_HANDLED = {f"2.5.29.{arc}" for arc in (14, 15, 17, 19, 30, 31, 32, 33, 36, 37, 54)}
"""Extensions that Go knows (crypto/x509, processExtensions): any other one that is critical ends the matter."""


def distrust(
    chain: tuple[Certificate, ...], authorities: tuple[Certificate, ...], host: str, now: float
) -> Reason | None:
    """None where a client that trusts `authorities` accepts `chain` (leaf first) for `host` at `now` (Unix seconds).

    Else CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED (also: not yet valid) or CERTIFICATE_HOSTNAME, the first that holds
    in this order: a certificate of another CA is not helped by a new date, nor an expired one by another name. The work
    is bounded whatever the server sends (facts.path).
    """
    leaf, *between = chain
    if leaf.purpose is None:
        return Reason.CERTIFICATE_UNTRUSTED
    found = [(leaf,)] if leaf in authorities else list(paths(leaf, between, authorities))
    sound = [path for path in found if _holds(path)]
    windows = [(max(one.not_before for one in path), min(one.not_after for one in path)) for path in sound]
    if not any(begin <= now <= end for begin, end in windows):
        ever = any(begin <= end for begin, end in windows)
        return Reason.CERTIFICATE_EXPIRED if ever else Reason.CERTIFICATE_UNTRUSTED
    return None if _bears(leaf.purpose, host) else Reason.CERTIFICATE_HOSTNAME


def _holds(path: Path) -> bool:
    """Whether the path is one that Go walks, dates and host apart; its signatures are known to verify."""
    below = [sum(not other.self_issued for other in path[1:position]) for position in range(len(path))]
    constrained = any(
        extension.identifier == _NAME_CONSTRAINTS for one in path[1:] for extension in layout(one.der).extensions
    )
    return all(map(_serves, path, below)) and (not constrained or _within_constraints(path))


def _serves(one: Certificate, below: int) -> bool:
    """Whether it may be on a server's path, with so many CAs between it and the leaf."""
    made_for = one.purpose
    assert made_for is not None  # such a one is on no path
    long = made_for.path_length is not None and 0 <= made_for.path_length < below
    return made_for.fit_for(SERVER_AUTH) and not made_for.critical - _HANDLED and not long


def _within_constraints(path: Path) -> bool:
    """Whether the leaf's names keep to the name constraints above it (RFC 5280 §4.2.1.10): as the library judges."""
    policy = ExtensionPolicy.permit_all()
    moment = max(one.not_before for one in path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # serials and encodings that RFC 5280 forbids are served all the same
        try:
            leaf, *between, root = (load(one.der)[0] for one in path)
            (
                PolicyBuilder()
                .store(Store([root]))
                .time(dt.datetime.fromtimestamp(moment, dt.UTC))
                .extension_policies(
                    ca_policy=policy.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None),
                    ee_policy=policy,
                )
                .build_client_verifier()
                .verify(leaf, between)
            )
        except (VerificationError, ValueError, x509.UnsupportedGeneralNameType):
            return False
    return True


def _bears(made_for: Purpose, host: str) -> bool:
    """Whether the host is among the names (RFC 6125 §6.4.3: a star matches one whole label, the first)."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0])) in made_for.addresses
    except ValueError:
        pass
    try:
        name = host.removesuffix(".").encode("idna").decode().lower()
    except ValueError:  # a UnicodeError is one
        return False
    names = {one.lower().removesuffix(".") for one in made_for.dns_names}
    _, dot, parent = name.partition(".")
    return bool(name) and (name in names or (dot != "" and f"*.{parent}" in names))
