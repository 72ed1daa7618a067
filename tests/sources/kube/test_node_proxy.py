"""A kubelet is asked through the node proxy: what it says, and what each thing that goes wrong is called."""

import json
import time
from collections.abc import Mapping

import pytest

from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus, Reason, Role
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.node_proxy import read_kubelet

NODE = "aks-1"
CONFIGZ, METRICS = (f"/api/v1/nodes/{NODE}/proxy/{name}" for name in ("configz", "metrics"))
Answer = tuple[bytes, float | None] | Exception


class Answering(Connection):
    """The API server's connection, which gives these answers by path."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, int, float | None]] = []

    def dated(self, path: str, largest: int, *, within: float | None = None) -> tuple[bytearray, float | None]:
        self.asked.append((path, largest, within))
        found = self._answers[path]
        if isinstance(found, Exception):
            raise found
        return bytearray(found[0]), found[1]


SETTINGS = json.dumps({"kubeletconfig": {"rotateCertificates": True}}).encode()
CONFIG = KubeletConfig(True, False, "", True)
TOLD = b"""kubelet_certificate_manager_client_ttl_seconds 500
kubelet_certificate_manager_client_expiration_renew_errors 2
"""


def reported(configz: Answer = (SETTINGS, 1.0), metrics: Answer = (TOLD, 1000.0)) -> tuple[KubeletReport, list[str]]:
    connection = Answering({CONFIGZ: configz, METRICS: metrics})
    found = read_kubelet(connection, NODE)
    assert {path: rest for path, *rest in connection.asked}.items() <= {
        CONFIGZ: [1 << 20, 8.0],
        METRICS: [16 << 20, 8.0],
    }.items()
    return found, [path for path, *_ in connection.asked]


def report(status: KubeletStatus = KubeletStatus.OK, detail: str = "", **more: object) -> KubeletReport:
    """With what the metrics tell."""
    told: dict[str, object] = {
        "config": CONFIG,
        "client_certificate": True,
        "client_not_after": 1500.0,
        "renew_errors": ((Role.KUBELET_CLIENT, 2.0),),
    }
    return KubeletReport(NODE, status, detail, **{**told, **more})  # type: ignore[arg-type]


def error(reason: Reason, words: str) -> ApiError:
    return ApiError(Failure(reason, words))


def test_its_settings_and_its_metrics_are_told() -> None:
    """By the clock of whoever answered."""
    assert reported() == (report(), [CONFIGZ, METRICS])


def test_without_a_date_our_clock_counts() -> None:
    found, _ = reported(metrics=(TOLD, None))
    assert found.client_not_after == pytest.approx(time.time() + 500, abs=5)


@pytest.mark.parametrize(
    ("reason", "status"), [(Reason.NOT_FOUND, KubeletStatus.ERROR), (Reason.FORBIDDEN, KubeletStatus.FORBIDDEN)]
)
def test_without_its_settings_its_metrics_are_told(reason: Reason, status: KubeletStatus) -> None:
    found = reported(configz=error(reason, "HTTP: no"))
    assert found == (report(status, "HTTP: no", config=None), [CONFIGZ, METRICS])


SILENT: list[tuple[Reason, str, KubeletReport]] = [
    (Reason.REFUSED, "no", KubeletReport(NODE, KubeletStatus.REFUSED, "no")),
    (Reason.TIMEOUT, "no", KubeletReport(NODE, KubeletStatus.TIMEOUT, "no")),
    (Reason.UNAUTHORIZED, "no", KubeletReport(NODE, KubeletStatus.UNAUTHORIZED, "no")),
    (Reason.SERVER_ERROR, "no", KubeletReport(NODE, KubeletStatus.ERROR, "no")),
    (
        Reason.SERVER_ERROR,
        "HTTP 503: remote error: tls: internal error",
        KubeletReport(
            NODE, KubeletStatus.TLS_ERROR, "HTTP 503: remote error: tls: internal error", no_certificate=True
        ),
    ),
    (
        Reason.REFUSED,
        "tls: failed to verify certificate: x509: certificate has expired",
        KubeletReport(
            NODE, KubeletStatus.UNTRUSTED, "tls: failed to verify certificate: x509: certificate has expired"
        ),
    ),
]


@pytest.mark.parametrize(("reason", "words", "silent"), SILENT)
def test_one_that_does_not_answer_is_asked_once(reason: Reason, words: str, silent: KubeletReport) -> None:
    assert reported(configz=error(reason, words)) == (silent, [CONFIGZ])


@pytest.mark.parametrize(
    ("reason", "words", "silent"),
    [
        *SILENT,
        (Reason.NOT_FOUND, "no", KubeletReport(NODE, KubeletStatus.ERROR, "no")),
        (Reason.FORBIDDEN, "no", KubeletReport(NODE, KubeletStatus.FORBIDDEN, "no")),
    ],
)
def test_without_metrics_it_is_silent(reason: Reason, words: str, silent: KubeletReport) -> None:
    assert reported(metrics=error(reason, words)) == (silent, [CONFIGZ, METRICS])


@pytest.mark.parametrize(
    ("configz", "metrics", "words"),
    [
        ((b"[]", None), (TOLD, None), "no kubeletconfig"),
        ((b"[" * 100_000, None), (TOLD, None), "maximum recursion depth exceeded"),
        ((SETTINGS, None), (b"# nothing\n", None), "no metrics"),
        (ValueError("a\n b" + "c" * 300), (TOLD, None), f"a b{'c' * 197}"),
    ],
)
def test_what_is_no_kubelets_answer_is_an_error_in_words(configz: Answer, metrics: Answer, words: str) -> None:
    found, _ = reported(configz, metrics)
    assert (found.status, found.detail.startswith(words), found.config) == (KubeletStatus.ERROR, True, None)
    assert len(found.detail) <= 200
