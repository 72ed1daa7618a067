"""Whether a client of the cluster accepts what it is served."""

import ipaddress
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.facts.chain import distrust
from exporter.facts.x509 import Certificate, certificate, certificates
from exporter.reason import Reason
from simulation.pki import Authority, new_key
from tests.facts.authorities import T0, YEAR, cross_signed, signed
from tests.facts.test_der import spelt_out

NOW = T0 + 1000
ROOT_KEY, MIDDLE_KEY = new_key(), new_key()
ROOT = signed("ca", "ca", ROOT_KEY, key=ROOT_KEY)
MIDDLE = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY)
NAMES = x509.SubjectAlternativeName(
    [x509.DNSName("api.example.test"), x509.DNSName("*.apps.test"), x509.IPAddress(ipaddress.ip_address("10.0.0.1"))]
)
NAMED = ((NAMES, False),)
SERVES = signed("apiserver", "middle", MIDDLE_KEY, ca=False, extensions=NAMED)
HOST = "api.example.test"


def usage(*oids: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(oids), False


def judged(*chain: Certificate, roots: tuple[Certificate, ...] = (ROOT,), host: str = HOST) -> Reason | None:
    return distrust(chain, roots, host, NOW)


def test_a_chain_is_accepted_in_any_order_behind_its_leaf() -> None:
    """B13: with strangers in between, and whether or not the root is sent along."""
    assert judged(SERVES, MIDDLE) is None
    assert judged(SERVES, ROOT, MIDDLE) is None
    assert judged(SERVES, *cross_signed(3), MIDDLE, MIDDLE) is None
    assert judged(SERVES) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(SERVES, roots=(ROOT, MIDDLE)) is None
    assert judged(SERVES, MIDDLE, roots=()) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(SERVES, roots=(SERVES,)) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.example.test", None),
        ("API.example.test.", None),
        ("one.apps.test", None),
        ("10.0.0.1", None),
        ("apps.test", Reason.CERTIFICATE_HOSTNAME),
        ("two.one.apps.test", Reason.CERTIFICATE_HOSTNAME),
        ("example.test", Reason.CERTIFICATE_HOSTNAME),
        ("10.0.0.2", Reason.CERTIFICATE_HOSTNAME),
        ("apiserver", Reason.CERTIFICATE_HOSTNAME),
        ("", Reason.CERTIFICATE_HOSTNAME),
        ("x" * 70 + ".test", Reason.CERTIFICATE_HOSTNAME),
    ],
)
def test_the_host_is_among_the_names(host: str, expected: Reason | None) -> None:
    assert judged(SERVES, MIDDLE, host=host) is expected


@pytest.mark.parametrize(
    ("leaf", "middle", "expected"),
    [
        ((usage(ExtendedKeyUsageOID.SERVER_AUTH),), (), None),
        ((usage(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),), (), None),
        ((usage(ExtendedKeyUsageOID.CLIENT_AUTH),), (), Reason.CERTIFICATE_UNTRUSTED),
        ((), (usage(ExtendedKeyUsageOID.CLIENT_AUTH),), Reason.CERTIFICATE_UNTRUSTED),
        ((), (usage(ExtendedKeyUsageOID.SERVER_AUTH),), None),
        (
            ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),),
            (),
            Reason.CERTIFICATE_UNTRUSTED,
        ),
        (((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False),), (), None),
        ((), ((x509.NameConstraints([x509.DNSName("example.test"), x509.DNSName("apps.test")], None), True),), None),
        ((), ((x509.NameConstraints([x509.DNSName("other.test")], None), True),), Reason.CERTIFICATE_UNTRUSTED),
    ],
)
def test_uses_and_constraints_hold_over_the_whole_path(
    leaf: tuple[tuple[x509.ExtensionType, bool], ...],
    middle: tuple[tuple[x509.ExtensionType, bool], ...],
    expected: Reason | None,
) -> None:
    """As Go's `Verify`: a CA's own restrictions bind what it signs."""
    above = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, extensions=middle)
    served = signed("apiserver", "middle", MIDDLE_KEY, ca=False, extensions=(*NAMED, *leaf))
    assert judged(served, above) is expected


def test_a_ca_may_say_how_many_cas_follow() -> None:
    key = new_key()
    narrow = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, path_length=0)
    lower = signed("lower", "middle", MIDDLE_KEY, key=key)
    served = signed("apiserver", "lower", key, ca=False, extensions=NAMED)
    assert judged(served, lower, MIDDLE) is None
    assert judged(served, lower, narrow) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(SERVES, narrow) is None


def test_dates_count_over_the_whole_path_and_a_second_path_may_save_it() -> None:
    """A13, B1: an ended CA beside the present one, or an ended cross-signature, harms nobody."""
    ended_root = signed("ca", "ca", ROOT_KEY, key=ROOT_KEY, end=NOW - 1)
    assert judged(SERVES, MIDDLE, roots=(ended_root,)) is Reason.CERTIFICATE_EXPIRED
    assert judged(SERVES, MIDDLE, roots=(ended_root, ROOT)) is None
    ended = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, end=NOW - 1)
    assert judged(SERVES, ended) is Reason.CERTIFICATE_EXPIRED
    assert judged(SERVES, ended, MIDDLE) is None
    later = signed("apiserver", "ca", ROOT_KEY, ca=False, begin=NOW + 1, extensions=NAMED)
    assert judged(later) is Reason.CERTIFICATE_EXPIRED
    never = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, begin=T0 - 2 * YEAR, end=T0 - YEAR)
    assert judged(SERVES, never) is Reason.CERTIFICATE_UNTRUSTED


def test_a_certificate_that_only_go_reads_is_judged_as_any_other() -> None:
    """B5: `critical FALSE` written out, times without seconds."""
    ca = Authority.cluster(T0)
    leaf = certificate(spelt_out(ca.apiserver([HOST], T0), ca.key))
    root = certificate(ca.certificate.public_bytes(serialization.Encoding.DER))
    assert judged(leaf, roots=(root,)) is None
    assert judged(leaf, roots=(ROOT,)) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(leaf, roots=(root,), host="other") is Reason.CERTIFICATE_HOSTNAME
    assert distrust((leaf,), (root,), HOST, leaf.not_after + 1) is Reason.CERTIFICATE_EXPIRED


def test_a_maze_of_cross_signed_cas_is_refused_soon() -> None:
    """A13: 156 certificates, more paths than atoms; the look that took 20 s of a core."""
    maze = cross_signed(13)
    key = new_key()
    served = signed("apiserver", "maze", key, ca=False, extensions=NAMED)
    assert distrust((served, *maze), (ROOT,), HOST, NOW) is Reason.CERTIFICATE_UNTRUSTED
    keys = [new_key() for _ in range(13)]
    inside = tuple(signed("maze", "maze", one, key=other) for one in keys for other in keys if one is not other)
    served = signed("apiserver", "maze", keys[3], ca=False, extensions=NAMED)
    begun = time.process_time()
    assert distrust((served, *inside), (ROOT,), HOST, NOW) is Reason.CERTIFICATE_UNTRUSTED
    assert time.process_time() - begun < 1.0


def test_a_webhooks_own_ca_and_leaf_in_one_file_are_a_path() -> None:
    """B13: intermediates may be in the bundle of trusted CAs."""
    bundle = certificates(Authority.cluster(T0).pem)
    assert judged(SERVES, roots=(*bundle, MIDDLE)) is None
