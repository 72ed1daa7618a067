"""What a simulated kubelet answers to who may ask: /metrics and /configz, in the real ones' shape and size.

Authorisation is the kubelet's own: without a token 401, with a token that has no right to the resource 403. /metrics
is nodes/metrics, /configz is nodes/configz from Kubernetes 1.33 on and nodes/proxy before (pkg/kubelet/server/auth.go).
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulation.node.build_options import Client, OperatingSystem, Serving
from simulation.node.simulated_node import SimulatedNode

__all__ = ["KubeletApi", "KubeletSettings", "settings_of"]

RESOURCES = {"/metrics": "metrics", "/configz": "configz"}
LINES_BEFORE, LINES_AFTER = 900, 2100
"""Series of other subjects, which make a kubelet's /metrics some 300 KB."""


@dataclass(slots=True)
class KubeletSettings:
    """What its configuration came to, as /configz prints it."""

    rotate_certificates: bool = True
    server_tls_bootstrap: bool = True
    tls_cert_file: str = ""
    feature_gates: Mapping[str, bool] = field(default_factory=dict)


def settings_of(node: SimulatedNode) -> KubeletSettings:
    """What the kubelet of a simulated node runs with."""
    options = node.scenario.options
    rotated = options.serving in {Serving.ROTATED, Serving.PENDING}
    fixed = not rotated and options.system is OperatingSystem.LINUX
    return KubeletSettings(
        rotate_certificates=options.client is not Client.STATIC,
        server_tls_bootstrap=rotated,
        tls_cert_file="/etc/kubernetes/certs/kubeletserver.crt" if fixed else "",
    )


@dataclass(slots=True)
class KubeletApi:
    """One kubelet's answers. Its fields may be changed while it runs."""

    settings: KubeletSettings = field(default_factory=KubeletSettings)
    client_not_after: float | None = None
    """Unix seconds; None: the kubelet has no valid client certificate, and its metric says +Inf."""
    server_not_after: float | None = None
    """Likewise of the rotated serving certificate; told only where serverTLSBootstrap is on."""
    client_renew_errors: int = 0
    server_renew_errors: int = 0
    rights: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Token to the resources it may read: `metrics`, `configz`, `proxy`."""
    fine_grained: bool = True
    """Whether the kubelet knows nodes/configz; older ones ask for nodes/proxy."""
    debugging: bool = True
    """enableDebuggingHandlers: without it there is no /configz (pkg/kubelet/server/server.go)."""
    clock: Callable[[], float] = time.time
    tokens_seen: set[str] = field(default_factory=set)

    def answer(self, path: str, token: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if token:
            self.tokens_seen.add(token)
        if token not in self.rights:
            return 401, "text/plain; charset=utf-8", b"Unauthorized"
        resource = RESOURCES.get(path)
        wanted = "proxy" if resource is None or (resource == "configz" and not self.fine_grained) else resource
        if wanted not in self.rights[token]:
            words = f"Forbidden (user=simulated, verb=get, resource=nodes, subresource(s)=[{wanted}])\n"
            return 403, "text/plain; charset=utf-8", words.encode()
        if resource == "metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", self.metrics().encode()
        if resource == "configz" and self.debugging:
            return 200, "application/json", self.configz()
        return 404, "text/plain; charset=utf-8", b"404 page not found\n"

    def metrics(self) -> str:
        """The text in the order of a real one: families by name, ours among many others."""
        now = self.clock()
        lines = ["# HELP aggregator_discovery_aggregation_count_total [ALPHA] Counter of number of times discovery was"]
        lines += ["# TYPE aggregator_discovery_aggregation_count_total counter"]
        lines += [_other("cadvisor_version_info", number) for number in range(LINES_BEFORE)]
        lines += [
            "# HELP kubelet_certificate_manager_client_expiration_renew_errors [ALPHA] Counter of certificate renewal "
            "errors.",
            "# TYPE kubelet_certificate_manager_client_expiration_renew_errors counter",
            f"kubelet_certificate_manager_client_expiration_renew_errors {self.client_renew_errors}",
        ]
        lines += _gauge("client_ttl_seconds", self.client_not_after, now)
        if self.settings.server_tls_bootstrap:
            lines += _gauge("server_ttl_seconds", self.server_not_after, now)
        lines += [_other("kubelet_runtime_operations_duration_seconds_bucket", number) for number in range(LINES_AFTER)]
        lines += [
            "# HELP kubelet_server_expiration_renew_errors [ALPHA] Counter of certificate renewal errors.",
            "# TYPE kubelet_server_expiration_renew_errors counter",
            f"kubelet_server_expiration_renew_errors {self.server_renew_errors}",
        ]
        lines += [_other("storage_operation_duration_seconds_bucket", number) for number in range(400)]
        return "\n".join(lines) + "\n"

    def configz(self) -> bytes:
        """The resolved configuration under `kubeletconfig`."""
        settings = self.settings
        config: dict[str, object] = {
            "enableServer": True,
            "syncFrequency": "1m0s",
            "address": "0.0.0.0",  # noqa: S104 - what a real one prints
            "port": 10250,
            "rotateCertificates": settings.rotate_certificates,
            "serverTLSBootstrap": settings.server_tls_bootstrap,
            "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/certs/ca.crt"}},
            "featureGates": dict(settings.feature_gates),
        }
        if settings.tls_cert_file:
            config["tlsCertFile"] = settings.tls_cert_file
            config["tlsPrivateKeyFile"] = settings.tls_cert_file.replace(".crt", ".key")
        return json.dumps({"kubeletconfig": config}).encode()


def _gauge(name: str, not_after: float | None, now: float) -> list[str]:
    # pkg/kubelet/certificate/kubelet.go: a GaugeFunc, +Inf where the manager has no current certificate, which is also
    # the case from the certificate's end on (client-go, certificate_manager.go, Current).
    value = "+Inf" if not_after is None or not_after <= now else repr(float(int(not_after - now)))
    full = f"kubelet_certificate_manager_{name}"
    return [
        f"# HELP {full} [ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's certificate. The value is in seconds "
        "until certificate expiry (negative if already expired). If the certificate is invalid or unused, the value "
        "will be +INF.",
        f"# TYPE {full} gauge",
        f"{full} {value}",
    ]


def _other(name: str, number: int) -> str:
    return f'{name}{{operation_type="operation_{number % 17}",le="{number}.005",sample="{number:05d}"}} {number}'
