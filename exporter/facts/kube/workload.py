"""DaemonSets, Deployments, StatefulSets and CronJobs in, those that read the retired kubelet serving certificate out.

While kubelet serving certificate rotation is off a node's kubelet serves /etc/kubernetes/certs/kubeletserver.crt, which
some agents read to verify it. With rotation the file is gone (AKS page on kubelet serving certificate rotation). A
path counts as what it is on the host: a container may see it elsewhere, and may have something else at its place.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from exporter.facts.kube.metadata import Metadata, bounded_text, decoded
from exporter.reason import RetiredPathUse

__all__ = ["ConfigTexts", "WorkloadUse", "config_texts", "workload_uses"]

RETIRED = re.compile(r"/etc/kubernetes/certs/kubeletserver\.(?:crt|key|pem|\*)")
"""On the host."""
_MENTION = re.compile(r"(/[\w./$@%+-]*?kubeletserver\.(?:crt|key|pem|\*))(?![\w.-])")
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
_WORD = b"kubeletserver"


@dataclass(frozen=True, slots=True)
class WorkloadUse:
    """One way in which one workload reads it."""

    kind: str
    """The Kubernetes kind."""
    namespace: str
    name: str
    how: RetiredPathUse
    of_aks: bool = False
    """AKS installs it and mends it."""


@dataclass(frozen=True, slots=True)
class ConfigTexts:
    """A ConfigMap that names such a file: its values by key."""

    namespace: str
    name: str
    texts: Mapping[str, str]


class _Metadata(Metadata):
    namespace: str = ""


class _Named(msgspec.Struct):
    name: str = ""
    key: str = ""


class _Item(msgspec.Struct):
    key: str = ""


class _HostPath(msgspec.Struct):
    path: str = ""


class _ConfigSource(msgspec.Struct):
    name: str = ""
    items: list[_Item] | None = None


class _Projection(msgspec.Struct):
    configMap: _ConfigSource | None = None


class _Projected(msgspec.Struct):
    sources: list[_Projection] | None = None


class _Volume(msgspec.Struct):
    name: str = ""
    hostPath: _HostPath | None = None
    configMap: _ConfigSource | None = None
    projected: _Projected | None = None


class _Mount(msgspec.Struct):
    name: str = ""
    mountPath: str = ""
    subPath: str = ""


class _ValueFrom(msgspec.Struct):
    configMapKeyRef: _Named | None = None


class _Variable(msgspec.Struct):
    name: str = ""
    value: str = ""
    valueFrom: _ValueFrom | None = None


class _VariablesFrom(msgspec.Struct):
    configMapRef: _Named | None = None


class _Container(msgspec.Struct):
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[_Variable] | None = None
    envFrom: list[_VariablesFrom] | None = None
    volumeMounts: list[_Mount] | None = None


class _Pod(msgspec.Struct):
    containers: list[_Container] | None = None
    initContainers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _Template(msgspec.Struct):
    spec: _Pod | None = None


class _JobSpec(msgspec.Struct):
    template: _Template | None = None


class _Job(msgspec.Struct):
    spec: _JobSpec | None = None


class _Spec(msgspec.Struct):
    template: _Template | None = None
    jobTemplate: _Job | None = None


class _Workload(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec | None = None


class _ConfigMap(msgspec.Struct):
    metadata: _Metadata
    data: dict[str, str] | None = None


_WORKLOAD = msgspec.json.Decoder(_Workload)
_CONFIG_MAP = msgspec.json.Decoder(_ConfigMap)


def config_texts(raw: bytes) -> ConfigTexts | None:
    """A ConfigMap's values that may name the file; None where none does. Raises ObjectError."""
    if _WORD not in raw:
        return None
    found = decoded(_CONFIG_MAP, raw)
    texts = {key: value for key, value in (found.data or {}).items() if _WORD.decode() in value}
    return ConfigTexts(found.metadata.namespace, found.metadata.name, texts) if texts else None


