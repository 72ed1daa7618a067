"""akscert_certificate_*: the certificates of one node, when each begins and ends, what it is and who signed it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from exporter.facts.host.host_facts import HostFacts
from exporter.facts.usability import Usability
from exporter.metric import Family, Metric, Part, Row, part
from exporter.reason import Origin, Role, Rotation

if TYPE_CHECKING:
    # What the node agent never uses it never loads.
    from exporter.facts.kube.node_view import NodeView

__all__ = ["parts", "told_families"]

_WORDS = {"role": tuple(Role), "origin": tuple(Origin), "rotation": tuple(Rotation)}
_PLACE = {"role": tuple(Role), "origin": tuple(Origin)}

NOT_AFTER = Metric(
    "akscert_certificate_not_after_timestamp_seconds",
    "Unix time of the certificate's notAfter: of the leaf; of a CA bundle, of the member that signed what is in use, "
    "or of the one that ends first where that is not known.",
    ("node", "role", "origin", "rotation"),
    words=_WORDS,
)
NOT_BEFORE = Metric(
    "akscert_certificate_not_before_timestamp_seconds",
    "Unix time of the same certificate's notBefore, which is also when it was last rotated.",
    ("node", "role", "origin", "rotation"),
    words=_WORDS,
)
INFO = Metric(
    "akscert_certificate_info",
    "1, with the identity of the certificate; one series for each CA of a bundle, for a leaf and for its signers.",
    (
        "node",
        "role",
        "origin",
        "path",
        "subject",
        "issuer",
        "serial_number",
        "fingerprint_sha256",
        "key_algorithm",
        "signature_algorithm",
    ),
    words=_PLACE,
)
ISSUED_BY_CLUSTER_CA = Metric(
    "akscert_certificate_issued_by_cluster_ca",
    "1 if the certificate's signature verifies, through intermediates at hand, with the key of a CA that this kubelet "
    "trusts, 0 if not. A CA is nobody's leaf, and what signed itself was issued by nobody.",
    ("node", "role", "origin"),
    words=_PLACE,
)
USABLE = Metric(
    "akscert_certificate_usable",
    "1 if the kubelet could use this certificate for its role, dates aside, 0 if not. reason: ok; another_node (common "
    "name or subjectAltName); wrong_group (not of system:nodes); wrong_usage (extendedKeyUsage); not_a_leaf (a CA); "
    "no_private_key; unloadable (the kubelet cannot read the file). The worst one where several hold.",
    ("node", "role", "origin", "reason"),
    words={**_PLACE, "reason": tuple(Usability)},
)
SERVED_MATCHES_FILE = Metric(
    "akscert_certificate_served_matches_file",
    "1 if what the kubelet serves on its port equals the serving certificate on disk, 0 if not.",
    ("node",),
)


def told_families(views: "Iterable[NodeView]") -> Iterator[Family]:
    """Samples of nodes without a node agent, as their kubelets told them."""
    told = [(view.node, one) for view in views for one in view.certificates]
    yield NOT_AFTER.family(((node, one.role, one.origin, one.rotation), one.not_after) for node, one in told)
    yield NOT_BEFORE.family(
        ((node, one.role, one.origin, one.rotation), one.not_before) for node, one in told if one.not_before is not None
    )
    yield INFO.family(
        (
            (
                node,
                one.role,
                one.origin,
                "",
                seen.subject,
                seen.issuer,
                seen.serial_number,
                seen.fingerprint_sha256,
                seen.key_algorithm,
                seen.signature_algorithm,
            ),
            1.0,
        )
        for node, one in told
        if (seen := one.certificate) is not None
    )
    yield ISSUED_BY_CLUSTER_CA.family(
        ((node, one.role, one.origin), float(one.issued_by_cluster_ca))
        for node, one in told
        if one.issued_by_cluster_ca is not None
    )
    yield USABLE.family(
        ((node, one.role, one.origin, one.usability), float(one.usability is Usability.OK))
        for node, one in told
        if one.usability is not None
    )


def parts(host: HostFacts) -> Iterator[Part]:
    """Samples of one node's certificates."""
    seen = host.certificates
    yield part(
        (NOT_AFTER, (((host.node, s.role, s.origin, s.rotation), s.certificate.not_after) for s in seen)),
        (NOT_BEFORE, (((host.node, s.role, s.origin, s.rotation), s.certificate.not_before) for s in seen)),
        (INFO, _identities(host)),
    )
    matches = host.served_matches_file
    yield part(
        (
            ISSUED_BY_CLUSTER_CA,
            (
                ((host.node, s.role, s.origin), float(s.issued_by_cluster_ca))
                for s in seen
                if s.issued_by_cluster_ca is not None
            ),
        ),
        (
            USABLE,
            (
                ((host.node, role, origin, said), float(said is Usability.OK))
                for (role, origin), said in host.usability.items()
            ),
        ),
        (SERVED_MATCHES_FILE, [] if matches is None else [((host.node,), float(matches))]),
    )


def _identities(host: HostFacts) -> Iterator[Row]:
    for seen in host.certificates:
        for one in dict.fromkeys(seen.identities):
            labels = (
                host.node,
                seen.role,
                seen.origin,
                seen.path,
                one.subject,
                one.issuer,
                one.serial_number,
                one.fingerprint_sha256,
                one.key_algorithm,
                one.signature_algorithm,
            )
            yield labels, 1.0
