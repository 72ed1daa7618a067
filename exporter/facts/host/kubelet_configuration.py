"""The bytes of a KubeletConfiguration or of a drop-in in, what it sets out; and one merged over another.

The kubelet reads `--config`, then each `*.conf` of `--config-dir` as a JSON merge patch (RFC 7396) over it
(cmd/kubelet/app/server.go, mergeKubeletConfigurations).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exporter.facts.host.json_object import json_object

__all__ = ["KubeletConfiguration", "kubelet_configuration", "merged"]


@dataclass(frozen=True, slots=True)
class KubeletConfiguration:
    """What one file sets. None: it does not name the field; after merging None is the kubelet's default.

    A false value is normally left out of a file (omitempty): the default is false, or no path.
    """

    rotate_certificates: bool | None = None
    server_tls_bootstrap: bool | None = None
    tls_cert_file: str | None = None
    """As written: relative to the file's directory in `--config`, to the kubelet's own in a drop-in."""
    tls_private_key_file: str | None = None
    feature_gates: Mapping[str, bool | None] = field(default_factory=dict)
    """None: a drop-in takes the gate back to its default."""
    nulls: frozenset[str] = frozenset()
    """Fields of this class that a drop-in sets to null, which is back to the default."""


_FIELDS: Mapping[str, tuple[str, type]] = {
    "rotateCertificates": ("rotate_certificates", bool),
    "serverTLSBootstrap": ("server_tls_bootstrap", bool),
    "tlsCertFile": ("tls_cert_file", str),
    "tlsPrivateKeyFile": ("tls_private_key_file", str),
    "featureGates": ("feature_gates", dict),
}


def kubelet_configuration(content: bytes) -> KubeletConfiguration:
    """The file's fields, from JSON or YAML. Raises ValueError when it is no KubeletConfiguration."""
    loaded = _object(content)
    group = str(loaded.get("apiVersion", "")).partition("/")[0]
    if loaded.get("kind") != "KubeletConfiguration" or group not in {"kubelet.config.k8s.io", ""}:
        raise ValueError("not a KubeletConfiguration")
    found: dict[str, object] = {}
    nulls = set()
    for key, (name, kind) in _FIELDS.items():
        if key not in loaded:
            continue
        value = loaded[key]
        if value is None:
            nulls.add(name)
        elif not isinstance(value, kind):
            raise ValueError(f"{key} has the wrong type")
        elif isinstance(value, str) and "-----" in value:  # a path is shown; this one has a PEM block in it
            raise ValueError(f"{key} is not a path")
        else:
            found[name] = value
    gates = found.pop("feature_gates", {})
    assert isinstance(gates, dict)  # by the check of types above
    if not all(isinstance(name, str) and (on is None or isinstance(on, bool)) for name, on in gates.items()):
        raise ValueError("featureGates has a value that is neither true nor false")
    return replace(KubeletConfiguration(feature_gates=gates, nulls=frozenset(nulls)), **found)  # type: ignore[arg-type]  # by the check of types above


def merged(base: KubeletConfiguration, patch: KubeletConfiguration) -> KubeletConfiguration:
    """The patch over the base: a field it sets wins, a null takes the field away, feature gates go one by one."""
    gates = {} if "feature_gates" in patch.nulls else {**base.feature_gates, **patch.feature_gates}

    def of(name: str) -> bool | str | None:
        value: bool | str | None = getattr(patch, name)
        kept: bool | str | None = None if name in patch.nulls else getattr(base, name)
        return kept if value is None else value

    plain = {name: of(name) for name, kind in _FIELDS.values() if kind is not dict}
    left = {name: on for name, on in gates.items() if on is not None}
    return KubeletConfiguration(feature_gates=left, **plain)  # type: ignore[arg-type]  # each field of its own type


def _object(content: bytes) -> Mapping[object, object]:
    from exporter.facts.yaml import document

    try:
        return json_object(content)
    except ValueError:
        loaded = document(content)
    if not isinstance(loaded, dict):
        raise ValueError("not a KubeletConfiguration")
    return loaded
