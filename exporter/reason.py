"""The closed word lists: what a label may say. Each word is in docs/metrics.md; a new one is a contract change."""

from enum import StrEnum

__all__ = [
    "ApiStatus",
    "BootstrapMethod",
    "Ca",
    "CaBundleStatus",
    "CsrCondition",
    "CsrOutcome",
    "EndpointStatus",
    "Evidence",
    "FailurePolicy",
    "FileRole",
    "FileStatus",
    "Held",
    "KubeletStatus",
    "Lease",
    "Mode",
    "Observer",
    "Origin",
    "PreflightStep",
    "Reason",
    "Requestor",
    "RetiredPathUse",
    "Role",
    "Rotation",
    "RotationReason",
    "RotationState",
    "Source",
    "TrustBundleState",
]


class Mode(StrEnum):
    """Which agent a process is."""

    NODE = "node"
    CLUSTER = "cluster"


class Role(StrEnum):
    """What a certificate on a node is for."""

    KUBELET_CLIENT = "kubelet-client"
    KUBELET_SERVING = "kubelet-serving"
    CLUSTER_CA = "cluster-ca"
    APISERVER_COPY = "apiserver-copy"


class FileRole(StrEnum):
    """What a file on a node is for: as Role, and what is no certificate."""

    KUBELET_CLIENT = "kubelet-client"
    KUBELET_SERVING = "kubelet-serving"
    CLUSTER_CA = "cluster-ca"
    APISERVER_COPY = "apiserver-copy"
    EVIDENCE = "evidence"
    """Kubeconfigs, and what configures the kubelet."""


class Origin(StrEnum):
    """Where a certificate was seen."""

    FILE = "file"
    WIRE = "wire"
    KUBELET = "kubelet"
    """The kubelet's own metric says until when."""


class Rotation(StrEnum):
    """Whether something renews a certificate by itself; NONE: nothing ever does (a CA)."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNKNOWN = "unknown"
    NONE = "none"


class FileStatus(StrEnum):
    """What became of looking at one file. NOT_EXPECTED: absent, as expected."""

    OK = "ok"
    NOT_FOUND = "not_found"
    NOT_EXPECTED = "not_expected"
    PERMISSION_DENIED = "permission_denied"
    BROKEN_SYMLINK = "broken_symlink"
    OUTSIDE_ROOT = "outside_root"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NO_CERTIFICATE = "no_certificate"
    MALFORMED = "malformed"
    NOT_A_FILE = "not_a_file"
    TIMEOUT = "timeout"
    ERROR = "error"


class RotationState(StrEnum):
    """Rotation of one kubelet certificate. WAITING: configured, no certificate yet."""

    ENABLED = "enabled"
    WAITING = "waiting"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class RotationReason(StrEnum):
    """Why a rotation state is what it is."""

    ROTATING = "rotating"
    """Configured, and the kubelet's current link leads to a certificate."""
    CERTIFICATE_MISSING = "certificate_missing"
    """Configured, and there is certainly no certificate yet."""
    BOOTSTRAP_PENDING = "bootstrap_pending"
    """Rotation is off, there is no certificate yet, and the key of the unanswered first request lies on the disk."""
    NOT_CONFIGURED = "not_configured"
    """The kubelet's own configuration has it switched off: the setting or its feature gate."""
    STATIC = "static"
    """The kubelet uses a fixed certificate that was written when the node was made."""
    INLINE = "inline"
    """The client certificate is inside the kubeconfig, where nothing renews it."""
    OPTED_OUT = "opted_out"
    """Switched off by the node pool tag as this node saw it when it was made."""
    SELF_SIGNED = "self_signed"
    """The kubelet signs its serving certificate itself."""
    UNDETERMINED = "undetermined"
    """Too little could be read: the file statuses say what."""


class Evidence(StrEnum):
    """Places that say whether rotation is on."""

    KUBELET_CONFIG = "kubelet_config"
    KUBECONFIG = "kubeconfig"
    FILE = "file"
    WIRE = "wire"
    PROVISIONING_TAG = "provisioning_tag"
    NODE_LABEL = "node_label"
    AGENTPOOL_TAG = "agentpool_tag"
    KUBELET_CONFIGZ = "kubelet_configz"
    """What the kubelet says it runs with, asked by the cluster agent."""


