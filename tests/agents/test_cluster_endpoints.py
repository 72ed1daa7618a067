"""What answers to the API server's calls: looked at by real handshakes, judged by each object's own caBundle."""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.agents.cluster.endpoint_looks import Looking, resolved
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.sources.endpoints.look import look
from simulation.api import objects
from simulation.api.server import ApiServer
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, YEAR, Authority, Credential
from tests.agents.clusters import NOW, Cluster, cluster, populate

OWN, OTHER = (
    Authority("own-ca", NOW - YEAR, NOW + 9 * YEAR, number=3),
    Authority("own-ca", NOW - YEAR, NOW + YEAR, number=4),
)
SERVICE = ("security", "policy")
HOST = "policy.security.svc"
VALIDATING = "ValidatingWebhookConfiguration"
WHERE = {"kind": VALIDATING, "name": "policy", "address": f"{HOST}:443"}
ENDED, TRUSTED = "akscert_endpoint_certificate_not_after_timestamp_seconds", "akscert_endpoint_trusted"


def leaf(
    issuer: Authority = OWN, begin: float = NOW - 10 * DAY, end: float = NOW + 80 * DAY, name: str = HOST
) -> Credential:
    return issuer.issue("policy", begin, end, names=(name,), usages=(SERVER,))


@contextlib.contextmanager
def looking(
    folder: Path,
    serving: Credential | None,
    *found: tuple[str, dict[str, object]],
    timeout: float = 5.0,
) -> Iterator[Cluster]:
    """A cluster whose API server has these objects; their Service is a TLS server of this machine."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        for plural in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices"):
            for name in list(server.store.names(plural)):
                server.store.delete(plural, name)
        for plural, one in found:
            server.store.put(plural, one)

    with SimulatedKubelets() as servers:
        place = servers.start(serving, OWN).address if serving else servers.silent_address()
        ways = Looking(True, resolved({SERVICE: place}), interval=0.2, timeout=timeout)
        with cluster(folder, prepare=prepare, looking=ways) as running:
            yield running


def webhook(policy: str = "Fail", issuer: Authority = OWN) -> tuple[str, dict[str, object]]:
    return "validatingwebhookconfigurations", objects.webhooks("policy", issuer.pem, service=SERVICE, policy=policy)


def facts(found: Cluster) -> list[dict[str, object]]:
    document = found.agent.documents["/facts"]("", {})
    assert document is not None
    endpoints: list[dict[str, object]] = json.loads(document.body)["endpoints"]
    return endpoints


def page(found: Cluster) -> str:
    return found.agent.page({})


def test_what_a_webhook_serves_is_seen_and_accepted(tmp_path: Path) -> None:
    """Dates, trust, what happens if it fails, and no word of trouble."""
    serving = leaf()
    with looking(tmp_path, serving, webhook()) as found:
        found.until_value(serving.not_after, ENDED, **WHERE)
        begun = "akscert_endpoint_certificate_not_before_timestamp_seconds"
        assert found.values(begun, **WHERE) == [serving.not_before]
        assert found.values(TRUSTED, **WHERE, reason="ok") == [1.0]
        assert found.values("akscert_endpoint_status", **WHERE, status="ok") == [1.0]
        info = {"failure_policy": "fail", "verified": "yes", "owner": "other"}
        assert found.values("akscert_endpoint_info", **WHERE, **info) == [1.0]
        found.until_value(1.0, "akscert_source_up", source="endpoints")
        assert "AksCertEndpoint" not in page(found)
        (told,) = facts(found)
        assert (told["trusted"], told["status"], told["aks_component"]) == (True, "ok", None)


@pytest.mark.parametrize(
    ("serving", "reason"),
    [
        (leaf(OTHER), "certificate_untrusted"),
        (leaf(end=NOW - DAY), "certificate_expired"),
        (leaf(name="policy.elsewhere.svc"), "certificate_hostname"),
        (leaf(name="policy.security.svc.cluster.local"), "certificate_hostname"),
    ],
)
@pytest.mark.parametrize(("policy", "severity"), [("Fail", "critical"), ("Ignore", "warning")])
def test_what_the_api_server_would_not_accept_is_told(
    tmp_path: Path, serving: Credential, reason: str, policy: str, severity: str
) -> None:
    """B13, G6: by the object's own bundle and the name it calls; critical where writes are refused for it."""
    with looking(tmp_path, serving, webhook(policy)) as found:
        found.until_value(0.0, TRUSTED, **WHERE, reason=reason)
        findings = [
            one
            for one in json.loads(found.agent.documents["/facts"]("", {}).body)["findings"]  # type: ignore[union-attr]
            if one["alert"] == "AksCertEndpointUntrusted"
        ]
        assert [one["severity"] for one in findings] == [severity]
        assert "AksCertEndpointUntrusted" in page(found)


