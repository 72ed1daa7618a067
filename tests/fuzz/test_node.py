"""Whole nodes with files damaged at random: a scrape, a page and a report always come, and none says fine unseen."""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.check.host import host_sections
from exporter.check.render import as_json
from exporter.check.report import report
from exporter.findings.host import host_findings
from exporter.reason import FileStatus, Role
from simulation.node.file_contents import BOOTSTRAP_TOKEN
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from tests.agents.nodes import CA, NOW, Series, agent_of, series, values

NODES = ("healthy", "serving-off", "static-client", "windows-healthy")
WELL = {FileStatus.OK, FileStatus.NOT_EXPECTED}

Tree = dict[str, bytes | str]
"""Files by their path below the root; text is a link's."""
Damage = Callable[[str, Tree], bytes | str | None]
"""What is to lie at a path of a tree instead; None: nothing."""


@cache
def undamaged(name: str) -> Tree:
    """A node of the demo's table, read once."""
    with tempfile.TemporaryDirectory() as directory:
        root = build(scenario(name), Path(directory) / "host", NOW, CA).root
        paths = sorted(path for path in root.rglob("*") if path.is_symlink() or path.is_file())
        return {
            str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
            for path in paths
        }


def content(path: str, tree: Tree) -> bytes:
    """The bytes at a path, a link followed once."""
    found = tree[path]
    if isinstance(found, bytes):
        return found
    led = tree.get(found.lstrip("/"), b"")
    return led if isinstance(led, bytes) else b""


def cut(at: float) -> Damage:
    return lambda path, tree: content(path, tree)[: int(at * len(content(path, tree)))]


def changed(at: float, new: bytes) -> Damage:
    def damage(path: str, tree: Tree) -> bytes:
        old = content(path, tree)
        place = int(at * len(old))
        return old[:place] + new + old[place + len(new) :]

    return damage


def mixed(at: float, other: int) -> Damage:
    def damage(path: str, tree: Tree) -> bytes:
        old, new = content(path, tree), content(sorted(tree)[other % len(tree)], tree)
        place = int(at * len(old))
        return old[:place] + new + old[place:]

    return damage


def said(new: str) -> Damage:
    """A word of the file turned round."""
    return lambda path, tree: content(path, tree).replace(b"true", new.encode()).replace(b"current", new.encode())


def ended(how: bytes) -> Damage:
    """The end of the last line, or of every line, is another."""
    return lambda path, tree: (
        content(path, tree).replace(b"\n", how) if how.endswith(b"\r") else content(path, tree).rstrip(b"\n") + how
    )


PART = st.floats(0, 1, exclude_max=True)
DAMAGES: st.SearchStrategy[Damage] = st.one_of(
    st.just(lambda _path, _tree: None),
    st.binary(max_size=200).map(lambda new: lambda _path, _tree: new),
    st.builds(cut, PART),
    st.builds(changed, PART, st.binary(min_size=1, max_size=40)),
    st.builds(mixed, PART, st.integers(0, 100)),
    st.builds(ended, st.sampled_from([b"", b"\n\n", b"\r\n", b"\r", b"\x00"])),
    st.builds(said, st.sampled_from(["false", "[]", "{", "\n", "'", "!!python/name:os", "&a [*a]", "9" * 5000])),
    st.sampled_from(["/etc", "..", "../../../../../etc/passwd", "/", "nowhere", "/proc/self/exe", "\udcff"]).map(
        lambda target: lambda _path, _tree: target
    ),
)


def written(root: Path, tree: Tree) -> None:
    """Put a tree on the disk."""
    root.mkdir()
    for path, what in tree.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, bytes):
            place.write_bytes(what)
        else:
            os.symlink(what, place)
    for directory in (root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())):
        os.utime(directory, (1, 1))  # a directory that changed just now is looked at twice before a file is absent


@pytest.mark.parametrize("name", NODES)
@given(damages=st.dictionaries(st.integers(0, 1000), DAMAGES, max_size=4))
def test_a_damaged_node_is_described_and_never_called_well_unseen(name: str, damages: dict[int, Damage]) -> None:
    """Any files may be anything."""
    described(name, damages)


ENDINGS = (b"", b"\n\n", b"\r\n", b"\r", b"\x00")


@pytest.mark.parametrize("name", NODES)
def test_each_file_in_turn_with_another_end_is_described(name: str) -> None:
    """As editors leave it: one file of twenty with one end of five is more than chance should find."""
    for number in range(len(undamaged(name))):
        for ending in ENDINGS:
            described(name, {number: ended(ending)})


def described(name: str, damages: dict[int, Damage]) -> None:
    """A damaged node's scrape, page and report come, and agree."""
    tree = dict(undamaged(name))
    for number, damage in damages.items():
        path = sorted(undamaged(name))[number % len(undamaged(name))]
        what = damage(path, undamaged(name))
        tree.pop(path, None)
        if what is not None:
            tree[path] = what
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "host"
        written(root, tree)
        preset = "aks-windows" if name.startswith("windows") else "aks-linux"
        agent = agent_of(root, paths_preset=preset)
        found = series(agent)
        page = agent.page({})
        host = agent.look()
    _consistent(found)
    findings = host_findings(host, (), NOW)
    seen = report("node aks-1", NOW, findings, host_sections(host, (), NOW))
    shown = page + as_json(seen) + "".join(f"{name}{labels}" for name, labels in found)
    # What a parser did not foresee costs its file, and says so in these words: here it is what is looked for.
    assert [file for file in host.files if file.detail.endswith("while parsing")] == []
    assert "while parsing" not in host.settings_unread + shown
    assert "PRIVATE KEY" not in shown
    assert BOOTSTRAP_TOKEN.partition(".")[2] not in shown
    if any(file.status not in WELL and file.about is not Role.APISERVER_COPY for file in host.files):
        assert seen.exit_status > 0


def _consistent(found: Series) -> None:
    """What is true of every scrape."""
    files = [dict(labels) for name, labels in found if name == "akscert_file_status"]
    assert len({(one["role"], one["path"]) for one in files}) == len(files) >= 8
    assert {one["status"] for one in files} <= set(FileStatus)
    for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
        (state,) = [
            dict(labels)["state"]
            for name, labels in found
            if name == "akscert_rotation_state" and ("role", role) in labels
        ]
        dated = values(found, "akscert_certificate_not_after_timestamp_seconds", role=role, origin="file")
        # A file with a bad member is malformed, and its first certificate counts all the same (B5).
        told = {FileStatus.OK, FileStatus.MALFORMED}
        readable = [one for one in files if one["role"] == role and one["status"] in told]
        assert not dated or readable
        if state == "enabled":
            assert dated
            assert values(found, "akscert_rotation_deadline_timestamp_seconds", role=role)
        else:
            assert not values(found, "akscert_rotation_deadline_timestamp_seconds", role=role)
