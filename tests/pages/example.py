"""Facts of example nodes with real certificates, for the node page."""

from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import client_rotation, serving_rotation
from exporter.facts.source import REASONS, SourceFacts
from exporter.facts.x509 import certificates
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Reason,
    Role,
    Rotation,
    Source,
)
from simulation.pki import DAY, YEAR, Authority, Credential, self_signed_linux

NOW = 1_795_500_000.0
"""2026-11-24 06:00 UTC."""
NODE = "aks-nodepool1-31460213-vmss000002"
CA = Authority.cluster(NOW - 2 * YEAR)
PKI = "/var/lib/kubelet/pki"


def seen(
    role: Role,
    credential: Credential | Authority,
    rotation: Rotation,
    path: str,
    *,
    origin: Origin = Origin.FILE,
    signed: bool | None = True,
) -> SeenCertificate:
    pem = credential.pem if isinstance(credential, Authority) else credential.certificate_pem
    return SeenCertificate(role, origin, path, rotation, certificates(pem), signed)


def well() -> HostFacts:
    """A node whose certificates both rotate, the serving one due now."""
    client = CA.kubelet_client(NODE, NOW - 100 * DAY)
    serving = CA.kubelet_serving(NODE, NOW - 290 * DAY)
    on = {Evidence.KUBELET_CONFIG: True, Evidence.FILE: True}
    return HostFacts(
        node=NODE,
        windows=False,
        certificates=(
            seen(Role.KUBELET_CLIENT, client, Rotation.ENABLED, f"{PKI}/kubelet-client-current.pem"),
            seen(Role.KUBELET_SERVING, serving, Rotation.ENABLED, f"{PKI}/kubelet-server-current.pem"),
            seen(Role.CLUSTER_CA, CA, Rotation.NONE, "/etc/kubernetes/certs/ca.crt", signed=None),
            seen(Role.KUBELET_SERVING, serving, Rotation.ENABLED, "", origin=Origin.WIRE),
        ),
        files=(
            FileFacts(Role.KUBELET_CLIENT, f"{PKI}/kubelet-client-current.pem", FileStatus.OK),
            FileFacts(Role.KUBELET_SERVING, f"{PKI}/kubelet-server-current.pem", FileStatus.OK),
            FileFacts(Role.KUBELET_SERVING, "/var/lib/kubelet/kubelet-server-current.pem", FileStatus.NOT_EXPECTED),
            FileFacts(Role.CLUSTER_CA, "/etc/kubernetes/certs/ca.crt", FileStatus.OK),
        ),
        rotation=(
            client_rotation({**on, Evidence.KUBECONFIG: True}),
            serving_rotation({**on, Evidence.WIRE: True}, static=False),
        ),
        bootstrap_method=BootstrapMethod.TOKEN,
        bootstrap_kubeconfig_present=True,
        served_matches_file=True,
        leftovers={Role.KUBELET_CLIENT: 2, Role.KUBELET_SERVING: 1},
    )


def broken() -> HostFacts:
    """A node with an overdue client certificate, a fixed serving certificate, and files that cannot be read."""
    client = CA.kubelet_client(NODE, NOW - 350 * DAY)
    served = CA.kubelet_serving(NODE, NOW - 366 * DAY)
    copy = CA.apiserver(["apiserver"], NOW - 800 * DAY)
    return HostFacts(
        node=NODE,
        windows=False,
        certificates=(
            seen(Role.KUBELET_CLIENT, client, Rotation.ENABLED, f"{PKI}/kubelet-client-current.pem"),
            seen(
                Role.KUBELET_SERVING,
                self_signed_linux(NODE, NOW - 400 * DAY),
                Rotation.DISABLED,
                "/etc/kubernetes/certs/kubeletserver.crt",
                signed=False,
            ),
            seen(Role.KUBELET_SERVING, served, Rotation.DISABLED, "", origin=Origin.WIRE, signed=True),
            seen(Role.APISERVER_COPY, copy, Rotation.NONE, "/etc/kubernetes/certs/apiserver.crt"),
        ),
        files=(
            FileFacts(Role.KUBELET_CLIENT, f"{PKI}/kubelet-client-current.pem", FileStatus.OK),
            FileFacts(
                Role.CLUSTER_CA, "/etc/kubernetes/certs/ca.crt", FileStatus.PERMISSION_DENIED, "Permission denied"
            ),
            FileFacts(
                Role.KUBELET_SERVING,
                "/etc/default/kubelet",
                FileStatus.MALFORMED,
                "--tls-cert-file stands there twice: <b>&amp;</b>",
            ),
            FileFacts(Role.KUBELET_SERVING, f"{PKI}/kubelet-server-current.pem", FileStatus.NOT_EXPECTED),
        ),
        rotation=(
            client_rotation({Evidence.KUBELET_CONFIG: True, Evidence.FILE: True, Evidence.KUBECONFIG: True}),
            serving_rotation(
                {Evidence.KUBELET_CONFIG: False, Evidence.FILE: False, Evidence.PROVISIONING_TAG: False}, static=True
            ),
        ),
        bootstrap_method=BootstrapMethod.NONE,
        bootstrap_kubeconfig_present=False,
        served_matches_file=False,
        leftovers={Role.KUBELET_CLIENT: 3},
    )


def source(up: bool | None) -> SourceFacts:
    errors = dict.fromkeys(REASONS[Source.KUBELET], 0)
    if up is False:
        errors[Reason.REFUSED] = 12
    words = "127.0.0.1:10250: connection refused" if up is False else ""
    return SourceFacts(Source.KUBELET, up, NOW - 40 if up else None, errors, words)
