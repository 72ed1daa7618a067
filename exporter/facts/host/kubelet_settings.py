"""A kubelet's flags and configuration files in, the settings it goes by out, in the kubelet's own order of precedence.

Flags beat drop-ins beat `--config`; feature gates are merged one by one (cmd/kubelet/app/server.go, NewKubeletCommand
and kubeletConfigFlagPrecedence).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.facts.host.kubelet_command import KubeletCommand
from exporter.facts.host.kubelet_configuration import KubeletConfiguration, merged

__all__ = ["KubeletSettings", "effective"]

MOST_WORDS = 400
"""Characters kept of what could not be read."""
CLIENT_GATE, SERVING_GATE = "RotateKubeletClientCertificate", "RotateKubeletServerCertificate"


@dataclass(frozen=True, slots=True)
class KubeletSettings:
    """What a kubelet goes by. None: it cannot be told. That it rotates is only said when every source was read."""

    rotate_certificates: bool | None = None
    """Whether it rotates its client certificate: the setting and its feature gate."""
    server_tls_bootstrap: bool | None = None
    """Whether it requests its serving certificate: the setting and its feature gate."""
    tls_cert_file: str | None = None
    """Path of a fixed serving certificate; empty: none is set."""
    tls_private_key_file: str | None = None
    serving_gate_off: bool = False
    """Whether it is the feature gate that switches serving rotation off."""
    unread: str = ""
    """Which sources of settings are there and could not be read; empty: none."""
    node_ips: tuple[str, ...] = ()
    """The node's addresses, where a flag gives them."""


def effective(
    command: KubeletCommand, configurations: Sequence[KubeletConfiguration], *, read: bool, unread: str = ""
) -> KubeletSettings:
    """The settings.

    `configurations`: what `--config` sets and the drop-ins over it, in their order. `read`: whether `--config` was
    read, so that what it leaves out has the kubelet's default. `unread`: what of them could not be read.
    """
    flags, configuration = command.flags, KubeletConfiguration()
    for one in configurations:
        configuration = merged(configuration, one)
    if unread := ", ".join(words for words in (command.unread, unread) if words)[:MOST_WORDS]:
        # What could not be read may switch it off, but does not switch on again what a flag switches off.
        serving_off = _serving_gate_off(flags.feature_gates)
        return KubeletSettings(
            _off(flags.rotate_certificates is False or flags.feature_gates.get(CLIENT_GATE) is False),
            _off(flags.server_tls_bootstrap is False or serving_off),
            flags.tls_cert_file,
            flags.tls_private_key_file,
            serving_off,
            unread,
            flags.node_ips,
        )
    # Older pools have everything in their flags: where these say anything, what they leave out is the default.
    said = flags.rotate_certificates is not None or flags.tls_cert_file is not None
    default = read or command.known or said
    rotate = _first(flags.rotate_certificates, configuration.rotate_certificates, False if default else None)
    bootstrap = _first(flags.server_tls_bootstrap, configuration.server_tls_bootstrap, False if default else None)
    none = "" if default else None
    gates = {**configuration.feature_gates, **flags.feature_gates}
    serving_off = _serving_gate_off(gates)
    return KubeletSettings(
        False if gates.get(CLIENT_GATE) is False else rotate,
        False if serving_off else bootstrap,
        flags.tls_cert_file if flags.tls_cert_file is not None else configuration.tls_cert_file or none,
        flags.tls_private_key_file
        if flags.tls_private_key_file is not None
        else configuration.tls_private_key_file or none,
        serving_off,
        node_ips=flags.node_ips,
    )


def _serving_gate_off(gates: Mapping[str, bool | None]) -> bool:
    """The gate is beta and on by itself (pkg/features/kube_features.go), so AllBeta=false takes it along."""
    gate = gates.get(SERVING_GATE)
    return gate is False or (gate is None and gates.get("AllBeta") is False)


def _off(certain: bool) -> bool | None:
    return False if certain else None


def _first(*words: bool | None) -> bool | None:
    return next((word for word in words if word is not None), None)