def workload_uses(kind: str, raw: bytes, config_maps: Mapping[tuple[str, str], ConfigTexts]) -> tuple[WorkloadUse, ...]:
    """How one workload reads the file, each way once. `config_maps` by namespace and name. Raises ObjectError."""
    if _WORD not in raw and not config_maps:
        return ()
    found = decoded(_WORKLOAD, raw)
    spec = found.spec or _Spec()
    job = spec.jobTemplate.spec if spec.jobTemplate else None
    template = (job.template if job else None) or spec.template
    pod = template.spec if template else None
    if pod is None:
        return ()
    meta = found.metadata
    of_aks = (meta.labels or {}).get("kubernetes.azure.com/managedby") == "aks"
    ways = dict.fromkeys(_ways(pod, meta.namespace, config_maps))
    return tuple(WorkloadUse(kind, bounded_text(meta.namespace), bounded_text(meta.name), how, of_aks) for how in ways)


def _ways(pod: _Pod, namespace: str, config_maps: Mapping[tuple[str, str], ConfigTexts]) -> Iterator[RetiredPathUse]:
    volumes = {one.name: one for one in pod.volumes or ()}
    containers = [*(pod.initContainers or ()), *(pod.containers or ())]
    for container in containers:
        mounts = [(mount, volumes.get(mount.name)) for mount in container.volumeMounts or ()]
        for mount, volume in mounts:
            if volume and volume.hostPath and RETIRED.fullmatch(_joined(volume.hostPath.path, mount.subPath)):
                yield RetiredPathUse.MOUNT
        variables = {one.name: one.value for one in container.env or ()}
        texts = [*(container.command or ()), *(container.args or ()), *variables.values()]
        if any(_names(_expanded(text, variables), mounts) for text in texts):
            yield RetiredPathUse.ARGUMENT
        for name, keys in _config_maps(container, volumes):
            held = config_maps.get((namespace, name))
            chosen = [text for key, text in held.texts.items() if not keys or key in keys] if held else []
            if any(_names(_expanded(text, variables), mounts) for text in chosen):
                yield RetiredPathUse.CONFIGMAP


def _names(text: str, mounts: Iterable[tuple[_Mount, _Volume | None]]) -> bool:
    """Whether the text names the file, as this container sees it."""
    return any(RETIRED.fullmatch(_on_host(one, mounts)) for one in _MENTION.findall(text))


def _on_host(path: str, mounts: Iterable[tuple[_Mount, _Volume | None]]) -> str:
    """The path on the host; empty where something else is mounted at its place."""
    path = posixpath.normpath("/" + path.lstrip("/"))
    closest, inside = "", path
    for mount, volume in mounts:
        top = posixpath.normpath(mount.mountPath or "/")
        rest = posixpath.relpath(path, top)
        if rest.startswith("..") or len(top) <= len(closest):
            continue
        host = volume.hostPath.path if volume and volume.hostPath else ""
        closest, inside = top, _joined(host, mount.subPath, rest) if host else ""
    return inside


def _joined(*parts: str) -> str:
    return posixpath.normpath(posixpath.join(parts[0], *(part.lstrip("/") for part in parts[1:])))


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """With the container's own variables put in, as Kubernetes and shells do."""
    return _VARIABLE.sub(lambda match: variables.get(next(filter(None, match.groups())), match[0]), text)


def _config_maps(container: _Container, volumes: Mapping[str, _Volume]) -> Iterator[tuple[str, frozenset[str]]]:
    """The ConfigMaps that a container reads, and which of their keys; no key: all."""
    for mount in container.volumeMounts or ():
        volume = volumes.get(mount.name)
        sources = [volume.configMap] if volume else []
        sources += [one.configMap for one in (volume.projected.sources or ())] if volume and volume.projected else []
        for source in filter(None, sources):
            yield source.name, frozenset(item.key for item in source.items or ())
    for variable in container.env or ():
        if variable.valueFrom and (chosen := variable.valueFrom.configMapKeyRef):
            yield chosen.name, frozenset({chosen.key})
    for each in container.envFrom or ():
        if each.configMapRef:
            yield each.configMapRef.name, frozenset()
