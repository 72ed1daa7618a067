"""The real API server hands requests on to an aggregated API server of ours, and we look at it: the same verdict."""

import base64
import json
import time
from pathlib import Path

import pytest

from exporter.agents.cluster.endpoint_looks import resolved
from exporter.facts.kube.endpoint_target import endpoint_targets
from exporter.facts.kube.object_calls import api_service
from exporter.sources.endpoints.look import look
from simulation.pki import DAY, SERVER, YEAR, Authority, Credential
from tests.apiserver.controlplane import ControlPlane, wait
from tests.apiserver.tls_server import JsonHandler, serving_tls

NOW = time.time()
OWN, OTHER = (
    Authority("fruit-ca", NOW - YEAR, NOW + YEAR, number=6),
    Authority("fruit-ca", NOW - YEAR, NOW + YEAR, number=7),
)
NAME, PATH = "v1.fruit.example", "/apis/fruit.example/v1"
SERVICE = ("default", "fruit")


class Fruit(JsonHandler):
    """Says what an API server says of a group without resources."""

    def do_GET(self) -> None:
        """Every path, discovery among them."""
        body = json.dumps(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "fruit.example/v1", "resources": []}
        ).encode()
        self.answer(body)


def leaf(*, ended: bool = False, name: str = "fruit.default.svc") -> Credential:
    end = NOW - DAY / 2 if ended else NOW + DAY
    return OWN.issue("fruit", NOW - 3 * DAY, end, names=(name,), usages=(SERVER,))


@pytest.mark.parametrize(
    ("serving", "bundle", "reason"),
    [
        (leaf(), OWN, ""),
        (leaf(), OTHER, "certificate_untrusted"),
        (leaf(ended=True), OWN, "certificate_expired"),
        (leaf(name="fruit.elsewhere.svc"), OWN, "certificate_hostname"),
    ],
    ids=["fits", "another CA", "ended", "another name"],
)
def test_we_accept_what_the_api_server_accepts(
    plane: ControlPlane, tmp_path: Path, serving: Credential, bundle: Authority, reason: str
) -> None:
    """A18, B13: its API answers exactly where we say that it is trusted."""
    with serving_tls(Fruit, serving, tmp_path) as port:
        # A Service that leads to a name: there are no Pods here, and nobody who would route to them.
        plane.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": SERVICE[1], "namespace": SERVICE[0]},
                "spec": {"type": "ExternalName", "externalName": "localhost"},
            }
        )
        spec = {
            "group": "fruit.example",
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "service": {"namespace": SERVICE[0], "name": SERVICE[1], "port": port},
            "caBundle": base64.b64encode(bundle.pem).decode(),
        }
        api = "apiregistration.k8s.io/v1"
        plane.apply({"apiVersion": api, "kind": "APIService", "metadata": {"name": NAME}, "spec": spec})
        try:
            raw = plane.kubectl("get", "apiservice", NAME, "-o", "json").encode()
            (target,) = endpoint_targets(api_service(raw))
            seen = look(target, resolved({SERVICE: ("127.0.0.1", port)}), 5.0, time.time)
            assert (seen.untrusted or "") == reason
            assert seen.trusted == (not reason)
            wait(lambda: _verdict(plane) is (not reason), "the API server's verdict", 40.0)
        finally:
            plane.kubectl("delete", "apiservice", NAME)
            plane.kubectl("delete", "service", SERVICE[1], "-n", SERVICE[0])


def _verdict(plane: ControlPlane) -> bool | None:
    """Whether it hands a request on; None where it does not yet, or not for the certificate's sake.

    An older one, as of 1.20, only finds out when it calls; a newer one calls nobody whom it found unavailable.
    """
    said = plane.kubectl("get", "--raw", PATH, "-v=8", check=False)  # with the body of a failure, which has the cause
    if '"APIResourceList"' in said:
        return True
    found = json.loads(plane.kubectl("get", "apiservice", NAME, "-o", "json")).get("status", {})
    refused = any(
        one["type"] == "Available" and one["status"] == "False" and "certificate" in one.get("message", "")
        for one in found.get("conditions", [])
    )
    return False if refused or "x509" in said else None
