"""A rendered Pod in, an OCI bundle out: what containerd would make of it, for crun to run without a kubelet."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tests.chart.rendering import Object, container
from tests.image.built import Image

NAMESPACES = ("pid", "ipc", "uts", "mount")
"""All but the network: the test scrapes over the loopback interface."""


def bundle(folder: Path, pod: Object, image: Image, node: Path, fields: Mapping[str, str]) -> Path:
    """Write config.json for a Pod's container on a node whose root is a directory; `fields` answer its fieldRefs."""
    one, context = container(pod), pod["securityContext"]
    empty = folder / "empty"
    empty.mkdir(parents=True)
    environment = [*image.config["Env"]]
    environment += [f"{var['name']}={fields[var['valueFrom']['fieldRef']['fieldPath']]}" for var in one["env"]]
    capabilities = [f"CAP_{name}" for name in one["securityContext"]["capabilities"].get("add", ())]
    config = {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": context["runAsUser"], "gid": context["runAsGroup"]},
            "args": [*image.config["Entrypoint"], *one["args"]],
            "env": environment,
            "cwd": image.config["WorkingDir"],
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": not one["securityContext"]["allowPrivilegeEscalation"],
        },
        "root": {"path": str(image.root), "readonly": one["securityContext"]["readOnlyRootFilesystem"]},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            *mounts(pod, node, empty),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def mounts(pod: Object, node: Path, empty: Path) -> list[dict[str, Any]]:
    """The Pod's mounts, outer ones first as containerd sorts them. FileNotFoundError: a Directory is none."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    found = []
    for mount in container(pod)["volumeMounts"]:
        volume = volumes[mount["name"]]
        source = empty
        if "hostPath" in volume:
            assert volume["hostPath"]["type"] == "Directory"
            source = node / volume["hostPath"]["path"].lstrip("/")
            if not source.is_dir():
                raise FileNotFoundError(source)
        propagation = "rslave" if mount.get("mountPropagation") == "HostToContainer" else "rprivate"
        options = ["rbind", propagation, "ro" if mount["readOnly"] else "rw"]
        found.append({"destination": mount["mountPath"], "type": "bind", "source": str(source), "options": options})
    return sorted(found, key=lambda mount: len(PurePosixPath(mount["destination"]).parts))
