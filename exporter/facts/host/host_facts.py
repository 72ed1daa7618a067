"""All looks at one node in, the node's facts out: certificates in use, file statuses, rotation, bootstrap."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.facts.certificate import Certificate, ends_first
from exporter.facts.host import rotation_words
from exporter.facts.host.evidence import bootstrap_kubeconfig_present, bootstrap_method, evidence_files
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.in_use import Bundle, InUse, in_use
from exporter.facts.host.paths import Means
from exporter.facts.host.usability import UNLOADED, Place, host_usability
from exporter.facts.kubeconfig import ServerTrust
from exporter.facts.path import issued_by, signers_above, signers_in_use
from exporter.facts.rotation import RotationFacts, deadline, due, rotation_label
from exporter.facts.signature import SignedBy, signed_by
from exporter.facts.usability import Usability
from exporter.reason import BootstrapMethod, FileStatus, Origin, Role, Rotation, RotationState

__all__ = ["FileFacts", "HostFacts", "SeenCertificate", "Served", "host_facts"]

KUBELET_ROLES = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)


@dataclass(frozen=True, slots=True)
class Served:
    """What the kubelet served when its port was last looked at."""

    chain: Bundle
    """The leaf first."""
    installed: Certificate | None
    """The serving certificate that lay on the disk when that look began; None: there was none."""


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """A certificate in use on the node."""

    role: Role
    origin: Origin
    path: str
    """Empty where it was seen on the wire."""
    rotation: Rotation
    bundle: Bundle
    """All certificates of the file or of the served chain; the leaf comes first."""
    issued_by_cluster_ca: bool | None
    """None: a CA itself, or no cluster CA could be read."""
    signers: Bundle = ()
    """Of a leaf's chain, those that signed it; of a CA bundle, those that signed what the node uses, none where that is
    not known.
    """

    @property
    def certificate(self) -> Certificate:
        """The one that counts: the leaf; of a CA bundle the member that signed what is in use, else the one that ends
        first.
        """
        return ends_first(self.signers or self.bundle) if self.role is Role.CLUSTER_CA else self.bundle[0]

    @property
    def identities(self) -> Bundle:
        """What is worth a series of its own: all CAs of a bundle, a leaf and its signers."""
        return self.bundle if self.role is Role.CLUSTER_CA else (self.bundle[0], *self.signers)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One node as seen from itself."""

    node: str
    windows: bool
    certificates: tuple[SeenCertificate, ...]
    files: tuple[FileFacts, ...]
    rotation: tuple[RotationFacts, ...]
    bootstrap_method: BootstrapMethod
    bootstrap_kubeconfig_present: bool | None
    served_matches_file: bool | None
    """None: there is no serving file, the wire was not seen, or it was not looked at since the file changed."""
    leftovers: Mapping[Role, int]
    """Dated PEM files beside the current one; a role is missing where the directory could not be listed."""
    usability: Mapping[Place, Usability] = field(default_factory=dict)
    """Whether the kubelet can use each of its certificates, also one that it cannot even load."""
    server_trust: ServerTrust | None = None
    """By what the kubelet believes that it talks to the API server. None: its kubeconfig cannot be read."""
    settings_unread: str = ""
    """Which sources of the kubelet's settings are there and could not be read; empty: none."""

    def certificate(self, role: Role, origin: Origin = Origin.FILE) -> SeenCertificate | None:
        """The certificate of a role as seen there."""
        return next((c for c in self.certificates if c.role is role and c.origin is origin), None)

    def rotation_of(self, role: Role) -> RotationFacts:
        """What is known of the rotation of a kubelet certificate."""
        return next(facts for facts in self.rotation if facts.role is role)

    def window(self, role: Role) -> tuple[float, float] | None:
        """From when the kubelet may rotate and by when it has, in Unix seconds. None where rotation is not enabled."""
        seen = self.certificate(role)
        if seen is None or self.rotation_of(role).state is not RotationState.ENABLED:
            return None
        return due(seen.certificate), deadline(seen.certificate)


