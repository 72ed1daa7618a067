"""A real control plane for all tests of this folder, and a service account with exactly the declared rights."""

from collections.abc import Iterator

import pytest

from exporter.sources.kube.resource import ENDPOINT_RULE, cluster_rules, role_rules
from tests.apiserver.controlplane import ControlPlane
from tools.apiserver import binaries

ACCOUNT = "aks-cert-exporter"


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(binaries(), tmp_path_factory.mktemp("controlplane")) as running:
        yield running


@pytest.fixture(scope="session")
def token(plane: ControlPlane) -> str:
    """A token of a service account that may do what the chart's roles allow, and no more."""
    api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "default"}]
    plane.kubectl("create", "serviceaccount", ACCOUNT)
    rules = [rule.manifest for rule in (*cluster_rules(), ENDPOINT_RULE)]
    plane.apply({**api, "kind": "ClusterRole", "metadata": {"name": ACCOUNT}, "rules": rules})
    role = {"apiGroup": group, "kind": "ClusterRole", "name": ACCOUNT}
    plane.apply(
        {**api, "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT}, "roleRef": role, "subjects": subjects}
    )
    for namespace, declared in role_rules().items():
        metadata = {"name": ACCOUNT, "namespace": namespace}
        plane.apply({**api, "kind": "Role", "metadata": metadata, "rules": [rule.manifest for rule in declared]})
        role = {"apiGroup": group, "kind": "Role", "name": ACCOUNT}
        plane.apply({**api, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects})
    return plane.kubectl("create", "token", ACCOUNT, "--duration=2h").strip()


@pytest.fixture(autouse=True)
def clean(plane: ControlPlane) -> None:
    """No requests and no nodes are left of the tests before."""
    plane.kubectl("delete", "csr", "--all")
    plane.kubectl("delete", "nodes", "--all")
