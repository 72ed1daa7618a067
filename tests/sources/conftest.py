"""Every way of opening a node's files, a simulated API server with a pod that may ask it, and a simulated Azure."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.sources.azure.managed_cluster import AzureSource
from exporter.sources.files import openat2
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import KernelRoot, Root, WalkedRoot
from exporter.sources.kube.connection import Connection
from simulation.api.server import ApiServer
from simulation.azure.site import ArmSite
from simulation.pki import Authority
from tests.sources.azure.simulated import put
from tests.sources.kube.watching import T0, Pod, serving

WALKS: dict[str, Callable[[str], Root]] = {
    "descriptors": WalkedRoot.by_descriptor,
    "paths": WalkedRoot.by_path,
}
OPENERS = ({"openat2": KernelRoot.by_descriptor} if openat2.supported() else {}) | WALKS


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest) -> Callable[[str], Root]:
    """One way of opening a root."""
    return OPENERS[request.param]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host root with the directories of an AKS node."""
    for directory in ("var/lib/kubelet/pki", "etc/kubernetes/certs", "etc/default"):
        (tmp_path / "host" / directory).mkdir(parents=True)
    return tmp_path / "host"


@pytest.fixture
def files(host: Path, opener: Callable[[str], Root]) -> HostFiles:
    """That host's files, by each way."""
    return HostFiles(host, deadline=30.0, opener=opener)  # a busy machine is slow


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.cluster(T0)


@pytest.fixture
def apiserver(authority: Authority) -> Iterator[ApiServer]:
    with ApiServer(serving(authority)) as server:
        yield server


@pytest.fixture
def pod(tmp_path: Path, authority: Authority) -> Pod:
    pod = Pod(tmp_path / "serviceaccount")
    pod.mount(authority.pem, "first")
    return pod


@pytest.fixture
def connection(apiserver: ApiServer, pod: Pod) -> Iterator[Connection]:
    connection = pod.connection(apiserver)
    yield connection
    connection.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArmSite]:
    """A simulation with one healthy cluster, and the environment of a Pod with workload identity."""
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    found = ArmSite(tmp_path / "azure")
    with found.arm:
        put(found.arm)
        yield found


@pytest.fixture
def source(site: ArmSite) -> Iterator[AzureSource]:
    """The source in that environment."""
    found = AzureSource(site.arm.endpoint, site.environment)
    yield found
    found.close()


@pytest.fixture
def impatient(site: ArmSite) -> Iterator[AzureSource]:
    """The source, which gives a look a second and a half: enough for one that is answered, on a busy machine too."""
    found = AzureSource(site.arm.endpoint, site.environment, whole=1.5)
    yield found
    found.close()
