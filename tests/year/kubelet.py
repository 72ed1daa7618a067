"""A simulated node in, what its kubelet says to the cluster agent out: the report that asking it would give."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from exporter.facts.chain import distrust
from exporter.facts.kube.kubelet_metrics import KubeletConfig, KubeletMetrics
from exporter.facts.kube.kubelet_report import KubeletReport, with_metrics
from exporter.facts.x509 import Certificate
from exporter.reason import KubeletStatus
from tests.year.machine import Machine

__all__ = ["KUBELETS", "asked"]

KUBELETS = 300.0
"""Seconds between two looks at a kubelet."""


@dataclass(frozen=True, slots=True)
class _Seen:
    chain: tuple[Certificate, ...]
    authorities: tuple[Certificate, ...]
    node: str


def asked(machine: Machine, authorities: tuple[Certificate, ...], now: float) -> KubeletReport:
    """The report. The kubelet's clock may be another than `now`."""
    report, kubelet = KubeletReport(machine.name, KubeletStatus.REFUSED, "connection refused"), machine.kubelet
    if not machine.on or kubelet.stopped:
        return report
    client = machine.disk.client
    clock = now + kubelet.clock
    ttl = math.inf if client is None else client.not_after - clock
    if ttl <= -300:  # it exits five minutes after the end, and does not come up again
        return report
    if machine.served is None:
        return replace(report, status=KubeletStatus.TLS_ERROR, detail="internal error", no_certificate=True)
    report = replace(report, served=machine.served.chain)
    if not _verifies(_Seen(report.served, authorities, machine.name), now // 60 * 60):
        return replace(report, status=KubeletStatus.UNTRUSTED, detail="it is not signed by the cluster CA")
    if kubelet.refuses is not None:
        return replace(report, status=kubelet.refuses, detail="metrics: HTTP 403")
    rotates = machine.disk.serving_rotation is True
    report = replace(
        report, status=KubeletStatus.OK, detail="", config=KubeletConfig(kubelet.rotates, rotates, "", True)
    )
    told = KubeletMetrics(client_ttl=math.inf if ttl <= 0 and not kubelet.negative else float(math.floor(ttl)))
    if not (kubelet.tells and kubelet.rotates):  # a kubelet that does not rotate has no such metric
        told = KubeletMetrics()
    return with_metrics(report, told, clock)


@lru_cache(maxsize=4096)
def _verifies(seen: _Seen, now: float) -> bool:
    return distrust(seen.chain, seen.authorities, seen.node, now) is None
