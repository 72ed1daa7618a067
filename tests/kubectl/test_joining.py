"""Any kubeconfigs, joined by the real kubectl and by us."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.facts.kube.kubeconfig_choice import joined
from exporter.facts.kube.kubeconfig_entries import KubeconfigError, KubeconfigFile
from tools.helm import binary

NAMES = st.sampled_from(["a", "b", "c", ""])
WORDS = st.sampled_from(["one", "two", "three", "", None]) | st.sampled_from(["one", "two", "three", 7])


def entries(section: str, member: str, inner: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    entry = st.fixed_dictionaries({"name": NAMES}, optional={member: inner})
    return st.fixed_dictionaries({}, optional={section: st.lists(entry, max_size=3) | st.none()})


CLUSTER = st.none() | st.fixed_dictionaries({}, optional={"server": WORDS, "certificate-authority": st.just("ca.crt")})
CONTEXT = st.none() | st.fixed_dictionaries({}, optional={"cluster": WORDS, "user": WORDS})
USER = st.none() | st.fixed_dictionaries({}, optional={"token": WORDS, "tokenFile": st.just("token")})
FILE = st.none() | st.tuples(
    entries("clusters", "cluster", CLUSTER),
    entries("contexts", "context", CONTEXT),
    entries("users", "user", USER),
    st.fixed_dictionaries({}, optional={"current-context": WORDS, "kind": st.sampled_from(["Config", "Pod"])}),
).map(lambda parts: {key: value for part in parts for key, value in part.items()})


def kubectls(paths: list[Path]) -> dict[str, Any] | None:
    """What kubectl makes of them; None: it refuses them."""
    command = [str(binary("kubectl")), "config", "view", "--raw", "-o", "json"]
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": ":".join(map(str, paths))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    if done.returncode:
        return None
    loaded = json.loads(done.stdout)
    return {
        "current": loaded.get("current-context") or "",
        **{
            section: {entry["name"]: entry.get(section[:-1]) or {} for entry in loaded.get(section) or []}
            for section in ("clusters", "contexts", "users")
        },
    }


def ours(paths: list[Path]) -> dict[str, Any] | None:
    """What we make of them, in kubectl's words."""
    files = []
    for path in paths:
        loaded = yaml.safe_load(path.read_text())
        try:
            files.append(KubeconfigFile.read(loaded, lambda written: written))  # kubectl prints paths as written
        except KubeconfigError:
            return None
    found = joined(files)

    def told(**values: str) -> dict[str, str]:
        return {key.replace("_", "-"): value for key, value in values.items() if value}

    return {
        "current": found.current_context,
        "clusters": {
            name: told(server=one.server, certificate_authority=one.authority_path)
            for name, one in found.clusters.items()
        },
        "contexts": {name: told(cluster=one.cluster, user=one.user) for name, one in found.contexts.items()},
        "users": {name: told(token=one.token, tokenFile=one.token_path) for name, one in found.users.items()},
    }


@settings(max_examples=settings().max_examples // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FILE, min_size=1, max_size=3))
def test_any_files_are_joined_as_by_kubectl(contents: list[dict[str, object] | None]) -> None:
    """B2, B3: the first definition of each name wins, and the first current-context; wrong types are refused."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, content in enumerate(contents):
            path = Path(folder) / str(number) / "config"
            path.parent.mkdir()
            path.write_text(yaml.safe_dump(content) if content else "")
            paths.append(path)
        expected = kubectls(paths)
        if expected is not None:
            # kubectl prints `server: ""` of a cluster without one.
            expected["clusters"] = {
                name: {key: value for key, value in one.items() if value} for name, one in expected["clusters"].items()
            }
            expected["contexts"] = {
                name: {key: value for key, value in one.items() if value} for name, one in expected["contexts"].items()
            }
        assert ours(paths) == expected