def host_facts(
    node: str,
    reads: HostReads,
    served: Served | None,
    addresses: Iterable[str] = (),
    *,
    named: bool = True,
    signed: SignedBy = signed_by,
) -> HostFacts:
    """The facts of a node.

    `served`: what is on the kubelet's port, None where it could not be seen. `addresses`: what the kubelet is known by
    beside the node's name and the addresses that its flags give (--node-ip). `named`: whether that name is known to be
    the node's, and is not only the name of the machine that looks. `signed` says whose signature verifies; what it
    raises, this raises.
    """
    evidence, used = reads.evidence, in_use(reads)
    bundles, authorities = used.bundles, used.authorities
    chain = served.chain if served else ()
    at_hand = (*(one for _, bundle in bundles.values() for one in bundle), *chain)
    known_as = node if named else ""
    usable = host_usability(known_as, (*addresses, *evidence.settings.node_ips), used, reads, chain)
    loaded = {role: usable.get((role, Origin.FILE)) not in UNLOADED for role in KUBELET_ROLES}
    wire = _wire_word(chain, at_hand, authorities, signed)
    rotation = (
        rotation_words.client(reads, loaded=loaded[Role.KUBELET_CLIENT]),
        rotation_words.serving(reads, wire, loaded=loaded[Role.KUBELET_SERVING]),
    )
    labels = {facts.role: rotation_label(facts.state) for facts in rotation}
    issued = {role: _issued(role, bundle, at_hand, authorities, signed) for role, (_, bundle) in bundles.items()}
    leaves = [bundles[role][1][0] for role in KUBELET_ROLES if role in bundles] + list(chain[:1])
    signers = {role: signers_above(bundle, signed) for role, (_, bundle) in bundles.items()}
    signers[Role.CLUSTER_CA] = signers_in_use(authorities, leaves, at_hand, signed)
    seen = [
        SeenCertificate(role, Origin.FILE, path, labels.get(role, Rotation.NONE), bundle, issued[role], signers[role])
        for role, (path, bundle) in bundles.items()
    ]
    matches = None
    if served:
        label = labels[Role.KUBELET_SERVING]
        by_cluster = _issued(Role.KUBELET_SERVING, chain, at_hand, authorities, signed)
        above = signers_above(chain, signed)
        seen.append(SeenCertificate(Role.KUBELET_SERVING, Origin.WIRE, "", label, chain, by_cluster, above))
        if Role.KUBELET_SERVING in bundles and served.installed == bundles[Role.KUBELET_SERVING][1][0]:
            matches = chain[0] == served.installed
    kubeconfig = evidence.kubeconfig
    return HostFacts(
        node=node,
        windows=evidence.table.windows,
        certificates=tuple(seen),
        files=(*_statuses(used, reads), *evidence_files(evidence)),
        rotation=rotation,
        bootstrap_method=bootstrap_method(evidence),
        bootstrap_kubeconfig_present=bootstrap_kubeconfig_present(evidence),
        served_matches_file=matches,
        leftovers=_leftovers(reads),
        usability=usable,
        server_trust=None if kubeconfig is None else kubeconfig.server_trust,
        settings_unread=evidence.settings.unread,
    )


def _statuses(used: InUse, reads: HostReads) -> Iterable[FileFacts]:
    """An absent file is missed when it is the one that should be in use, or when the user named it."""
    for candidate in reads.candidates:
        read = reads.certificates[candidate.path]
        status, detail = read.status, read.detail
        if status is FileStatus.NOT_FOUND:
            missed = (
                used.candidates[candidate.role] is candidate
                and candidate.role not in used.bundles
                and candidate.means not in {Means.COPY, Means.SELF_SIGNED}
            )
            status = FileStatus.NOT_FOUND if missed or candidate.expected else FileStatus.NOT_EXPECTED
        if read.value is not None and read.value.fault:  # the others count, and the file is not as it should be
            status, detail = FileStatus.MALFORMED, read.value.fault
        yield FileFacts(candidate.role, candidate.path, status, detail)


def _wire_word(served: Bundle, at_hand: Bundle, authorities: Bundle, signed: SignedBy) -> bool | None:
    """1 for a certificate of this node's cluster CA, 0 for one that the kubelet signed itself, else no word.

    A kubelet signs with its own key, or with that of a throw-away CA which it sends along
    (client-go, util/cert/cert.go, GenerateSelfSignedCertKey).
    """
    if not served:
        return None
    if issued_by(served[0], at_hand, authorities, signed):
        return True
    signers = [one for one in served if signed(one, one) and one not in authorities]
    return False if any(signed(served[0], one) for one in signers) else None


def _issued(role: Role, bundle: Bundle, at_hand: Bundle, authorities: Bundle, signed: SignedBy) -> bool | None:
    if role is Role.CLUSTER_CA or not authorities:
        return None
    return issued_by(bundle[0], at_hand, authorities, signed)


_DATED = re.compile(r"kubelet-(client|server)-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem")


def _leftovers(reads: HostReads) -> dict[Role, int]:
    """The kubelet never removes a dated file that it replaced (client-go, util/certificate/certificate_store.go)."""
    found: dict[Role, int] = {}
    kinds = {Role.KUBELET_CLIENT: "client", Role.KUBELET_SERVING: "server"}
    for candidate in reads.candidates:
        names = reads.names.get(candidate.path)
        if candidate.role not in kinds or candidate.means is not Means.ROTATED or names is None:
            continue
        target = reads.certificates[candidate.path].target
        current = re.split(r"[/\\]", target)[-1]  # ntpath finds no name behind two slashes and one directory
        dated = {n for n in names if (m := _DATED.fullmatch(n)) and m[1] == kinds[candidate.role]} - {current}
        found[candidate.role] = found.get(candidate.role, 0) + len(dated)
    return found
