"""How the newer certificate kinds are found (agents/cluster/certificates_api.py), from what a server says it has."""

from dataclasses import dataclass, field

import pytest

from exporter.agents.cluster.certificates_api import count_certificate_objects
from exporter.facts.kube.certificates_api import GROUP, KINDS, Counted
from exporter.facts.source import Failure
from exporter.reason import ApiStatus, Reason
from tests.check.known import NOW

ROOT = f"/apis/{GROUP}"
PODS, BUNDLES = "podcertificaterequests", "clustertrustbundles"


@dataclass
class Server:
    """What it answers by path; every list of it is forbidden."""

    answers: dict[str, object]
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, _read: object) -> object:
        return self.answers[path]

    def list_all(self, path: str, _read: object) -> Failure:
        self.asked.append(path)
        return Failure(Reason.FORBIDDEN, "no right")


def counted(server: Server) -> Counted:
    return count_certificate_objects(server, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.NOT_FOUND, ApiStatus.NOT_SERVED),
        (Reason.FORBIDDEN, ApiStatus.FORBIDDEN),
        (Reason.TIMEOUT, ApiStatus.ERROR),
    ],
)
@pytest.mark.parametrize("versions", [(), ("v1",)])
def test_without_its_versions_and_their_kinds_nothing_is_listed(
    versions: tuple[str, ...], reason: Reason, status: ApiStatus
) -> None:
    failure = Failure(reason, "no")
    server = Server({ROOT: versions, f"{ROOT}/v1": failure} if versions else {ROOT: failure})
    assert counted(server) == Counted(statuses=dict.fromkeys(KINDS, status))
    assert server.asked == []


def test_each_kind_is_listed_by_the_first_version_that_has_it() -> None:
    kinds = {"v1": (PODS,), "v1beta1": (PODS, BUNDLES), "v1alpha1": (PODS, BUNDLES)}
    server = Server({ROOT: tuple(kinds), **{f"{ROOT}/{version}": found for version, found in kinds.items()}})
    assert counted(server) == Counted(statuses={PODS: ApiStatus.FORBIDDEN, BUNDLES: ApiStatus.FORBIDDEN})
    assert server.asked == [f"{ROOT}/v1/{PODS}", f"{ROOT}/v1beta1/{BUNDLES}"]
