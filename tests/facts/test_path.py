"""Who signed what, through whom."""

import time
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from exporter.facts import path
from exporter.facts.path import LONGEST, MOST_PATHS, MOST_SIGNATURES, issued_by, paths, signers_above, signers_in_use
from exporter.facts.signature import signed_by
from exporter.facts.x509 import Certificate, certificate, certificates
from simulation.pki import Authority, new_key, self_signed_linux
from tests.facts.authorities import T0, cross_signed, signed
from tests.facts.forge import DER
from tests.facts.test_der import spelt_out

ROOT_KEY, MIDDLE_KEY, LOWER_KEY = new_key(), new_key(), new_key()
ROOT = signed("ca", "ca", ROOT_KEY, key=ROOT_KEY)
MIDDLE = signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY)
LOWER = signed("lower", "middle", MIDDLE_KEY, key=LOWER_KEY)
DIRECT = signed("node", "ca", ROOT_KEY, ca=False)
BELOW = signed("node", "lower", LOWER_KEY, ca=False)
STRANGER_KEY = new_key()
STRANGER = signed("ca", "ca", STRANGER_KEY, key=STRANGER_KEY)
"""Another CA of the same name."""
Certificates = tuple[Certificate, ...]
Asked = tuple[list[tuple[Certificate, Certificate]], list[Certificates]]


def test_a_leaf_is_issued_through_the_intermediates_at_hand() -> None:
    """B13: wherever they are: behind the leaf, in a file of their own, beside the CA, in any order."""
    assert issued_by(DIRECT, (), (ROOT,))
    assert issued_by(BELOW, (MIDDLE, LOWER), (ROOT,))
    assert issued_by(BELOW, (STRANGER, LOWER, BELOW, MIDDLE, ROOT), (STRANGER, ROOT))
    assert issued_by(BELOW, (LOWER,), (MIDDLE,))
    assert not issued_by(BELOW, (MIDDLE,), (ROOT,))
    assert not issued_by(BELOW, (MIDDLE, LOWER), (STRANGER,))
    assert not issued_by(DIRECT, (), ())


def test_cas_that_signed_one_another_in_all_directions_are_not_walked_for_ever() -> None:
    """With no root among them there is no path; without a bound a million ways would be tried."""
    maze = cross_signed(9)
    leaf = signed("node", "maze", new_key(), ca=False)
    began = time.process_time()
    assert list(paths(leaf, maze, (), lambda *_: True)) == []
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("place", "found"), [(1, True), (59, False)])
def test_a_ca_that_is_there_sixty_times_over_is_not_looked_through_to_the_end(place: int, found: bool) -> None:
    """Of a name and a key for each, whichever of them the root has signed: no honest chain has so many."""
    key, above = new_key(), new_key()
    copies = tuple(signed("maze", "maze", key, key=key) for _ in range(60))
    root = signed("maze", "maze", above, key=above)
    leaf = signed("node", "maze", key, ca=False)
    those = list(paths(leaf, copies, (root,), lambda child, issuer: issuer != root or child == copies[place]))
    assert bool(those) is found


def test_neither_a_ca_nor_what_signed_itself_is_issued_by_the_cluster_ca() -> None:
    """A3: the CA in the place of the leaf verifies with its own key, and was issued by nobody."""
    assert signed_by(ROOT, ROOT)
    assert not issued_by(ROOT, (), (ROOT,))
    assert not issued_by(MIDDLE, (), (ROOT,))
    (own,) = certificates(self_signed_linux("node", T0).pem)
    assert not issued_by(own, (own,), (own,))
    again = signed("ca", "ca", ROOT_KEY, key=ROOT_KEY, ca=False)
    assert issued_by(again, (), (ROOT,)) is False


@pytest.mark.parametrize(
    "middle",
    [
        signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, ca=False),
        signed("middle", "ca", ROOT_KEY, key=MIDDLE_KEY, ca=None),
        signed("middle", "ca", STRANGER_KEY, key=MIDDLE_KEY),
        signed("middle", "ca", ROOT_KEY, key=LOWER_KEY),
        signed("other", "ca", ROOT_KEY, key=MIDDLE_KEY),
        signed(
            "middle",
            "ca",
            ROOT_KEY,
            key=MIDDLE_KEY,
            extensions=((x509.KeyUsage(True, False, False, False, False, False, True, False, False), True),),
        ),
    ],
    ids=["a leaf", "says nothing", "of another CA", "of another key", "of another name", "not for certificates"],
)
def test_what_is_no_ca_of_the_cluster_is_no_intermediate(middle: Certificate) -> None:
    """B13: an intermediate says that it is a CA, and every signature on the way verifies."""
    leaf = signed("node", "middle", MIDDLE_KEY, ca=False)
    assert issued_by(leaf, (MIDDLE,), (ROOT,))
    assert not issued_by(leaf, (middle,), (ROOT,))


