"""All looks at one node in, the node's facts out: certificates in use, file statuses, rotation, bootstrap."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.facts.host.evidence import (
    EvidenceReads,
    bootstrap_kubeconfig_present,
    bootstrap_method,
    evidence_status,
    kubelet_settings,
    provisioning_opt_out,
)
from exporter.facts.host.paths import Candidate, Means, PathTable
from exporter.facts.host.read import Read
from exporter.facts.host.usability import UNLOADED, Place, host_usability
from exporter.facts.kubeconfig import Credential
from exporter.facts.path import issued_by, signers_above, signers_in_use
from exporter.facts.rotation import RotationFacts, client_rotation, deadline, due, rotation_label, serving_rotation
from exporter.facts.signature import signed_by
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate, CertificateFile, ends_first
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Role,
    Rotation,
    RotationState,
)

__all__ = ["FileFacts", "HostFacts", "SeenCertificate", "host_facts"]

Bundle = tuple[Certificate, ...]
Files = Mapping[str, Read[CertificateFile]]
KUBELET_ROLES = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file the agent is to look at."""

    role: Role
    path: str
    status: FileStatus
    detail: str = ""


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
    """None: there is no serving file, or the wire was not seen."""
    leftovers: Mapping[Role, int]
    """Dated PEM files beside the current one; a role is missing where the directory could not be listed."""
    usability: Mapping[Place, Usability] = field(default_factory=dict)
    """Whether the kubelet can use each of its certificates, also one that it cannot even load."""

    def certificate(self, role: Role, origin: Origin = Origin.FILE) -> SeenCertificate | None:
        """The certificate of a role as seen there."""
        return next((c for c in self.certificates if c.role is role and c.origin is origin), None)

    def rotation_of(self, role: Role) -> RotationFacts:
        """The conclusion about a kubelet certificate's rotation."""
        return next(facts for facts in self.rotation if facts.role is role)

    def window(self, role: Role) -> tuple[float, float] | None:
        """From when the kubelet may rotate and by when it has, in Unix seconds. None where rotation is not enabled."""
        seen = self.certificate(role)
        if seen is None or self.rotation_of(role).state is not RotationState.ENABLED:
            return None
        return due(seen.certificate), deadline(seen.certificate)


def host_facts(
    node: str,
    table: PathTable,
    reads: EvidenceReads,
    files: Files,
    served: Bundle | None,
    pki_names: Mapping[str, Iterable[str] | None],
    addresses: Iterable[str] = (),
    *,
    named: bool = True,
) -> HostFacts:
    """The facts of a node.

    `files`: the read of every path of `table.resolved(…)`. `served`: the chain on the kubelet's port, None where it was
    not seen. `pki_names`: the names in the directory of each rotated path, None where it could not be listed.
    `addresses`: what the kubelet is known by beside the node's name. `named`: whether that name is known to be the
    node's, and is not only the name of the machine that looks.
    """
    kubeconfig = None if reads.kubeconfig is None else reads.kubeconfig.value
    settings = kubelet_settings(reads)
    candidates = table.resolved(kubeconfig, settings)
    in_use = {role: _in_use(role, candidates, reads, files) for role in Role}
    bundles: dict[Role, tuple[str, Bundle]] = {}
    for role, chosen in in_use.items():
        if chosen is not None and (value := files[chosen.path].value):
            bundles[role] = (chosen.path, value.certificates)
    if kubeconfig is not None and reads.kubeconfig is not None:
        if kubeconfig.credential is Credential.CERTIFICATE_INLINE:
            bundles[Role.KUBELET_CLIENT] = (reads.kubeconfig.path, kubeconfig.client_certificates)
        if Role.CLUSTER_CA not in bundles and kubeconfig.certificate_authorities:
            bundles[Role.CLUSTER_CA] = (reads.kubeconfig.path, kubeconfig.certificate_authorities)
    authorities = bundles[Role.CLUSTER_CA][1] if Role.CLUSTER_CA in bundles else ()
    at_hand = (*(one for _, bundle in bundles.values() for one in bundle), *(served or ()))
    usable = host_usability(node if named else "", addresses, in_use, files, bundles, served, authorities)
    loaded = {role: usable.get((role, Origin.FILE)) not in UNLOADED for role in KUBELET_ROLES}
    wire = _wire_word(served, at_hand, authorities)
    rotation = (
        _client(candidates, reads, files, loaded=loaded[Role.KUBELET_CLIENT]),
        _serving(candidates, reads, files, wire, loaded=loaded[Role.KUBELET_SERVING], windows=table.windows),
    )
    labels = {facts.role: rotation_label(facts.state) for facts in rotation}
    issued = {role: _issued(role, bundle, at_hand, authorities) for role, (_, bundle) in bundles.items()}
    leaves = [bundles[role][1][0] for role in KUBELET_ROLES if role in bundles] + list(served or ())[:1]
    signers = {role: signers_above(bundle) for role, (_, bundle) in bundles.items()}
    signers[Role.CLUSTER_CA] = signers_in_use(authorities, leaves, at_hand)
    seen = [
        SeenCertificate(role, Origin.FILE, path, labels.get(role, Rotation.NONE), bundle, issued[role], signers[role])
        for role, (path, bundle) in bundles.items()
    ]
    matches = None
    if served:
        label = labels[Role.KUBELET_SERVING]
        by_cluster = _issued(Role.KUBELET_SERVING, served, at_hand, authorities)
        above = signers_above(served)
        seen.append(SeenCertificate(Role.KUBELET_SERVING, Origin.WIRE, "", label, served, by_cluster, above))
        if Role.KUBELET_SERVING in bundles:
            matches = served[0] == bundles[Role.KUBELET_SERVING][1][0]
    return HostFacts(
        node=node,
        windows=table.windows,
        certificates=tuple(seen),
        files=(*_statuses(candidates, in_use, bundles, files), *_evidence_statuses(table, reads)),
        rotation=rotation,
        bootstrap_method=bootstrap_method(reads),
        bootstrap_kubeconfig_present=bootstrap_kubeconfig_present(reads),
        served_matches_file=matches,
        leftovers=_leftovers(candidates, files, pki_names),
        usability=usable,
    )


