"""A node in; what its kubelet says of its certificates, through the API server's node proxy, out.

The API server vouches for the kubelet here, and hides what it serves: the handshake is the API server's own.
"""

import json
import time
from dataclasses import replace

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
_OF_THIS_PATH = {Reason.NOT_FOUND, Reason.FORBIDDEN}
"""What an answer about /configz says of nothing else: with enableDebuggingHandlers off there is none."""


def read_kubelet(connection: Connection, node: str) -> KubeletReport:
    """The report. Whatever goes wrong is its status; without its settings, which a kubelet may keep to itself, it is
    asked for its metrics all the same.
    """
    place = f"/api/v1/nodes/{node}/proxy"
    report = KubeletReport(node, KubeletStatus.OK)
    try:
        try:
            loaded = json.loads(connection.dated(f"{place}/configz", LARGEST_CONFIG, within=PATIENCE)[0])
            report = replace(report, config=kubelet_config(loaded))
        except ApiError as error:
            if error.reason not in _OF_THIS_PATH:
                raise
            report = _silent(node, error)
        body, date = connection.dated(f"{place}/metrics", LARGEST_METRICS, within=PATIENCE)
        reader = MetricsReader()
        reader.feed(bytes(body))
        return with_metrics(report, reader.result(), time.time() if date is None else date)
    except ApiError as error:
        return _silent(node, error)
    except (ValueError, RecursionError) as error:
        return KubeletReport(node, KubeletStatus.ERROR, " ".join(str(error).split())[:200])


def _silent(node: str, error: ApiError) -> KubeletReport:
    """Of the API server's handshake with the kubelet there are Go's own words (crypto/tls, alert.go and common.go)."""
    words = error.failure.words
    if "tls: internal error" in words:
        return KubeletReport(node, KubeletStatus.TLS_ERROR, words, no_certificate=True)
    if "x509: " in words:
        return KubeletReport(node, KubeletStatus.UNTRUSTED, words)
    return KubeletReport(node, _STATUSES.get(error.reason, KubeletStatus.ERROR), words)