def test_a_certificate_that_only_go_reads_is_issued_as_any_other() -> None:
    """B5: the signature is over the bytes as they are, not over those that a stricter reader would like."""
    ca = Authority.cluster(T0)
    (root,) = certificates(ca.pem)
    leaf = certificate(spelt_out(ca.kubelet_client("node", T0), ca.key))
    assert issued_by(leaf, (), (root,))
    assert not issued_by(leaf, (), certificates(Authority.cluster(T0, number=1).pem))
    changed = certificate(leaf.der.replace(b"system:node:node", b"system:node:nodf"))
    assert not issued_by(changed, (), (root,))


def test_the_members_that_signed_what_is_in_use_are_told_from_those_that_did_not() -> None:
    """B1: by signature; the former CA and the present one bear one name."""
    assert signers_in_use((STRANGER, ROOT), (DIRECT,)) == (ROOT,)
    assert signers_in_use((STRANGER, ROOT), (BELOW,), (LOWER, MIDDLE)) == (ROOT,)
    theirs = signed("node", "ca", STRANGER_KEY, ca=False)
    assert signers_in_use((STRANGER, ROOT), (DIRECT, theirs)) == (STRANGER, ROOT)
    assert signers_in_use((STRANGER,), (DIRECT,)) == ()
    assert signers_in_use((STRANGER, ROOT), ()) == ()
    assert signers_in_use((STRANGER, ROOT), (ROOT,)) == ()


def test_of_a_chain_the_signers_are_those_above_the_leaf() -> None:
    """A14: whatever else is sent along."""
    many = tuple(signed(f"number {number}", "ca", ROOT_KEY, key=LOWER_KEY) for number in range(40))
    assert signers_above((BELOW, *many, ROOT, MIDDLE, STRANGER, LOWER)) == (LOWER, MIDDLE, ROOT)
    assert signers_above((BELOW,)) == ()
    assert signers_above((BELOW, *many)) == ()


def test_a_maze_of_cross_signed_cas_costs_little() -> None:
    """A13: 156 certificates of one name, each signed with every other's key, and none by the cluster's CA."""
    maze = cross_signed(13)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = signed("node", "maze", key, ca=False)
    begun = time.process_time()
    assert not issued_by(leaf, maze, (ROOT,))
    inside = signed("node", "maze", new_key(), ca=False)
    assert not issued_by(inside, maze, (*maze[:1], ROOT))
    assert signers_above((leaf, *maze)) == ()
    assert time.process_time() - begun < 1.0  # 20 s without a bound; 0.03 s on the machine this was written on


def test_a_leaf_of_the_maze_finds_its_way_within_the_bounds() -> None:
    """A13: paths are cut in number and in length."""
    keys = [new_key() for _ in range(12)]
    maze = tuple(signed("maze", "maze", one, key=other) for one in keys for other in keys if one is not other)
    root = signed("maze", "maze", keys[0], key=keys[0])
    leaf = signed("node", "maze", keys[5], ca=False)
    found = list(paths(leaf, maze, (root,)))
    assert 0 < len(found) <= MOST_PATHS
    assert max(map(len, found)) <= LONGEST
    assert issued_by(leaf, maze, (root,))


def test_a_long_chain_is_followed_to_its_bound() -> None:
    """A13: Go has no bound on length; a chain of more than ten is an attack or an accident."""
    keys = [new_key() for _ in range(LONGEST + 1)]
    line = [
        signed(f"level {level}", f"level {max(level - 1, 0)}", keys[max(level - 1, 0)], key=keys[level])
        for level in range(LONGEST + 1)
    ]
    reached = LONGEST - 2
    leaf = signed("node", f"level {reached}", keys[reached], ca=False)
    beyond = signed("node", f"level {reached + 1}", keys[reached + 1], ca=False)
    assert issued_by(leaf, line[1:], line[:1])
    assert not issued_by(beyond, line[1:], line[:1])