def _in_use(role: Role, candidates: Iterable[Candidate], reads: EvidenceReads, files: Files) -> Candidate | None:
    """The file the kubelet goes by, absent or not: the first eligible one that is there, else the first eligible."""
    eligible = _eligible(role, [candidate for candidate in candidates if candidate.role is role], reads)
    there = (c for c in eligible if files[c.path].status is not FileStatus.NOT_FOUND)
    return next(there, eligible[0] if eligible else None)


def _eligible(role: Role, candidates: list[Candidate], reads: EvidenceReads) -> list[Candidate]:
    """The candidates that the kubelet can be using by its own configuration; all where that is not known."""
    named = [candidate for candidate in candidates if candidate.named_by is not None]
    if role is Role.KUBELET_CLIENT:
        kubeconfig = None if reads.kubeconfig is None else reads.kubeconfig.value
        if kubeconfig is not None and kubeconfig.credential is Credential.CERTIFICATE_INLINE:
            return []
        return named or candidates
    if role is Role.KUBELET_SERVING:
        settings = kubelet_settings(reads)
        if settings.tls_cert_file:
            return named or candidates
        if settings.server_tls_bootstrap is not None:
            rotated = settings.server_tls_bootstrap
            return [c for c in candidates if (c.means is Means.ROTATED) is rotated]
    return candidates


def _statuses(
    candidates: Iterable[Candidate],
    in_use: Mapping[Role, Candidate | None],
    bundles: Mapping[Role, tuple[str, Bundle]],
    files: Files,
) -> Iterable[FileFacts]:
    """An absent file is missed when it is the one that should be in use, or when the user named it."""
    for candidate in candidates:
        read, status = files[candidate.path], files[candidate.path].status
        if status is FileStatus.NOT_FOUND:
            missed = (
                in_use[candidate.role] is candidate
                and candidate.role not in bundles
                and candidate.means not in {Means.COPY, Means.SELF_SIGNED}
            )
            status = FileStatus.NOT_FOUND if missed or candidate.expected else FileStatus.NOT_EXPECTED
        detail = read.detail
        if read.value is not None and read.value.fault:  # the others count, and the file is not as it should be
            status, detail = FileStatus.MALFORMED, read.value.fault
        yield FileFacts(candidate.role, candidate.path, status, detail)


def _evidence_statuses(table: PathTable, reads: EvidenceReads) -> Iterable[FileFacts]:
    for file, read in reads.by_file(table).items():
        yield FileFacts(file.role, read.path, evidence_status(file, reads, table), read.detail)


