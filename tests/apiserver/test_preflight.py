"""The real API server says what its controller manager would be told; and which newer kinds it has."""

import json
from collections.abc import Iterator

import pytest

from exporter.agents.cluster.certificates_api import count_certificate_objects
from exporter.agents.cluster.preflight import ask_preflight
from exporter.facts.kube.certificates_api import KINDS
from exporter.facts.kube.node import Node
from exporter.facts.source import Failure
from exporter.reason import ApiStatus, PreflightStep, Reason, Requestor, Rotation
from exporter.sources.kube.connection import Connection, Kubeconfig
from tests.apiserver.controlplane import NODE, ControlPlane, wait
from tests.apiserver.requests import client

RENEWALS, NEW = "selfnodeclient-nodes", "nodeclient-bootstrappers"
MEMBER = Node(NODE, "nodepool1", "v1.33.4", "", "linux", "Ubuntu", "cluster", Rotation.ENABLED, 0.0, True, "", "")


@pytest.fixture
def asking(plane: ControlPlane) -> Connection:
    """Somebody who may create reviews."""
    return Connection(Kubeconfig(plane.kubeconfig("admin")))


def answers(connection: Connection) -> dict[tuple[Requestor, PreflightStep], bool]:
    found = ask_preflight(connection, [MEMBER], None)
    assert not isinstance(found, Failure), found
    return {(one.question.requestor, one.question.step): one.allowed for one in found}


@pytest.fixture
def unbound(plane: ControlPlane) -> Iterator[None]:
    """Nobody may have a renewal approved."""
    former = plane.kubectl("get", "clusterrolebinding", RENEWALS, "-o", "json")
    plane.kubectl("delete", "clusterrolebinding", RENEWALS)
    yield
    kept = json.loads(former)
    del kept["metadata"]["resourceVersion"], kept["metadata"]["uid"]
    plane.apply(kept)


def test_with_all_bindings_everything_would_be_approved(asking: Connection) -> None:
    assert set(answers(asking).values()) == {True}
    assert len(answers(asking)) == 4


def test_without_the_renewals_binding_the_controller_leaves_them_alone_and_we_said_so(
    plane: ControlPlane, asking: Connection, unbound: None
) -> None:
    """The answer is the one that the approver gets: the node's request stays pending."""
    wait(lambda: answers(asking)[Requestor.NODE, PreflightStep.APPROVAL] is False, "the binding is gone")
    others = {key: value for key, value in answers(asking).items() if key != (Requestor.NODE, PreflightStep.APPROVAL)}
    assert set(others.values()) == {True}
    if plane.binaries.controller_manager is not None:
        client(plane, "unapproved")
        client(plane, "joins", user="system:bootstrap:abc123")
        wait(lambda: bool(status(plane, "joins").get("certificate")), "the other one is signed")
        assert status(plane, "unapproved") == {}


def status(plane: ControlPlane, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(plane.kubectl("get", "csr", name, "-o", "json")).get("status") or {}
    return found


def test_the_charts_default_rights_are_not_enough_to_ask(plane: ControlPlane, token: str) -> None:
    found = ask_preflight(Connection(Kubeconfig(plane.kubeconfig("", token=token))), [MEMBER], None)
    assert isinstance(found, Failure)
    assert found.reason is Reason.FORBIDDEN
    assert "subjectaccessreviews" in found.words


def test_the_newer_kinds_are_counted_where_they_are_served(plane: ControlPlane, token: str) -> None:
    """With the chart's rights; on an old server, or where they are off, a status and nothing else."""
    groups = plane.kubectl("api-resources", "--api-group=certificates.k8s.io", "-o", "name").split()
    there = {kind: f"{kind}.certificates.k8s.io" in groups for kind in KINDS}
    found = count_certificate_objects(Connection(Kubeconfig(plane.kubeconfig("", token=token))), 0.0)
    assert found.statuses == {kind: ApiStatus.OK if there[kind] else ApiStatus.NOT_SERVED for kind in KINDS}
    assert not found.requests
