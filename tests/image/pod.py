"""A rendered Pod in, an OCI bundle out as containerd would make it, and crun to run it without a kubelet."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tests.chart.rendering import CHART, Object, container
from tests.image.built import Image

NAMESPACES = ("pid", "ipc", "uts", "mount")
"""All but the network: the test scrapes over the loopback interface."""


ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True)
class Kubelet:
    """What a kubelet adds to a Pod."""

    node: Path
    """The root of the node."""
    fields: Mapping[str, str]
    """Answers to fieldRefs."""
    account: Path
    """The service account's token, CA and namespace, for a Pod that asks for them."""
    service: tuple[str, int] = ("127.0.0.1", 443)
    """The API server as the kubelet tells it to every Pod."""


def bundle(folder: Path, pod: Object, image: Image, kubelet: Kubelet) -> Path:
    """Write config.json for a Pod's container."""
    spec, context = container(pod), pod["securityContext"]
    empty = folder / "empty"
    empty.mkdir(parents=True)
    host, port = kubelet.service
    environment = [*image.config["Env"], f"KUBERNETES_SERVICE_HOST={host}", f"KUBERNETES_SERVICE_PORT={port}"]
    environment += [
        f"{one['name']}={kubelet.fields[one['valueFrom']['fieldRef']['fieldPath']]}" for one in spec.get("env", ())
    ]
    capabilities = [f"CAP_{name}" for name in spec["securityContext"]["capabilities"].get("add", ())]
    config = {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": context["runAsUser"], "gid": context["runAsGroup"]},
            "args": [*image.config["Entrypoint"], *spec["args"]],
            "env": environment,
            "cwd": image.config["WorkingDir"],
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": not spec["securityContext"]["allowPrivilegeEscalation"],
        },
        "root": {"path": str(image.root), "readonly": spec["securityContext"]["readOnlyRootFilesystem"]},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            *mounts(pod, kubelet, empty),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES], **seccomp(context["seccompProfile"])},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def seccomp(profile: Object) -> dict[str, Any]:
    """The filter of a profile that the chart ships, as it would lie on the node; none for the runtime's own."""
    if profile["type"] != "Localhost":
        return {}
    file = CHART / "files/seccomp" / PurePosixPath(profile["localhostProfile"]).name
    return {"seccomp": json.loads(file.read_text())}


def mounts(pod: Object, kubelet: Kubelet, empty: Path) -> list[dict[str, Any]]:
    """The Pod's mounts, outer ones first as containerd sorts them. FileNotFoundError: a Directory is none."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    found: list[dict[str, Any]] = []
    if pod["automountServiceAccountToken"]:
        found.append(
            {"destination": ACCOUNT, "type": "bind", "source": str(kubelet.account), "options": ["rbind", "ro"]}
        )
    for mount in container(pod).get("volumeMounts", ()):
        volume = volumes[mount["name"]]
        source = empty
        if "hostPath" in volume:
            assert volume["hostPath"]["type"] == "Directory"
            source = kubelet.node / volume["hostPath"]["path"].lstrip("/")
            if not source.is_dir():
                raise FileNotFoundError(source)
        propagation = "rslave" if mount.get("mountPropagation") == "HostToContainer" else "rprivate"
        options = ["rbind", propagation, "ro" if mount["readOnly"] else "rw"]
        found.append({"destination": mount["mountPath"], "type": "bind", "source": str(source), "options": options})
    return sorted(found, key=lambda mount: len(PurePosixPath(mount["destination"]).parts))


# crun 1.8 stops where cgroup v1 and v2 are mounted side by side; in a mount namespace of its own the second one can go.
CRUN = (
    *("unshare", "--mount", "bash", "-c"),
    'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"',
    "crun",
)


@dataclass(frozen=True, slots=True)
class Running:
    """A started agent."""

    name: str
    port: int

    def get(self, path: str) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def inside(self, *command: str) -> str:
        """The output of a command in the container."""
        return subprocess.run([*CRUN, "exec", self.name, *command], capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def started(directory: Path, port: int) -> Iterator[Running]:
    """A bundle's container, from ready to a graceful stop."""
    running = Running(f"akscert-{port}", port)
    command = [*CRUN, "run", "--bundle", str(directory), running.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                running.get("/readyz")
                break
            except OSError:  # nothing listens yet, or 503
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, "the agent does not become ready"
                time.sleep(0.1)
        yield running
        subprocess.run([*CRUN, "kill", running.name, "TERM"], check=True)
        output, _ = process.communicate(timeout=10)
        assert process.returncode == 0, output


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