def _client(candidates: Iterable[Candidate], reads: EvidenceReads, files: Files, *, loaded: bool) -> RotationFacts:
    evidence: dict[Evidence, bool] = {}
    settings = kubelet_settings(reads)
    if settings.rotate_certificates is not None:
        evidence[Evidence.KUBELET_CONFIG] = settings.rotate_certificates
    kubeconfig = None if reads.kubeconfig is None else reads.kubeconfig.value
    inline = kubeconfig is not None and kubeconfig.credential is Credential.CERTIFICATE_INLINE
    if kubeconfig is not None and (inline or kubeconfig.credential is Credential.CERTIFICATE_FILE):
        evidence[Evidence.KUBECONFIG] = kubeconfig.client_certificate.endswith("-current.pem")
    if loaded:
        _add_file_word(evidence, Role.KUBELET_CLIENT, candidates, files)
    pending = reads.pending_client_key is not None and reads.pending_client_key.status is FileStatus.OK
    return client_rotation(evidence, inline=inline, bootstrap_pending=pending)


def _serving(
    candidates: Iterable[Candidate],
    reads: EvidenceReads,
    files: Files,
    wire: bool | None,
    *,
    loaded: bool,
    windows: bool,
) -> RotationFacts:
    evidence: dict[Evidence, bool] = {}
    settings = kubelet_settings(reads)
    if settings.tls_cert_file:
        evidence[Evidence.KUBELET_CONFIG] = False
    elif settings.server_tls_bootstrap is not None:
        evidence[Evidence.KUBELET_CONFIG] = settings.server_tls_bootstrap
    if loaded:
        _add_file_word(evidence, Role.KUBELET_SERVING, candidates, files)
    if wire is not None:
        evidence[Evidence.WIRE] = wire
    if provisioning_opt_out(reads, windows=windows):
        evidence[Evidence.PROVISIONING_TAG] = False
    lies_there = any(
        candidate.role is Role.KUBELET_SERVING
        and candidate.means is Means.STATIC
        and files[candidate.path].status is not FileStatus.NOT_FOUND
        for candidate in candidates
    )
    return serving_rotation(evidence, static=bool(settings.tls_cert_file) or lies_there)


def _add_file_word(
    evidence: dict[Evidence, bool],
    role: Role,
    candidates: Iterable[Candidate],
    files: Files,
) -> None:
    """Whether the current link yields a certificate; no word where it is there and cannot be read.

    A current link that another file names is the one: the usual one beside it is not the kubelet's.
    """
    rotated = [c for c in candidates if c.role is role and c.means is Means.ROTATED]
    statuses = {files[c.path].status for c in [c for c in rotated if c.named_by is not None] or rotated}
    if FileStatus.OK in statuses:
        evidence[Evidence.FILE] = True
    elif statuses == {FileStatus.NOT_FOUND}:
        evidence[Evidence.FILE] = False


def _wire_word(served: Bundle | None, at_hand: Bundle, authorities: Bundle) -> bool | None:
    """1 for a certificate of this node's cluster CA, 0 for one that the kubelet signed itself, else no word.

    A kubelet signs with its own key, or with that of a throw-away CA which it sends along
    (client-go, util/cert/cert.go, GenerateSelfSignedCertKey).
    """
    if not served:
        return None
    if issued_by(served[0], at_hand, authorities):
        return True
    signers = [one for one in served if one.self_issued and signed_by(one, one) and one not in authorities]
    return False if any(signed_by(served[0], one) for one in signers) else None


def _issued(role: Role, bundle: Bundle, at_hand: Bundle, authorities: Bundle) -> bool | None:
    return None if role is Role.CLUSTER_CA or not authorities else issued_by(bundle[0], at_hand, authorities)


_DATED = re.compile(r"kubelet-(client|server)-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem")


def _leftovers(
    candidates: Iterable[Candidate],
    files: Files,
    pki_names: Mapping[str, Iterable[str] | None],
) -> dict[Role, int]:
    """The kubelet never removes a dated file that it replaced (client-go, util/certificate/certificate_store.go)."""
    found: dict[Role, int] = {}
    kinds = {Role.KUBELET_CLIENT: "client", Role.KUBELET_SERVING: "server"}
    for candidate in candidates:
        names = pki_names.get(candidate.path)
        if candidate.role not in kinds or candidate.means is not Means.ROTATED or names is None:
            continue
        target = files[candidate.path].target
        current = target.replace("\\", "/").rpartition("/")[2]
        dated = {n for n in names if (m := _DATED.fullmatch(n)) and m[1] == kinds[candidate.role]} - {current}
        found[candidate.role] = found.get(candidate.role, 0) + len(dated)
    return found