def test_it_is_looked_at_again_when_its_object_changes(tmp_path: Path) -> None:
    """A bundle that is mended is believed at the next look."""
    with looking(tmp_path, leaf(OTHER), webhook()) as found:
        found.until_value(0.0, TRUSTED, **WHERE)
        found.server.store.put(*webhook(issuer=OTHER))
        found.until_value(1.0, TRUSTED, **WHERE, reason="ok")
        found.server.store.delete("validatingwebhookconfigurations", "policy")
        found.until(lambda: found.values(TRUSTED) == [] and facts(found) == [], "gone")


def test_an_api_service_near_its_end_is_told(tmp_path: Path) -> None:
    """The last fifth of its lifetime, or three weeks."""
    serving = leaf(begin=NOW - 80 * DAY, end=NOW + 10 * DAY)
    one = objects.api_service("metrics.k8s.io", "v1beta1", OWN.pem, service=SERVICE)
    with looking(tmp_path, serving, ("apiservices", one)) as found:
        found.until_value(serving.not_after, ENDED, kind="APIService", name="v1beta1.metrics.k8s.io")
        assert "AksCertEndpointExpiring" in page(found)


def test_what_the_api_server_does_not_verify_is_no_trouble(tmp_path: Path) -> None:
    """insecureSkipTLSVerify: the dates are shown, and nothing depends on them."""
    one = objects.api_service("metrics.k8s.io", "v1beta1", OWN.pem, service=SERVICE)
    one["spec"] |= {"insecureSkipTLSVerify": True}
    del one["spec"]["caBundle"]
    serving = leaf(end=NOW - DAY)
    with looking(tmp_path, serving, ("apiservices", one)) as found:
        found.until_value(serving.not_after, ENDED, kind="APIService")
        assert found.values("akscert_endpoint_info", verified="no") == [1.0]
        assert found.values(TRUSTED) == []
        assert "AksCertEndpoint" not in page(found)
        assert "not verified: insecureSkipTLSVerify" in page(found)


def test_a_refused_connection_is_not_distrust(tmp_path: Path) -> None:
    """No Pod is ready: that is told as what it is, and the agent's own source stays up."""
    with looking(tmp_path, None, webhook()) as found:
        found.until_value(1.0, "akscert_endpoint_status", **WHERE, status="refused")
        assert found.values(TRUSTED) == found.values(ENDED) == []
        found.until_value(1.0, "akscert_source_up", source="endpoints")
        found.until(lambda: found.values("akscert_source_errors_total", source="endpoints", reason="refused") > [0.0])
        assert "refuses the connection" in page(found)


def test_what_answers_too_late_is_known_apart() -> None:
    """It takes the connection and says nothing: no verdict on its certificate, and no NetworkPolicy either."""
    target = EndpointTarget(VALIDATING, "policy", HOST, 443, SERVICE, trusts=((),))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = look(target, resolved({SERVICE: silent.getsockname()}), 0.2, lambda: NOW)
    assert (seen.status, seen.trusted, seen.certificate) == ("timeout", None, None)


def test_what_cannot_be_reached_from_here_is_known_apart() -> None:
    """A NetworkPolicy drops what is sent: no connection in time, no verdict, and nobody's fault."""
    target = EndpointTarget(VALIDATING, "policy", HOST, 443, SERVICE, trusts=((),))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as waiting:
            for _ in range(3):  # from then on the kernel drops what asks for a connection, as a NetworkPolicy does
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            seen = look(target, resolved({SERVICE: full.getsockname()}), 0.3, lambda: NOW)
    assert (seen.status, seen.trusted, seen.certificate) == ("unreachable", None, None)


def test_a_name_that_does_not_resolve_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An agent outside the cluster: one note for all of them, the sources up, nothing in the log."""
    names = ("one", "two", "three", "four")
    found_objects = [
        ("validatingwebhookconfigurations", objects.webhooks(name, OWN.pem, service=("invalid..", name)))
        for name in names
    ]
    with looking(tmp_path, None, *found_objects) as found:
        found.until(lambda: found.values("akscert_endpoint_status", status="unresolved") == [1.0] * 4, "unresolved")
        found.until_ready()
        assert found.values("akscert_source_up", source="endpoints") == [1.0]
        assert page(found).count("Not reachable from here") == 1
        assert "critical finding" not in page(found)
    assert [one for one in caplog.records if "endpoints" in one.getMessage()] == []


def test_nobody_to_look_at_is_an_answer(tmp_path: Path) -> None:
    with looking(tmp_path, None) as found:
        found.until_value(1.0, "akscert_source_up", source="endpoints")
        assert facts(found) == []


def test_a_server_that_wants_a_client_certificate_is_seen(tmp_path: Path) -> None:
    """Many webhooks ask for the API server's client certificate; the handshake shows theirs all the same."""
    serving = leaf()
    with SimulatedKubelets() as servers:
        server = servers.start(serving, OWN)
        server.context.verify_mode = ssl.CERT_REQUIRED
        target = EndpointTarget(VALIDATING, "policy", HOST, 443, SERVICE, trusts=(None,))
        seen = look(target, resolved({SERVICE: server.address}), 5.0, lambda: NOW)
        assert seen.certificate is not None
        assert seen.certificate.not_after == serving.not_after
        assert seen.trusted is False  # no caBundle: this host's roots did not sign it
