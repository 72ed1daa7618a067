"""A certificate, others at hand and the CAs that are trusted in; the paths between them whose signatures verify out.

Names and key identifiers only choose what to try first. The search is bounded, as in Go (crypto/x509, buildChains, 100
signatures): CAs that signed one another in all directions make more paths than anybody could walk.
"""

from collections.abc import Iterable, Iterator

from exporter.facts.certificate import Certificate, ends_first, ends_last
from exporter.facts.der import layout
from exporter.facts.signature import SignedBy, signed_by

__all__ = ["LONGEST", "MOST_PATHS", "MOST_SIGNATURES", "Path", "issued_by", "paths", "signers_above", "signers_in_use"]

Path = tuple[Certificate, ...]
"""The leaf first, a trusted CA last."""

MOST_SIGNATURES = 100
"""Signatures that are tried for one leaf: some 10 ms."""
MOST_PATHS = 16
LONGEST = 10
"""Certificates of one path, both ends included."""
_MOST_STEPS = 2000
_MOST_AT_HAND = 200


def paths(
    leaf: Certificate, between: Iterable[Certificate], roots: Iterable[Certificate], signed: SignedBy = signed_by
) -> Iterator[Path]:
    """The paths from the leaf to one of the roots, the shortest first. `signed` says whose signature verifies.

    Basic constraints are looked at, dates are not: an ended path is a path.
    """
    trusted = tuple(one for one in dict.fromkeys(roots) if _may_sign(one, root=True))[:_MOST_AT_HAND]
    helpers = tuple(one for one in dict.fromkeys(between) if _may_sign(one, root=False))[:_MOST_AT_HAND]
    signatures, steps, found = 0, 0, 0
    known: dict[tuple[Certificate, str], bool] = {}
    waiting: list[Path] = [(leaf,)]
    while waiting and steps < _MOST_STEPS and found < MOST_PATHS:
        path = waiting.pop(0)
        for pool, ends in ((trusted, True), (helpers, False)):
            for issuer in _issuers(path[-1], pool):
                steps += 1
                if any(issuer.same_key(one) and issuer.subject == one.subject for one in path):
                    continue
                pair = (path[-1], issuer.public_key_sha256)  # CAs of one name and one key verify alike
                if pair not in known:
                    if signatures >= MOST_SIGNATURES:
                        return
                    signatures += 1
                    known[pair] = signed(path[-1], issuer)
                if not known[pair]:
                    continue
                if ends:
                    found += 1
                    yield (*path, issuer)
                elif len(path) < LONGEST - 1:
                    waiting.append((*path, issuer))


def issued_by(
    leaf: Certificate,
    between: Iterable[Certificate],
    authorities: Iterable[Certificate],
    signed: SignedBy = signed_by,
) -> bool:
    """Whether one of the authorities signed the leaf, through certificates at hand. A CA is nobody's leaf, and what
    signed itself was not issued by anybody.
    """
    made_for = leaf.purpose
    if made_for is None or made_for.authority:
        return False
    authorities = tuple(authorities)
    if any(leaf.same_key(one) for one in authorities):
        return False
    return next(paths(leaf, between, authorities, signed), None) is not None


def signers_above(chain: tuple[Certificate, ...], signed: SignedBy = signed_by) -> tuple[Certificate, ...]:
    """Those behind the leaf of a chain that signed it, one above the other, however many others are there."""
    if len(chain) < 2:
        return ()
    leaf, *others = chain
    return max((path[1:] for path in paths(leaf, others, others, signed)), key=len, default=())


def signers_in_use(
    bundle: Iterable[Certificate],
    leaves: Iterable[Certificate],
    between: Iterable[Certificate] = (),
    signed: SignedBy = signed_by,
) -> tuple[Certificate, ...]:
    """The members of a CA bundle that signed one of the leaves in use, in the bundle's order; empty: none is known.

    Where several did, as a root that was renewed with its key, or one that another has signed across, whoever verifies
    is content with one of them: the first to end of those that outlive the leaf, else the last to end.
    """
    members, between = tuple(dict.fromkeys(bundle)), tuple(between)
    found = set()
    for leaf in leaves:
        if leaf in members:
            continue
        if roots := [path[-1] for path in paths(leaf, (*between, *members), members, signed)]:
            lasting = tuple(one for one in roots if one.not_after >= leaf.not_after)
            found.add(ends_first(lasting) if lasting else ends_last(tuple(roots)))
    return tuple(one for one in members if one in found)


def _may_sign(certificate: Certificate, *, root: bool) -> bool:
    """Go, crypto/x509, isValid and CheckSignatureFrom: a CA says that it is one, which a root of version 1 cannot."""
    made_for = certificate.purpose
    if made_for is None or made_for.signs is False:
        return False
    return made_for.authority is True or (root and made_for.authority is None and made_for.version == 1)


def _issuers(child: Certificate, pool: tuple[Certificate, ...]) -> list[Certificate]:
    """Those of the pool that bear the issuer's name, first the ones whose key the child names by its identifier."""
    parts = layout(child.der)
    named = [one for one in pool if layout(one.der).subject == parts.issuer]
    wanted = parts.authority_key
    return sorted(named, key=lambda one: wanted is None or layout(one.der).subject_key != wanted)
