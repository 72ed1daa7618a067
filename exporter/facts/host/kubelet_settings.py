"""What configures a kubelet, in bytes; out: whether it rotates its certificates, and what AKS told it when it was made.

Flags override the configuration file, as in the kubelet (cmd/kubelet/app/server.go, kubeletConfigFlagPrecedence).
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "KubeletSettings",
    "default_file_flags",
    "effective",
    "instance_tags",
    "kubelet_configuration",
    "windows_configuration",
]


@dataclass(frozen=True, slots=True)
class KubeletSettings:
    """The kubelet's settings that matter here. None: this place does not say."""

    rotate_certificates: bool | None = None
    server_tls_bootstrap: bool | None = None
    tls_cert_file: str | None = None
    """Path of a fixed serving certificate; empty: none is set."""
    config_file: str = ""
    """Path of the configuration file where a flag names it."""
    secure_tls_bootstrapping: bool | None = None
    """Windows alone: whether AKS's secure TLS bootstrapping is on."""


_FALSE, _TRUE = {"false", "f", "0"}, {"true", "t", "1", ""}  # strconv.ParseBool; a flag alone is true


def default_file_flags(content: bytes) -> KubeletSettings:
    """Settings of `/etc/default/kubelet`: the line KUBELET_FLAGS=…, unquoted with spaces, as AKS writes it.

    systemd reads it as an EnvironmentFile: quotes around the value and a backslash at a line's end are its syntax.
    Raises ValueError when there is no such line.
    """
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    joined = re.sub(r"\\\n", " ", text)
    values = [match[1] for match in re.finditer(r"^\s*KUBELET_FLAGS=(.*)$", joined, re.MULTILINE)]
    if not values:
        raise ValueError("no KUBELET_FLAGS")
    value = values[-1].strip()  # of an assignment made twice systemd keeps the last
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return _flags(_words(value))


def windows_configuration(content: bytes) -> KubeletSettings:
    r"""Settings of `C:\k\kubeclusterconfig.json`. Raises ValueError when it is not what AKS writes."""
    loaded = _json_object(content)
    kubernetes = loaded.get("Kubernetes")
    kubelet = kubernetes.get("Kubelet") if isinstance(kubernetes, dict) else None
    if not isinstance(kubelet, dict):
        raise ValueError("no Kubernetes.Kubelet")
    arguments = kubelet.get("ConfigArgs") or []
    if isinstance(arguments, str):
        arguments = _words(arguments)
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise ValueError("Kubernetes.Kubelet.ConfigArgs is not a list of strings")
    found = _flags([word for argument in arguments for word in _words(argument)])
    bootstrap = kubelet.get("SecureTLSBootstrapArgs") or kubernetes_section(loaded, "SecureTLSBootstrapArgs")
    enabled = bootstrap.get("Enabled") if isinstance(bootstrap, dict) else None
    if isinstance(enabled, str):
        enabled = enabled.lower() in _TRUE - {""}
    return KubeletSettings(
        found.rotate_certificates,
        found.server_tls_bootstrap,
        found.tls_cert_file,
        found.config_file,
        bool(enabled) if enabled is not None else False,
    )


def kubernetes_section(loaded: Mapping[str, object], name: str) -> object:
    """A section that AKS images of different ages put below `Kubernetes` or at the top."""
    kubernetes = loaded.get("Kubernetes")
    below = kubernetes.get(name) if isinstance(kubernetes, dict) else None
    return below if below is not None else loaded.get(name)


def kubelet_configuration(content: bytes) -> KubeletSettings:
    """Settings of a KubeletConfiguration in JSON or YAML (kubelet.config.k8s.io/v1beta1).

    A false value is normally left out of the file (omitempty), so absence is the kubelet's default: false, no file.
    Raises ValueError when it is not a KubeletConfiguration.
    """
    from exporter.facts.yaml import document

    try:
        loaded: object = _json_object(content)
    except ValueError:
        loaded = document(content)
    if not isinstance(loaded, dict) or loaded.get("kind") != "KubeletConfiguration":
        raise ValueError("not a KubeletConfiguration")
    rotate, bootstrap = loaded.get("rotateCertificates", False), loaded.get("serverTLSBootstrap", False)
    file = loaded.get("tlsCertFile") or ""
    if not isinstance(rotate, bool) or not isinstance(bootstrap, bool) or not isinstance(file, str):
        raise ValueError("rotateCertificates, serverTLSBootstrap or tlsCertFile has the wrong type")
    if "-----" in file:  # a path is shown; this one has a PEM block in it
        raise ValueError("tlsCertFile is not a path")
    return KubeletSettings(rotate, bootstrap, file)


def effective(flags: KubeletSettings | None, configuration: KubeletSettings | None) -> KubeletSettings:
    """What the kubelet goes by. None for a place that could not be read; then only what the other says is known.

    Where the flags can be read and name no configuration file, and none is there, an absent flag means the default.
    """
    if flags is None and configuration is None:
        return KubeletSettings()
    upper, lower = flags or KubeletSettings(), configuration or KubeletSettings()
    return KubeletSettings(
        lower.rotate_certificates if upper.rotate_certificates is None else upper.rotate_certificates,
        lower.server_tls_bootstrap if upper.server_tls_bootstrap is None else upper.server_tls_bootstrap,
        lower.tls_cert_file if upper.tls_cert_file is None else upper.tls_cert_file,
        upper.config_file,
        upper.secure_tls_bootstrapping,
    )


def instance_tags(content: bytes) -> tuple[tuple[str, str], ...]:
    """Name and value of the tags (`compute.tagsList`) of a cached instance metadata answer; nothing else of it is kept.

    Raises ValueError when it is not one.
    """
    compute = _json_object(content).get("compute")
    if not isinstance(compute, dict):
        raise ValueError("no compute section")
    tags = compute.get("tagsList")
    if not isinstance(tags, list):
        raise ValueError("no compute.tagsList")
    return tuple((str(tag.get("name", "")), str(tag.get("value", ""))) for tag in tags if isinstance(tag, dict))


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value, posix=True)
    except ValueError:  # an unbalanced quote; the flags of interest hold none
        return value.split()


def _flags(words: Sequence[str]) -> KubeletSettings:
    """The last of a flag counts, as in pflag. A flag's value stands behind `=` or, for strings, in the next word."""
    found: dict[str, str] = {}
    for position, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not name.startswith("-"):
            continue
        name = name.lstrip("-")
        if name in {"tls-cert-file", "config"} and not equals:
            value = words[position + 1] if position + 1 < len(words) else ""
        found[name] = value
    return KubeletSettings(
        _boolean(found, "rotate-certificates"),
        _boolean(found, "rotate-server-certificates"),
        found.get("tls-cert-file"),
        found.get("config", ""),
    )


def _boolean(found: Mapping[str, str], name: str) -> bool | None:
    value = found.get(name)
    if value is None:
        return None
    return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None


def _json_object(content: bytes) -> dict[str, object]:
    try:
        loaded = json.loads(content)  # tells UTF-8 and UTF-16 apart: PowerShell's Out-File writes the latter
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(loaded, dict):
        raise ValueError("not a JSON object")
    return loaded
