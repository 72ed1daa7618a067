"""Whether a client of the cluster accepts what it is served."""

import ipaddress
import time
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.facts.chain import distrust
from exporter.facts.purpose import ANY_USAGE, CLIENT_AUTH, SERVER_AUTH
from exporter.facts.x509 import Certificate, certificate, certificates
from exporter.reason import Reason
from simulation.pki import Authority, new_key
from tests.facts.authorities import T0, YEAR, cross_signed, signed
from tests.facts.forge import SEQUENCE, tlv
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


KNOWN = {14, 15, 17, 19, 30, 31, 32, 33, 36, 37, 54}
"""Of 2.5.29: those that Go's processExtensions knows."""


def marked(one: Certificate, **changes: object) -> Certificate:
    """The certificate as if it said this of its use."""
    assert one.purpose is not None
    return replace(one, purpose=replace(one.purpose, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("arc", range(14, 56))
def test_a_critical_extension_is_one_that_go_knows(arc: int) -> None:
    """Of the leaf or of a CA above it; the root's is looked at as well."""
    expected = None if arc in KNOWN else Reason.CERTIFICATE_UNTRUSTED
    critical = frozenset({"2.5.29.19", f"2.5.29.{arc}"})
    assert judged(marked(SERVES, critical=critical), MIDDLE) is expected
    assert judged(SERVES, marked(MIDDLE, critical=critical)) is expected
    assert judged(SERVES, MIDDLE, roots=(marked(ROOT, critical=critical),)) is expected


@pytest.mark.parametrize(
    ("usages", "expected"),
    [(None, None), ({SERVER_AUTH}, None), ({ANY_USAGE}, None), ({CLIENT_AUTH}, Reason.CERTIFICATE_UNTRUSTED)],
)
def test_each_certificate_of_a_path_is_for_servers(usages: set[str] | None, expected: Reason | None) -> None:
    for_them = None if usages is None else frozenset(usages)
    assert judged(marked(SERVES, usages=for_them), MIDDLE) is expected
    assert judged(SERVES, marked(MIDDLE, usages=for_them)) is expected
    assert judged(SERVES, MIDDLE, roots=(marked(ROOT, usages=for_them),)) is expected


def test_what_go_does_not_parse_is_not_trusted() -> None:
    assert judged(replace(SERVES, purpose=None), MIDDLE) is Reason.CERTIFICATE_UNTRUSTED
    unread = replace(SERVES, purpose=None)
    assert judged(unread, roots=(unread,)) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(SERVES, replace(MIDDLE, purpose=None)) is Reason.CERTIFICATE_UNTRUSTED


LOWER_KEY = new_key()
LOWER = signed("lower", "middle", MIDDLE_KEY, key=LOWER_KEY)
RENEWED = signed("lower", "lower", LOWER_KEY, key=LOWER_KEY)
LOW = signed("apiserver", "lower", LOWER_KEY, ca=False, extensions=NAMED)


@pytest.mark.parametrize(
    ("root", "middle", "lower", "expected"),
    [
        (None, None, None, None),
        (2, 1, 0, None),
        (1, 1, 0, Reason.CERTIFICATE_UNTRUSTED),
        (2, 0, 0, Reason.CERTIFICATE_UNTRUSTED),
        (0, 0, 0, Reason.CERTIFICATE_UNTRUSTED),
        (-1, -1, -1, None),
    ],
)
def test_between_a_ca_and_the_leaf_are_as_many_cas_as_it_allows(
    root: int | None, middle: int | None, lower: int | None, expected: Reason | None
) -> None:
    """RFC 5280 §4.2.1.9. A length below zero bounds nothing, as in Go."""
    chain = (LOW, marked(LOWER, path_length=lower), marked(MIDDLE, path_length=middle))
    assert judged(*chain, roots=(marked(ROOT, path_length=root),)) is expected


def test_a_path_length_of_the_leaf_bounds_nothing_and_what_signed_itself_does_not_count() -> None:
    assert judged(marked(SERVES, path_length=0), MIDDLE) is None
    own = replace(marked(MIDDLE), issuer=MIDDLE.subject)
    assert judged(SERVES, own, roots=(marked(ROOT, path_length=0),)) is None
    assert judged(SERVES, MIDDLE, roots=(marked(ROOT, path_length=0),)) is Reason.CERTIFICATE_UNTRUSTED
    assert judged(replace(SERVES, issuer=SERVES.subject), MIDDLE, roots=(marked(ROOT, path_length=1),)) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T0 - 1, Reason.CERTIFICATE_EXPIRED),
        (T0, None),
        (T0 + YEAR, None),
        (T0 + YEAR + 1, Reason.CERTIFICATE_EXPIRED),
    ],
)
def test_the_first_and_the_last_second_are_valid(now: float, expected: Reason | None) -> None:
    assert distrust((SERVES, MIDDLE), (ROOT,), HOST, now) is expected