def test_the_same_question_is_answered_without_a_signature_more() -> None:
    """Each scrape asks who signed what; the answers are kept."""
    leaf, (root,) = certificate(DER), certificates(Authority.cluster(T0).pem)
    issued_by(leaf, (), (root,))
    before = signed_by.cache_info()
    issued_by(leaf, (), (root,))
    assert signed_by.cache_info().misses == before.misses


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"authority": None, "version": 1}, True),
        ({"authority": None, "version": 2}, False),
        ({"authority": None, "version": 3}, False),
        ({"authority": False}, False),
        ({"authority": False, "version": 1}, False),
        ({"signs": True}, True),
        ({"signs": None}, True),
        ({"signs": False}, False),
    ],
)
def test_a_root_says_that_it_is_a_ca_unless_it_is_of_the_first_version(changes: dict[str, object], may: bool) -> None:
    """That one cannot say it (crypto/x509, CheckSignatureFrom)."""
    assert ROOT.purpose is not None
    root = replace(ROOT, purpose=replace(ROOT.purpose, **changes))  # type: ignore[arg-type]
    assert issued_by(DIRECT, (), (root,)) is may


def test_an_intermediate_of_the_first_version_is_none() -> None:
    assert MIDDLE.purpose is not None
    middle = replace(MIDDLE, purpose=replace(MIDDLE.purpose, authority=None, version=1))
    leaf = signed("node", "middle", MIDDLE_KEY, ca=False)
    assert issued_by(leaf, (MIDDLE,), (ROOT,))
    assert not issued_by(leaf, (middle,), (ROOT,))


def test_what_is_printed_of_a_certificate_is_a_line() -> None:
    """In a failure's message or a log: neither its bytes nor what was read of its extensions."""
    assert len(repr(ROOT)) < 700
    assert "der=" not in repr(ROOT)
    assert "purpose=" not in repr(ROOT)


# ---- the bounds of the search, and its order; `signed` stands for signatures that verify


def copies(of: Certificate, number: int) -> tuple[Certificate, ...]:
    """Certificates of one name, each with a key of its own."""
    return tuple(replace(of, fingerprint_sha256=f"f{at}", public_key_sha256=f"k{at}") for at in range(number))


def asked_of(leaf: Certificate, between: Certificates, roots: Certificates, *good: Certificate) -> Asked:
    """The pairs whose signatures are tried, and the paths that are found where these certificates sign."""
    asked: list[tuple[Certificate, Certificate]] = []

    def says(child: Certificate, issuer: Certificate) -> bool:
        asked.append((child, issuer))
        return issuer in good

    return asked, list(paths(leaf, between, roots, says))


@pytest.mark.parametrize(("place", "found"), [(MOST_SIGNATURES - 1, True), (MOST_SIGNATURES, False)])
def test_so_many_signatures_are_tried_and_no_more(place: int, found: bool) -> None:
    """A13: of CAs of one name, as Go does."""
    roots = copies(ROOT, MOST_SIGNATURES + 20)
    asked, those = asked_of(DIRECT, (), roots, roots[place])
    assert [issuer for _, issuer in asked] == list(roots[:MOST_SIGNATURES])
    assert those == ([(DIRECT, roots[place])] if found else [])
    assert (MOST_SIGNATURES, MOST_PATHS, LONGEST) == (100, 16, 10)
    assert (path._MOST_STEPS, path._MOST_AT_HAND) == (2000, 200)


def test_so_many_paths_are_found_and_no_more() -> None:
    leaf = signed("node", "middle", MIDDLE_KEY, ca=False)
    middles = copies(MIDDLE, MOST_PATHS + 4)
    _, those = asked_of(leaf, middles, (ROOT,), ROOT, *middles)
    assert those == [(leaf, one, ROOT) for one in middles[:16]]


@pytest.mark.parametrize(("before", "found"), [(199, True), (200, False)])
def test_so_many_certificates_are_looked_at_and_no_more(before: int, found: bool) -> None:
    others = tuple(replace(LOWER, fingerprint_sha256=f"f{at}") for at in range(before))
    assert issued_by(DIRECT, (), (*others, ROOT)) is found
    below = signed("node", "middle", MIDDLE_KEY, ca=False)
    assert issued_by(below, (*others, MIDDLE), (ROOT,)) is found


def test_so_many_steps_are_taken_and_no_more() -> None:
    """199 certificates of one CA and a root of its name: 200 steps for each, however few signatures that are."""
    key, above = new_key(), new_key()
    one = signed("maze", "maze", key, key=key)
    same = tuple(replace(one, fingerprint_sha256=f"f{at}") for at in range(199))
    root = signed("maze", "maze", above, key=above)
    asked, those = asked_of(signed("node", "maze", key, ca=False), same, (root,), *same)
    assert those == []
    assert [child for child, issuer in asked if issuer == root][1:] == list(same[:9])


