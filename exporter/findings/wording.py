"""Words of the code in, words that people read out: of roles, states, reasons, statuses; once for every surface."""

from exporter.facts.usability import Usability
from exporter.findings import Severity
from exporter.reason import (
    BootstrapMethod,
    Ca,
    CaBundleStatus,
    EndpointStatus,
    Evidence,
    FileStatus,
    Lease,
    Origin,
    Reason,
    Role,
    RotationReason,
    RotationState,
    Source,
)

__all__ = [
    "BOOTSTRAP_WORDS",
    "BUNDLE_STATUS_WORDS",
    "CA_WORDS",
    "CERTIFICATE_WORDS",
    "ENDPOINT_STATUS_WORDS",
    "EVIDENCE_WORDS",
    "LEASE_WORDS",
    "NOT_ACCEPTED_WORDS",
    "NOT_LOOKED_AT",
    "OK",
    "ORIGIN_WORDS",
    "REASON_WORDS",
    "ROLE_WORDS",
    "SOURCE_WORDS",
    "STATE_WORDS",
    "STATUS_WORDS",
    "UNTRUSTED_WORDS",
    "USABILITY_WORDS",
    "verdict_word",
]

OK = "ok"
"""Nothing to do."""
NOT_LOOKED_AT = "not looked at"
"""The word for what nobody looked at, and of which nothing bad is known: neither ok nor unknown."""