class Observer(StrEnum):
    """Who tells about a node's certificates."""

    NODE_AGENT = "node_agent"
    KUBELET = "kubelet"
    """The cluster agent asked the kubelet itself."""
    NOBODY = "nobody"


class KubeletStatus(StrEnum):
    """What came of asking one kubelet."""

    OK = "ok"
    REFUSED = "refused"
    """Nothing listens there."""
    TIMEOUT = "timeout"
    TLS_ERROR = "tls_error"
    """The handshake failed; a kubelet without a serving certificate ends it with an alert."""
    UNTRUSTED = "untrusted"
    """Its certificate does not verify for that node under the cluster CA: no credential was sent."""
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    """A right is missing, or the kubelet is too old for the finer one."""
    ERROR = "error"
    """Any other answer, 404 of a kubelet without /configz among them, or none that can be read: its words say which."""


class BootstrapMethod(StrEnum):
    """How a kubelet would obtain its first client certificate."""

    TOKEN = "token"  # noqa: S105 - the name of a method, not a token
    SECURE_TLS_BOOTSTRAPPING = "secure_tls_bootstrapping"
    NONE = "none"
    UNKNOWN = "unknown"


class Requestor(StrEnum):
    """Who sent a CSR."""

    NODE = "node"
    """A kubelet with a certificate, as itself."""
    BOOTSTRAP = "bootstrap"
    """A kubelet with a bootstrap token."""
    AKS_SERVICE = "aks_service"
    """AKS on a node's behalf: secure TLS bootstrapping."""
    OTHER = "other"


class CsrCondition(StrEnum):
    """What has become of a CSR."""

    PENDING = "pending"
    APPROVED = "approved"
    """Not issued yet."""
    ISSUED = "issued"
    DENIED = "denied"
    FAILED = "failed"


class CsrOutcome(StrEnum):
    """How a CSR ended."""

    ISSUED = "issued"
    DENIED = "denied"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """Gone before it was answered."""


class Ca(StrEnum):
    """Which CA of the control plane."""

    CLUSTER = "cluster"
    """kube-root-ca.crt: what clients in the cluster trust the API server by."""
    CLIENT = "client"
    """What the API server trusts clients by."""
    REQUESTHEADER = "requestheader"
    """What aggregated API servers trust the API server by."""


class CaBundleStatus(StrEnum):
    """What came of reading an object's caBundle; the worst one where it has several. From good to bad."""

    OK = "ok"
    EMPTY = "empty"
    """There is none, and the API server cannot verify the Service without it."""
    NO_CERTIFICATE = "no_certificate"
    MALFORMED = "malformed"
    """Not base64, or a certificate in it cannot be read."""


class EndpointStatus(StrEnum):
    """What came of the last look at what the API server calls."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    """Not reachable from here, such as behind a NetworkPolicy that lets in only the API server: no fault of theirs."""
    UNRESOLVED = "unresolved"
    """The name has no address here."""
    REFUSED = "refused"
    """Nothing listens there: the Service has no Pod that is ready."""
    TIMEOUT = "timeout"
    """A connection was made, and nothing came of it in time."""
    TLS_ERROR = "tls_error"
    """Something answers, and the handshake fails."""
    ERROR = "error"


class FailurePolicy(StrEnum):
    """What an admission webhook that cannot be called does to the write."""

    FAIL = "fail"
    IGNORE = "ignore"
    NONE = "none"
    """There is no such choice: an APIService or a CRD conversion."""


class Lease(StrEnum):
    """Who has to be alive for a CSR to be approved and signed, by the name of the lease."""

    KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
    """Approves kubelet client certificates and signs all."""
    KUBELET_SERVING_CSR_APPROVER = "kubelet-serving-csr-approver"
    """Approves kubelet serving certificates."""


class Held(StrEnum):
    """What a node has while its request for a certificate waits."""

    CERTIFICATE = "held"
    """Its former certificate."""
    NONE = "none"
    """None of this kind: a node that cannot join, or whose kubelet serves nothing."""
    UNKNOWN = "unknown"


class PreflightStep(StrEnum):
    """What is asked about a kubelet's next request."""

    REQUEST = "request"
    """Whether it may be sent."""
    APPROVAL = "approval"
    """Whether the request for a client certificate would be approved."""