def test_a_signature_is_tried_once_for_a_name_and_a_key() -> None:
    """A root that was renewed with its key is two ends of one question."""
    again = replace(ROOT, fingerprint_sha256="again")
    asked, those = asked_of(DIRECT, (), (ROOT, again, ROOT), ROOT)
    assert asked == [(DIRECT, ROOT)]
    assert those == [(DIRECT, ROOT), (DIRECT, again)]
    asked, those = asked_of(BELOW, (LOWER, LOWER, MIDDLE), (MIDDLE, ROOT), LOWER, MIDDLE, ROOT)
    assert asked == [(BELOW, LOWER), (LOWER, MIDDLE), (MIDDLE, ROOT)]
    assert those == [(BELOW, LOWER, MIDDLE), (BELOW, LOWER, MIDDLE, ROOT)]


def test_a_path_goes_through_each_name_and_key_once() -> None:
    """One name with another key is another CA, and so is one key with another name."""
    same_key = signed("middle", "ca", ROOT_KEY, key=ROOT_KEY)
    leaf = signed("node", "middle", ROOT_KEY, ca=False)
    assert list(paths(leaf, (same_key,), (ROOT,))) == [(leaf, same_key, ROOT)]
    renewed = signed("ca", "ca", STRANGER_KEY, key=ROOT_KEY)
    assert list(paths(DIRECT, (renewed,), (STRANGER,))) == [(DIRECT, renewed, STRANGER)]
    assert list(paths(DIRECT, (ROOT, renewed), (ROOT, STRANGER))) == [(DIRECT, ROOT), (DIRECT, renewed, STRANGER)]


def identified(own: bytes | None, issuer: bytes | None, *, ca: bool = True) -> Certificate:
    """A certificate of a CA `ca` with these identifiers of keys."""
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if own:
        extensions.append((x509.SubjectKeyIdentifier(own), False))
    if issuer:
        extensions.append((x509.AuthorityKeyIdentifier(issuer, None, None), False))
    return signed("ca" if ca else "node", "ca", ROOT_KEY, key=new_key(), ca=ca, extensions=tuple(extensions))


@pytest.mark.parametrize(
    ("wanted", "order"), [(b"two", (1, 0, 2)), (b"one", (0, 1, 2)), (b"none", (0, 1, 2)), (None, (0, 1, 2))]
)
def test_the_issuer_whose_key_is_named_is_tried_first(wanted: bytes | None, order: tuple[int, ...]) -> None:
    """RFC 5280 §4.2.1.1; the others follow in their order."""
    roots = (identified(b"one", None), identified(b"two", None), identified(None, None))
    leaf = identified(None, wanted, ca=False)
    asked, _ = asked_of(leaf, (), roots)
    assert [roots.index(issuer) for _, issuer in asked] == list(order)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((100.0, 300.0, 200.0), 2), ((100.0, 199.0, 150.0), 1), ((300.0, 250.0, 400.0), 1), ((0.0, 200.0, 201.0), 1)],
)
def test_of_roots_with_one_key_one_counts(ends: tuple[float, ...], expected: int) -> None:
    """B1: the first to end of those that outlive the leaf, which ends at 200; else the last to end."""
    leaf = replace(DIRECT, not_after=200.0)
    roots = tuple(replace(ROOT, fingerprint_sha256=f"f{at}", not_after=end) for at, end in enumerate(ends))
    assert signers_in_use(roots, (leaf,)) == (roots[expected],)
    assert signers_in_use(roots, (roots[0], leaf)) == (roots[expected],)


def test_a_member_that_another_one_signed_is_a_way_to_that() -> None:
    """B1: an intermediate in the bundle that ends before the leaf does harms nobody."""
    middle = replace(MIDDLE, not_after=200.0)
    leaf = replace(signed("node", "middle", MIDDLE_KEY, ca=False), not_after=300.0)
    assert signers_in_use((middle, ROOT), (leaf,)) == (ROOT,)
    assert signers_in_use((middle,), (leaf,)) == (middle,)


def test_the_longest_way_up_a_chain_has_its_signers() -> None:
    assert signers_above((DIRECT, ROOT)) == (ROOT,)
    renewed = signed("lower", "lower", LOWER_KEY, key=LOWER_KEY)
    for others in ((renewed, LOWER, MIDDLE), (LOWER, MIDDLE, renewed)):
        assert signers_above((BELOW, *others)) == (LOWER, MIDDLE)
    assert signers_above((DIRECT, ROOT), lambda *_: False) == ()
    assert signers_in_use((ROOT,), (DIRECT,), (), lambda *_: False) == ()
    assert not issued_by(DIRECT, (), (ROOT,), lambda *_: False)
    assert issued_by(replace(DIRECT, purpose=None), (), (ROOT,)) is False
