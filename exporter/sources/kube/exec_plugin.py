"""A kubeconfig's credential plugin in, the credentials it prints out, or why there are none: in the time there is.

Source: client-go plugin/pkg/client/auth/exec/exec.go. What the plugin says on standard error goes on to ours where that
is a terminal (a device code to type, for one), and its last line is told where it fails.
"""

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin, KubeconfigError
from exporter.facts.kube.metadata import timestamp
from exporter.thread import begin
from exporter.values import HALF

__all__ = ["PluginCredential", "run_plugin"]

LARGEST = 1 << 20
"""Bytes of a plugin's answer."""
LEFT_BEHIND = 2.0
"""Seconds that what it says is waited for once it has ended: a child it left behind may hold the pipes open."""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """The status of an ExecCredential."""

    token: str = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    expires: float | None
    """Unix seconds."""


def run_plugin(plugin: ExecPlugin, cluster: Cluster, server: str, patience: float) -> PluginCredential:
    """Run it for at most `patience` seconds. Raises KubeconfigError in one line."""
    name = Path(plugin.command).name
    person = sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not person:
        raise KubeconfigError(f"exec: {name} wants to ask a person, and standard input is no terminal")
    interactive = person and plugin.interactive_mode != "Never"
    whole_group = not interactive
    started: Future[subprocess.Popen[bytes]] = Future()
    end = partial(_end_at_exit, started, whole_group=whole_group)
    atexit.register(end)  # should we be interrupted meanwhile, from the first moment on
    try:
        process = _started(plugin, cluster, server, interactive=interactive)
        started.set_result(process)
        answer, last = _output(process, name, patience, whole_group=whole_group)
    finally:
        started.cancel()
        atexit.unregister(end)
    if process.returncode:
        said = f": {last}" if last else ""
        ended = f"with status {process.returncode}" if process.returncode > 0 else f"by signal {-process.returncode}"
        raise KubeconfigError(f"exec: {name} ended {ended}{said}")
    return _credential(answer, plugin.api_version, name)


def _started(plugin: ExecPlugin, cluster: Cluster, server: str, *, interactive: bool) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **dict(plugin.environment)}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(_info(plugin, cluster, server, interactive=interactive))
    try:
        # A session of its own, so that with the plugin its children end, too; but not away from the person's terminal.
        return subprocess.Popen(  # noqa: S603 - what the kubeconfig is for
            [plugin.command, *plugin.arguments],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=not interactive,
        )
    except FileNotFoundError:
        hint = f" {_line(plugin.install_hint, 300)}" if plugin.install_hint else ""
        where = "is not there" if os.sep in plugin.command else "is not in PATH"
        raise KubeconfigError(f"exec: {plugin.command} {where}.{hint}") from None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise KubeconfigError(f"exec: {plugin.command} cannot be run: {words}") from None


def _info(plugin: ExecPlugin, cluster: Cluster, server: str, *, interactive: bool) -> dict[str, object]:
    spec: dict[str, object] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        authority = cluster.authority or (Path(cluster.authority_path).read_bytes() if cluster.authority_path else b"")
        told: dict[str, object] = {
            "server": server,
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure,
            "certificate-authority-data": _base64(authority),
            "proxy-url": cluster.proxy_url,
            "config": cluster.plugin_config,
        }
        spec["cluster"] = {key: value for key, value in told.items() if value}
    return {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}


def _base64(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


def _output(process: "subprocess.Popen[bytes]", name: str, patience: float, *, whole_group: bool) -> tuple[bytes, str]:
    """What it printed, and its last line of complaint. Raises KubeconfigError when the time is over."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + patience
    answer, complaint = bytearray(), bytearray()
    readers = [
        threading.Thread(target=_read, args=(process.stdout, answer, None), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, complaint, _terminal()), daemon=True),
    ]
    try:
        for reader in readers:
            begin(reader)
        process.wait(patience)
    except subprocess.TimeoutExpired:
        _end(process, whole_group=whole_group)
        said = f". It said last: {last}" if (last := _last(complaint)) else ""
        raise KubeconfigError(f"exec: {name} did not end within {patience:.0f} s{said}") from None
    except BaseException:
        _end(process, whole_group=whole_group)
        raise
    for reader in readers:
        reader.join(min(LEFT_BEHIND, max(0.1, deadline - time.monotonic())))
    return bytes(answer), _last(complaint)


def _terminal() -> IO[str] | None:
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None


def _read(stream: IO[bytes], into: bytearray, onward: IO[str] | None) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        while part := os.read(stream.fileno(), 65536):
            if len(into) < LARGEST:
                into += part
            if onward is not None:
                onward.write(part.decode(errors="replace"))
                onward.flush()


def _end(process: "subprocess.Popen[bytes]", *, whole_group: bool) -> None:
    with contextlib.suppress(OSError):
        if whole_group and hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)


def _end_at_exit(started: "Future[subprocess.Popen[bytes]]", *, whole_group: bool) -> None:
    """In another thread than the one that starts it, which may be in the middle of that."""
    with contextlib.suppress(TimeoutError, CancelledError):
        _end(started.result(1), whole_group=whole_group)


def _last(complaint: bytearray) -> str:
    lines = [line for line in bytes(complaint).decode(errors="replace").splitlines() if line.strip()]
    return _line(lines[-1], 200) if lines else ""


def _line(text: str, longest: int) -> str:
    plain = " ".join(_ESCAPE.sub("", text).split())
    plain = "".join(character for character in plain if character.isprintable())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _credential(answer: bytes, api_version: str, name: str) -> PluginCredential:
    try:
        loaded: Any = json.loads(answer)
    except (ValueError, RecursionError):
        raise KubeconfigError(f"exec: {name} printed no JSON") from None
    if not isinstance(loaded, dict) or loaded.get("kind") != "ExecCredential":
        raise KubeconfigError(f"exec: {name} printed no ExecCredential")
    if loaded.get("apiVersion") != api_version:
        raise KubeconfigError(f"exec: {name} answers in another apiVersion than the kubeconfig's {api_version}")
    status = loaded.get("status")
    if not isinstance(status, dict):
        raise KubeconfigError(f"exec: {name} gave no status")
    token, certificate, key, expiry = (
        status.get(field) or "" for field in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    )
    if not all(isinstance(one, str) and not HALF.search(one) for one in (token, certificate, key, expiry)):
        raise KubeconfigError(f"exec: {name} gave a credential that is no string")
    if bool(certificate) != bool(key):
        raise KubeconfigError(f"exec: {name} gave a certificate without its key, or a key without its certificate")
    if not token and not certificate:
        raise KubeconfigError(f"exec: {name} gave neither a token nor a certificate with its key")
    expires = timestamp(expiry)
    if expiry and expires is None:
        raise KubeconfigError(f"exec: {name} gave an expirationTimestamp that is no time")
    return PluginCredential(token, certificate.encode(), key.encode(), expires)
