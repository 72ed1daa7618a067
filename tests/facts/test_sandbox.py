"""The words for how far a process is sealed: labels of its series, and what its log says."""

from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp


def test_each_seal_has_its_word() -> None:
    assert list(FilesystemSeal) == ["sealed", "open"]
    assert list(NetworkSeal) == ["tcp", "open"]
    assert list(Seccomp) == ["none", "strict", "filter", "unknown"]


def test_a_seal_without_a_lack_has_no_detail() -> None:
    found = Sandbox(4, FilesystemSeal.SEALED, NetworkSeal.TCP, Seccomp.FILTER)
    assert found == Sandbox(4, FilesystemSeal.SEALED, NetworkSeal.TCP, Seccomp.FILTER, detail="")
