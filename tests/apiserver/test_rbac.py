"""The declared rights are enough for every read the agent makes, and for nothing else."""

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.resource import RESOURCES, Resource
from tests.apiserver.controlplane import ControlPlane


@pytest.fixture
def connection(plane: ControlPlane, token: str) -> Connection:
    return Connection(Kubeconfig(plane.kubeconfig("", token=token)))


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: "-".join((resource.plural, *resource.names)))
def test_each_read_is_allowed(connection: Connection, resource: Resource) -> None:
    for verb in resource.verbs:
        match verb:
            case "list":
                assert isinstance(connection.list_all(resource.path, bytes), list)
            case "watch":
                query = {"watch": "true", "timeoutSeconds": "1"}
                connection.open(resource.path, query, within=5).close()
            case "get":
                for name in resource.names:
                    found = connection.get(resource.object_path(name), bytes)
                    if isinstance(found, Failure):  # the right is there, AKS's approver is not
                        assert (name, found.reason) == ("kubelet-serving-csr-approver", Reason.NOT_FOUND)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/pods",
        "/api/v1/namespaces",
        "/api/v1/namespaces/default",
        "/api/v1/configmaps",
        "/api/v1/namespaces/kube-system/configmaps",
        "/api/v1/namespaces/default/configmaps/kube-root-ca.crt",
        "/api/v1/namespaces/kube-system/secrets",
        "/apis/coordination.k8s.io/v1/leases",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/any",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests/any",
        "/api/v1/nodes/any",
        "/api/v1/nodes/any/proxy/configz",
        "/apis/apiregistration.k8s.io/v1/apiservices/v1.",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/metrics",
    ],
)
def test_everything_else_is_forbidden(connection: Connection, path: str) -> None:
    found = connection.get(path, bytes)
    assert isinstance(found, Failure)
    assert found.reason is Reason.FORBIDDEN


def test_nothing_may_be_written(plane: ControlPlane, token: str) -> None:
    account = ("--kubeconfig", str(plane.kubeconfig("", token=token)))
    allowed = [
        f"{verb} {kind}"
        for verb in ("create", "update", "patch", "delete", "deletecollection", "approve", "impersonate")
        for kind in ("csr", "nodes", "configmaps", "leases", "namespaces", "secrets", "pods")
        if "no" not in plane.kubectl(*account, "auth", "can-i", verb, kind, "-n", "kube-system", check=False).split()
    ]
    assert allowed == []


def test_a_stranger_is_told_forbidden_and_a_wrong_token_unauthorized(plane: ControlPlane) -> None:
    stranger = Connection(Kubeconfig(plane.kubeconfig("nobody"))).list_all(RESOURCES[0].path, bytes)
    assert isinstance(stranger, Failure)
    assert stranger.reason is Reason.FORBIDDEN
    wrong = Connection(Kubeconfig(plane.kubeconfig("", token="wrong"))).list_all(RESOURCES[0].path, bytes)
    assert isinstance(wrong, Failure)
    assert wrong.reason is Reason.UNAUTHORIZED
