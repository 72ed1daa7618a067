"""A node in; what its kubelet says of its certificates, through the API server's node proxy, out.

The API server vouches for the kubelet here, and hides what it serves: the handshake is the API server's own.
"""

import json
import time

from exporter.facts.kube.kubelet_metrics import MetricsReader, kubelet_config
from exporter.facts.kube.kubelet_report import KubeletReport, with_metrics
from exporter.reason import KubeletStatus, Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError

__all__ = ["read_kubelet"]

LARGEST_CONFIG, LARGEST_METRICS = 1 << 20, 16 << 20
"""Bytes. A busy node's /metrics has some 300 KB."""

PATIENCE = 8.0
"""Seconds until an answer begins."""

_STATUSES = {
    Reason.REFUSED: KubeletStatus.REFUSED,
    Reason.TIMEOUT: KubeletStatus.TIMEOUT,
    Reason.UNAUTHORIZED: KubeletStatus.UNAUTHORIZED,
    Reason.FORBIDDEN: KubeletStatus.FORBIDDEN,
}


def read_kubelet(connection: Connection, node: str) -> KubeletReport:
    """The report. Whatever goes wrong is its status."""
    place = f"/api/v1/nodes/{node}/proxy"
    try:
        config = kubelet_config(json.loads(connection.dated(f"{place}/configz", LARGEST_CONFIG, within=PATIENCE)[0]))
        body, date = connection.dated(f"{place}/metrics", LARGEST_METRICS, within=PATIENCE)
        reader = MetricsReader()
        reader.feed(bytes(body))
        metrics = reader.result()
    except ApiError as error:
        return _silent(node, error)
    except (ValueError, RecursionError) as error:
        return KubeletReport(node, KubeletStatus.ERROR, " ".join(str(error).split())[:200])
    report = KubeletReport(node, KubeletStatus.OK, config=config)
    return with_metrics(report, metrics, time.time() if date is None else date)


def _silent(node: str, error: ApiError) -> KubeletReport:
    """Of the API server's handshake with the kubelet there are Go's own words (crypto/tls, alert.go and common.go)."""
    words = error.failure.words
    if "tls: internal error" in words:
        return KubeletReport(node, KubeletStatus.TLS_ERROR, words, no_certificate=True)
    if "x509: " in words:
        return KubeletReport(node, KubeletStatus.UNTRUSTED, words)
    return KubeletReport(node, _STATUSES.get(error.reason, KubeletStatus.ERROR), words)
