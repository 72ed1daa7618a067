"""A kubelet's /metrics and /configz in, what they say of its certificates out.

The metrics are the kubelet's own (pkg/kubelet/certificate/kubelet.go). Its TTL is +Inf where it has no valid client
certificate, and turns to +Inf at the certificate's end (client-go, util/certificate/certificate_manager.go, Current);
the serving TTL is absent where serverTLSBootstrap is off.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["KubeletConfig", "KubeletMetrics", "MetricsReader", "kubelet_config"]

SERVER_ERRORS = b"kubelet_server_expiration_renew_errors"
LONGEST_LINE = 64 * 1024
_BEGINNINGS = (b"kubelet_certificate_manager_", b"kubelet_server_expiration_")
"""What the names of all that is read begin with."""

_FIELDS = {
    b"kubelet_certificate_manager_client_ttl_seconds": "client_ttl",
    b"kubelet_certificate_manager_server_ttl_seconds": "server_ttl",
    b"kubelet_certificate_manager_client_expiration_renew_errors": "client_renew_errors",
    SERVER_ERRORS: "server_renew_errors",
}
_ALWAYS_TOLD = {"client_ttl", "client_renew_errors"}
"""Of these; the others only where serverTLSBootstrap is on."""


@dataclass(frozen=True, slots=True)
class KubeletMetrics:
    """What /metrics says. None: the kubelet does not tell it."""

    client_ttl: float | None = None
    """Seconds until the client certificate ends by the kubelet's clock; infinite: it has no valid one."""
    server_ttl: float | None = None
    """Likewise of the rotated serving certificate."""
    client_renew_errors: float | None = None
    """Failed renewals since the kubelet's start."""
    server_renew_errors: float | None = None


class MetricsReader:
    """Reads the text as it comes in and needs no more of it once the certificates' families are past.

    The kubelet prints families sorted by name (component-base, metrics/registry.go), so that what is asked for ends
    with `kubelet_server_expiration_renew_errors`. Thousands of lines precede it, of which four matter: those are
    searched for, and of each piece only the last name is looked at. Where the names are not in order, or what every
    kubelet says of its client certificate is not among them, the text is read to its end.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._found: dict[str, float] = {}
        self._last = b""
        self._sorted = True
        self.done = False
        """Whether what follows can be left unread."""

    def feed(self, part: bytes) -> None:
        """The next bytes of the body."""
        text = self._rest + part
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if len(self._rest) > LONGEST_LINE:
            raise ValueError("a line without end")
        self._lines(text[:end])

    def result(self) -> KubeletMetrics:
        """What was found. ValueError: the text was none of a kubelet's, since no sample was in it."""
        self._lines(self._rest + b"\n")
        if not self._last:
            raise ValueError("no metrics")
        return KubeletMetrics(**self._found)

    def _lines(self, lines: bytes) -> None:
        """Whole ones, each with its end."""
        for beginning in _BEGINNINGS:
            at = lines.find(beginning)
            while at >= 0:
                end = lines.index(b"\n", at)
                self._found_in(lines[lines.rfind(b"\n", 0, at) + 1 : end])
                at = lines.find(beginning, end)
        last = _last_name(lines)
        if last:
            self._sorted = self._sorted and last >= self._last
            self._last = last
            self.done = self._sorted and last > SERVER_ERRORS and self._found.keys() >= _ALWAYS_TOLD

    def _found_in(self, line: bytes) -> None:
        field = _FIELDS.get(_name(line))
        if field and (value := _number(line)) is not None:
            self._found[field] = value


def _last_name(lines: bytes) -> bytes:
    """The name of the last sample; empty where there are only comments and empty lines."""
    end = len(lines)
    while end > 0:
        begin = lines.rfind(b"\n", 0, end) + 1
        name = _name(lines[begin:end])
        if name and not name.startswith(b"#"):
            return name
        end = begin - 1
    return b""


def _name(line: bytes) -> bytes:
    """The first word; empty where there is none before the labels."""
    words = line.partition(b"{")[0].split()
    return words[0] if words else b""


def _number(line: bytes) -> float | None:
    """The value of a sample line; None for NaN and nonsense."""
    words = line.rpartition(b"}")[2].split() if b"}" in line else line.split()[1:]
    try:
        value = float(words[0].decode("ascii"))
    except (IndexError, ValueError):
        return None
    return None if math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class KubeletConfig:
    """What /configz says the kubelet runs with."""

    rotate_certificates: bool
    server_tls_bootstrap: bool
    tls_cert_file: str
    serving_gate: bool
    """Feature gate RotateKubeletServerCertificate, on by default."""

    @property
    def client_rotation(self) -> bool:
        """Whether the kubelet renews its client certificate."""
        return self.rotate_certificates

    @property
    def serving_rotation(self) -> bool:
        """Whether the kubelet asks the cluster for its serving certificate (pkg/kubelet/kubelet.go, NewMainKubelet)."""
        return self.server_tls_bootstrap and self.serving_gate and not self.tls_cert_file


def kubelet_config(loaded: object) -> KubeletConfig:
    """The settings in the decoded answer of /configz, which leaves out what is off. ValueError: it is no answer."""
    config = loaded.get("kubeletconfig") if isinstance(loaded, Mapping) else None
    if not isinstance(config, Mapping):
        raise ValueError("no kubeletconfig")
    gates = config.get("featureGates")
    gate = gates.get("RotateKubeletServerCertificate") if isinstance(gates, Mapping) else None
    file = config.get("tlsCertFile")
    return _shared(
        KubeletConfig(
            rotate_certificates=config.get("rotateCertificates") is True,
            server_tls_bootstrap=config.get("serverTLSBootstrap") is True,
            tls_cert_file=file if isinstance(file, str) else "",
            serving_gate=gate is not False,
        )
    )


@lru_cache(maxsize=256)
def _shared(config: KubeletConfig) -> KubeletConfig:
    """One object for all kubelets that run with the same: a fleet has a handful."""
    return config