ROLE_WORDS = {
    Role.KUBELET_CLIENT: "kubelet client certificate",
    Role.KUBELET_SERVING: "kubelet serving certificate",
    Role.CLUSTER_CA: "cluster CA",
    Role.APISERVER_COPY: "copy of the API server's certificate",
}
CERTIFICATE_WORDS = {Role.KUBELET_CLIENT: "client certificate", Role.KUBELET_SERVING: "serving certificate"}
"""The same beside a node's name."""
ORIGIN_WORDS = {Origin.FILE: "on disk", Origin.WIRE: "as served", Origin.KUBELET: "as the kubelet tells"}
STATE_WORDS = {
    RotationState.ENABLED: "enabled",
    RotationState.WAITING: "waiting",
    RotationState.DISABLED: "disabled",
    RotationState.UNKNOWN: "unknown",
}
REASON_WORDS = {
    RotationReason.ROTATING: "configured, and the kubelet keeps a current certificate",
    RotationReason.CERTIFICATE_MISSING: "configured, but there is no certificate yet",
    RotationReason.BOOTSTRAP_PENDING: "the kubelet's first certificate request has not been answered",
    RotationReason.NOT_CONFIGURED: "rotateCertificates is off in the kubelet's configuration",
    RotationReason.STATIC: "the kubelet uses a fixed certificate written when the node was made",
    RotationReason.INLINE: "the certificate is inside the kubeconfig, where nothing renews it",
    RotationReason.OPTED_OUT: "the node pool's tag switched it off when the node was made",
    RotationReason.SELF_SIGNED: "the kubelet signs its serving certificate itself",
    RotationReason.UNDETERMINED: "too little could be read",
}
EVIDENCE_WORDS = {
    Evidence.KUBELET_CONFIG: "the kubelet's configuration",
    Evidence.KUBECONFIG: "the kubelet's kubeconfig",
    Evidence.FILE: "the current certificate file",
    Evidence.WIRE: "the kubelet's port",
    Evidence.PROVISIONING_TAG: "the node pool tag as the node saw it",
    Evidence.NODE_LABEL: "the node's label",
    Evidence.AGENTPOOL_TAG: "the node pool's tag",
    Evidence.KUBELET_CONFIGZ: "what the kubelet runs with",
}
STATUS_WORDS = {
    FileStatus.OK: OK,
    FileStatus.NOT_FOUND: "does not exist",
    FileStatus.NOT_EXPECTED: "is absent, as expected",
    FileStatus.PERMISSION_DENIED: "may not be read by this process",
    FileStatus.BROKEN_SYMLINK: "is a link that leads nowhere",
    FileStatus.OUTSIDE_ROOT: "is a link that leads out of what this process can see of the host",
    FileStatus.TOO_LARGE: "is too large to be what it should be",
    FileStatus.EMPTY: "is empty",
    FileStatus.NO_CERTIFICATE: "holds no certificate",
    FileStatus.MALFORMED: "cannot be parsed",
    FileStatus.NOT_A_FILE: "is not a regular file",
    FileStatus.TIMEOUT: "could not be read in time",
    FileStatus.ERROR: "could not be read",
}
USABILITY_WORDS = {
    Usability.OK: OK,
    Usability.ANOTHER_NODE: "is another node's",
    Usability.WRONG_GROUP: "is not of the group system:nodes",
    Usability.WRONG_USAGE: "is not made for this use (extendedKeyUsage)",
    Usability.NOT_A_LEAF: "is a CA and no certificate of the kubelet's own",
    Usability.NO_PRIVATE_KEY: "has no private key beside it",
    Usability.UNLOADABLE: "cannot be loaded by the kubelet",
}
"""After the certificate's name."""
BUNDLE_STATUS_WORDS = {
    CaBundleStatus.OK: OK,
    CaBundleStatus.EMPTY: "is empty",
    CaBundleStatus.NO_CERTIFICATE: "holds no certificate",
    CaBundleStatus.MALFORMED: "cannot be read",
}
"""After `its caBundle`."""
BOOTSTRAP_WORDS = {
    BootstrapMethod.TOKEN: "a bootstrap token",
    BootstrapMethod.SECURE_TLS_BOOTSTRAPPING: "secure TLS bootstrapping",
    BootstrapMethod.NONE: "nothing",
    BootstrapMethod.UNKNOWN: "unknown",
}
"""With what a node obtains a client certificate when it has none."""
UNTRUSTED_WORDS = {
    Reason.CERTIFICATE_UNTRUSTED: "is not signed by a CA that clients in the cluster trust",
    Reason.CERTIFICATE_EXPIRED: "is outside its dates, or one above it in the chain is",
    Reason.CERTIFICATE_HOSTNAME: "is not for this host name",
}
"""After `its certificate`."""
NOT_ACCEPTED_WORDS = {
    Reason.CERTIFICATE_UNTRUSTED: "is not signed by a CA in the object's caBundle",
    Reason.CERTIFICATE_EXPIRED: "is outside its dates, or one above it in the chain is",
    Reason.CERTIFICATE_HOSTNAME: "is not for the name by which the API server calls it",
}
"""After `its certificate`, of what the API server calls."""
ENDPOINT_STATUS_WORDS = {
    EndpointStatus.OK: OK,
    EndpointStatus.UNREACHABLE: "is not reachable from here",
    EndpointStatus.UNRESOLVED: "has no address here",
    EndpointStatus.REFUSED: "refuses the connection",
    EndpointStatus.TIMEOUT: "does not answer in time",
    EndpointStatus.TLS_ERROR: "does not complete the handshake",
    EndpointStatus.ERROR: "fails",
}
"""After `it`."""
CA_WORDS = {
    Ca.CLUSTER: "cluster CA",
    Ca.CLIENT: "CA of client certificates",
    Ca.REQUESTHEADER: "request-header CA of the API aggregator",
}
LEASE_WORDS = {
    Lease.KUBE_CONTROLLER_MANAGER: "approves the kubelets' client certificates and signs all",
    Lease.KUBELET_SERVING_CSR_APPROVER: "approves the kubelets' serving certificates",
}
SOURCE_WORDS = {
    Source.CSRS: "certificate signing requests",
    Source.NODES: "nodes",
    Source.CONFIGMAPS: "the cluster's CAs and age",
    Source.LEASES: "the signers' leases",
    Source.WEBHOOKS: "admission webhooks",
    Source.APISERVICES: "APIServices",
    Source.KUBELETS: "the kubelets",
    Source.ENDPOINTS: "what webhooks and APIServices serve",
    Source.WORKLOADS: "workloads",
    Source.PREFLIGHT: "whether the next certificate requests would be approved",
    Source.NODE_AGENTS: "the node agents",
}
"""What is not known when one does not answer. The API server's addresses and Azure have findings of their own."""


def verdict_word(severity: Severity | None) -> str:
    """One word for a whole: `ok`, `warning`, `critical` or `unknown`. Information is ok."""
    return OK if severity in {None, Severity.INFO} else str(severity)
