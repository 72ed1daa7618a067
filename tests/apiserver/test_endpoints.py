"""The real API server calls a webhook of ours, and we look at it: both come to the same verdict."""

import base64
import json
import threading
import time
from pathlib import Path

import pytest

from exporter.facts.kube.endpoint_target import endpoint_targets
from exporter.facts.kube.object_calls import webhooks
from exporter.sources.endpoints.look import by_name, look
from simulation.pki import DAY, SERVER, YEAR, Authority, Credential
from tests.apiserver.controlplane import ControlPlane
from tests.apiserver.tls_server import JsonHandler, serving_tls

NOW = time.time()
OWN, OTHER = (
    Authority("hook-ca", NOW - YEAR, NOW + YEAR, number=6),
    Authority("hook-ca", NOW - YEAR, NOW + YEAR, number=7),
)
PAST = Authority("hook-ca", NOW - 2 * YEAR, NOW - DAY, number=8)
KIND = "ValidatingWebhookConfiguration"


CALLED = threading.Event()
"""The webhook was called."""


class Admitting(JsonHandler):
    """Allows everything."""

    def do_POST(self) -> None:
        """An AdmissionReview in, its answer out."""
        CALLED.set()
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = {"uid": review["request"]["uid"], "allowed": True}
        body = json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        ).encode()
        self.answer(body)


def leaf(issuer: Authority, *, ended: bool = False, name: str = "127.0.0.1") -> Credential:
    end = NOW - DAY / 2 if ended else NOW + DAY
    return issuer.issue("hook", NOW - 3 * DAY, end, names=(name,), usages=(SERVER,))


@pytest.mark.parametrize(
    ("serving", "bundle", "reason"),
    [
        (leaf(OWN), OWN, ""),
        (leaf(OWN), OTHER, "certificate_untrusted"),
        (leaf(OWN, ended=True), OWN, "certificate_expired"),
        (leaf(PAST), PAST, "certificate_expired"),
        (leaf(OWN, name="127.0.0.2"), OWN, "certificate_hostname"),
        (leaf(OWN), None, "certificate_untrusted"),
    ],
    ids=["fits", "another CA", "ended", "its CA ended", "another name", "the host's roots"],
)
def test_we_accept_what_the_api_server_accepts(
    plane: ControlPlane, tmp_path: Path, serving: Credential, bundle: Authority | None, reason: str
) -> None:
    """A18, B13, G6: a write that it covers goes through exactly where we say that it is trusted."""
    with serving_tls(Admitting, serving, tmp_path) as port:
        config: dict[str, object] = {"url": f"https://127.0.0.1:{port}/"}
        if bundle is not None:
            config["caBundle"] = base64.b64encode(bundle.pem).decode()
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
        hook = {
            "name": "hook.contoso.example",
            "clientConfig": config,
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail",
        }
        api = "admissionregistration.k8s.io/v1"
        # Later versions label each namespace with its name by themselves.
        plane.kubectl("label", "namespace", "default", "kubernetes.io/metadata.name=default", "--overwrite")
        plane.apply({"apiVersion": api, "kind": KIND, "metadata": {"name": "hook"}, "webhooks": [hook]})
        try:
            raw = plane.kubectl("get", KIND.lower(), "hook", "-o", "json").encode()
            (target,) = endpoint_targets(webhooks(KIND, raw))
            seen = look(target, by_name, 5.0, time.time)
            assert (seen.untrusted or "") == reason
            assert seen.trusted == (not reason)
            deadline, allowed = time.monotonic() + 20, reason == ""
            CALLED.clear()
            while _written(plane) != allowed or CALLED.is_set() != allowed:  # it takes a second to know of the webhook
                assert time.monotonic() < deadline
        finally:
            plane.kubectl("delete", KIND.lower(), "hook")


def _written(plane: ControlPlane) -> bool:
    name = f"written-{time.monotonic_ns()}"
    plane.kubectl("create", "configmap", name, "-n", "default", check=False)
    return bool(
        plane.kubectl("get", "configmap", name, "-n", "default", "--ignore-not-found", "-o", "name", check=False)
    )
