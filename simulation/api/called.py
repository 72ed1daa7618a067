"""What a cluster's API server calls, and who reads what AKS retires: real TLS servers of this machine, some broken."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from simulation.api.cluster_objects import LEFT_BEHIND
from simulation.api.objects import api_service, webhooks, workload
from simulation.api.server import Store
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, YEAR, Authority, Credential

__all__ = ["ENDED", "ENDING", "MISFIT", "RETIRED_PATH_READER", "CalledServices"]

ENDED = "policy-guard"
"""The webhook with failurePolicy Fail whose serving certificate has ended."""
ENDING = "v1beta1.custom.metrics.k8s.io"
"""The APIService whose serving certificate nothing renewed."""
MISFIT = LEFT_BEHIND
"""The webhook whose certificate is of the present CA, and its caBundle of the former one."""
RETIRED_PATH_READER = ("monitoring", "node-metrics")
"""Namespace and name of the DaemonSet that verifies kubelets by the retired file."""

Service = tuple[str, str]


class CalledServices:
    """The Services behind the cluster's webhooks and APIServices. A context manager: its servers end with it."""

    def __init__(self, store: Store, now: float, authority: Authority) -> None:
        """Puts their objects into the store. `authority` is the present cluster CA."""
        self._servers = SimulatedKubelets()
        own = Authority("component-ca", now - YEAR, now + 9 * YEAR, number=5)
        self._authority = own
        store.put(
            "validatingwebhookconfigurations", webhooks(ENDED, own.pem, service=("security", ENDED), policy="Fail")
        )
        group = ENDING.partition(".")[2]
        service = ("monitoring", "custom-metrics")
        store.put("apiservices", api_service(group, "v1beta1", own.pem, service=service))
        path = "/etc/kubernetes/certs/kubeletserver.crt"
        namespace, name = RETIRED_PATH_READER
        reader = workload(name, namespace, host_path=path, mount=path, arguments=[f"--kubelet-ca={path}"])
        store.put("daemonsets", reader)
        self._serving: Mapping[Service, Credential] = {
            ("security", ENDED): _leaf(own, ("security", ENDED), now - 92 * DAY, now - 2 * DAY),
            service: _leaf(own, service, now - 80 * DAY, now + 10 * DAY),
            ("kube-system", MISFIT): _leaf(authority, ("kube-system", MISFIT), now - 10 * DAY, now + YEAR),
            **dict(_sound(authority, now)),
        }
        self._places: dict[Service, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        self._servers.__enter__()
        for service, serving in self._serving.items():
            self._places[service] = self._servers.start(serving, self._authority).address
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servers.__exit__(kind, error, trace)

    @property
    def flags(self) -> list[str]:
        """Those that tell an agent outside the cluster where the Services are."""
        return [
            f"--endpoints.resolve={namespace}/{name}={host}:{port}"
            for (namespace, name), (host, port) in self._places.items()
        ]


def _sound(authority: Authority, now: float) -> Iterator[tuple[Service, Credential]]:
    for name in ("aks-node-validating-webhook", "metrics-server"):
        service = ("kube-system", name)
        yield service, _leaf(authority, service, now - 10 * DAY, now + YEAR)


def _leaf(issuer: Authority, service: Service, begin: float, end: float) -> Credential:
    namespace, name = service
    return issuer.issue(name, begin, end, names=(f"{name}.{namespace}.svc",), usages=(SERVER,))