def test_a_path_that_was_valid_for_a_second_has_ended_and_one_that_never_was_is_none() -> None:
    for begin, expected in (
        (T0 + 5, Reason.CERTIFICATE_EXPIRED),
        (T0 + 6, Reason.CERTIFICATE_UNTRUSTED),
    ):
        short, late = replace(MIDDLE, not_after=T0 + 5), replace(ROOT, not_before=begin)
        assert judged(SERVES, short, roots=(late,)) is expected
    assert judged(SERVES, replace(MIDDLE, not_after=T0 + 5), host="other") is Reason.CERTIFICATE_EXPIRED


@pytest.mark.parametrize(
    ("dns_names", "addresses", "host", "fits"),
    [
        (("A.test.",), (), "a.TEST", True),
        (("a.test",), (), "a.test.", True),
        (("a.test",), (), "b.test", False),
        (("*.test",), (), "a.test", True),
        (("*.TEST.",), (), "a.test", True),
        (("*.test",), (), "test", False),
        (("*.test",), (), "b.a.test", False),
        (("*.",), (), "a", False),
        (("*",), (), "a", False),
        (("*..",), (), "a", False),
        (("xn--bcher-kva.test",), (), "bücher.test", True),
        (("a.test",), (), "a..test", False),
        (("", "*."), (), "", False),
        ((), ("10.0.0.1",), "10.0.0.1", True),
        (("10.0.0.1",), (), "10.0.0.1", False),
        ((), ("fe80::1",), "FE80:0::1%eth0", True),
        ((), ("fe80::1",), "fe80::2", False),
    ],
)
def test_a_host_is_one_of_the_leafs_names_or_addresses(
    dns_names: tuple[str, ...], addresses: tuple[str, ...], host: str, fits: bool
) -> None:
    """RFC 6125 §6.4.3."""
    leaf = marked(SERVES, dns_names=dns_names, addresses=addresses)
    assert judged(leaf, MIDDLE, host=host) is (None if fits else Reason.CERTIFICATE_HOSTNAME)


def constraints(*permitted: str) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((x509.NameConstraints([x509.DNSName(one) for one in permitted], None), False),)


@pytest.mark.parametrize("kind", [0xA3, 0xA4, 0xA5])
def test_names_that_cannot_be_held_against_constraints_are_refused(kind: int) -> None:
    """A13: an X.400 address, a damaged directory name, an EDI party; a server may send any."""
    names = tlv(SEQUENCE, tlv(0x82, HOST.encode()), tlv(kind, b"x"))
    odd = ((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), names), False),)
    leaf = signed("apiserver", "middle", MIDDLE_KEY, ca=False, extensions=odd)
    middle = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, extensions=constraints("example.test"))
    assert judged(leaf, MIDDLE) is None
    assert judged(leaf, middle) is Reason.CERTIFICATE_UNTRUSTED


def test_constraints_of_a_name_bind_what_is_below_them_and_not_the_leaf_that_has_them() -> None:
    """RFC 5280 §4.2.1.10: of a CA or a root; what they permit is accepted also where it ended long ago."""
    for permitted, expected in (
        (("example.test", "apps.test"), None),
        (("other.test",), Reason.CERTIFICATE_UNTRUSTED),
    ):
        root = signed("ca", "ca", ROOT_KEY, key=ROOT_KEY, extensions=constraints(*permitted))
        middle = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, extensions=constraints(*permitted))
        assert judged(SERVES, MIDDLE, roots=(root,)) is expected
        assert judged(SERVES, middle) is expected
        ended = signed(
            "middle", "ca", ROOT_KEY, key=MIDDLE_KEY, begin=T0, end=NOW - 1, extensions=constraints(*permitted)
        )
        assert judged(SERVES, ended) is (expected or Reason.CERTIFICATE_EXPIRED)
    leaf = signed("apiserver", "middle", MIDDLE_KEY, ca=False, extensions=(*NAMED, *constraints("other.test")))
    assert judged(leaf, MIDDLE) is None
