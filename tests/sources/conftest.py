"""Every way of opening a node's files: the tests of what a path leads to run once for each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.sources import openat2
from exporter.sources.files import HostFiles
from exporter.sources.root import KernelRoot, Root, WalkedRoot

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
    return HostFiles(host, opener=opener)