class ApiStatus(StrEnum):
    """What came of looking for a kind that not every API server has."""

    OK = "ok"
    NOT_SERVED = "not_served"
    FORBIDDEN = "forbidden"
    ERROR = "error"


class TrustBundleState(StrEnum):
    """What a ClusterTrustBundle is good for."""

    OK = "ok"
    ENDED = "ended"
    """Every certificate in it has ended."""
    EMPTY = "empty"
    MALFORMED = "malformed"


class RetiredPathUse(StrEnum):
    """How a workload reads the retired kubelet serving certificate."""

    MOUNT = "mount"
    ARGUMENT = "argument"
    """Its command, arguments or environment name the file."""
    CONFIGMAP = "configmap"
    """A ConfigMap that it reads does."""


class Source(StrEnum):
    """Places outside the process that an agent asks. Files have a status series each instead."""

    KUBELET = "kubelet"
    CSRS = "csrs"
    NODES = "nodes"
    CONFIGMAPS = "configmaps"
    LEASES = "leases"
    WEBHOOKS = "webhooks"
    APISERVICES = "apiservices"
    APISERVER = "apiserver"
    AZURE = "azure"
    KUBELETS = "kubelets"
    """Each kubelet's own port, asked by the cluster agent."""
    NODE_AGENTS = "node_agents"
    ENDPOINTS = "endpoints"
    """The Services behind webhooks, CRD conversions and APIServices."""
    WORKLOADS = "workloads"
    PREFLIGHT = "preflight"
    """Questions to the API server whether the next requests would be approved."""


class Reason(StrEnum):
    """Why a source did not answer."""

    DNS = "dns"
    """The name does not resolve."""
    REFUSED = "refused"
    """Nothing listens there."""
    UNREACHABLE = "unreachable"
    """No route to host or network."""
    RESET = "reset"
    """The connection was closed in mid-conversation."""
    TIMEOUT = "timeout"
    """No answer in time."""
    TLS_ALERT = "tls_alert"
    """The other side ended the handshake."""
    TLS_PROTOCOL = "tls_protocol"
    """What answers does not speak TLS, or no version in common."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    """The served certificate, or one above it, is past its notAfter (or before its notBefore)."""
    CERTIFICATE_HOSTNAME = "certificate_hostname"
    """The served certificate is not for this host."""
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    """The served chain does not lead to a CA that is trusted here."""
    CERTIFICATE_MALFORMED = "certificate_malformed"
    """The served certificate cannot be parsed."""
    NO_CERTIFICATE = "no_certificate"
    """The other side ends the handshake with the TLS alert internal_error (80): it has no certificate that is usable. A
    kubelet without a valid serving certificate does so."""
    UNAUTHORIZED = "unauthorized"
    """401: the credentials are not accepted."""
    FORBIDDEN = "forbidden"
    """403: a right is missing."""
    NOT_FOUND = "not_found"
    """404: the object, or the whole API, is not there."""
    CONFLICT = "conflict"
    """409: another operation is under way."""
    EXPIRED = "expired"
    """410: the list or watch position is too old; a new list follows."""
    THROTTLED = "throttled"
    """429: too many requests."""
    SERVER_ERROR = "server_error"
    """5xx."""
    DECODE = "decode"
    """The answer is not what the API promises."""
    TOO_LARGE = "too_large"
    """The answer exceeds the bound."""
    CREDENTIALS = "credentials"
    """No credentials to be had: the token file or the token endpoint fails."""
    BUG = "bug"
    """This program's own mistake; the log says where."""
    ERROR = "error"
    """Anything else; the log has the words."""
