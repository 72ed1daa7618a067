"""The node agent's settings in; what it still has to reach once it is sealed out: paths to read and ports."""

import glob
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from exporter import presets
from exporter.facts.host.paths import PathTable, path_table
from exporter.facts.sandbox import Sandbox
from exporter.settings import Settings
from exporter.sources.seal import keep_memory, seal

__all__ = ["confine", "tell"]

log = logging.getLogger(__name__)

_LIBRARIES = ("/usr", "/lib", "/lib64")
"""Where interpreters, their modules and shared libraries lie."""
_LOADERS = ("/lib*/ld-linux*.so.*", "/lib/ld-musl-*.so.1")
"""ELF loaders of glibc and musl (their ABIs fix these places). Whatever they load has to be readable all the same."""
_SYSTEM = (
    "/proc",  # its own; those of others are closed by the seal, be they listed here or not
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    "/etc/localtime",
    "/etc/ld.so.cache",
)
"""What the C library, OpenSSL and the process's own metrics read."""


def confine(settings: Settings) -> Sandbox:
    """Seal this process for a node agent of these settings. Call it before the first thread starts; it never raises."""
    keep_memory()
    kubelet = settings.kubelet_address
    _, port = settings.web_listen_address
    return seal(
        [*_python(), *_SYSTEM, *_host(settings), *_web(settings)],
        executable=_interpreter(),
        bind=[port],
        connect=[kubelet[1]] if kubelet else [],
    )


def tell(sandbox: Sandbox) -> None:
    """One line in the log."""
    log.info(
        "sealed: Landlock %d, file system %s, network %s, seccomp %s%s",
        sandbox.landlock_abi,
        sandbox.filesystem,
        sandbox.network,
        sandbox.seccomp,
        f" ({sandbox.detail})" if sandbox.detail else "",
    )


def _python() -> Iterator[str]:
    """The interpreter, and every place that a module may still be imported from."""
    yield from _LIBRARIES
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix)
    yield from (path for path in sys.path if path)
    yield str(Path(__file__).parents[2])  # the package, wherever it was installed


def _interpreter() -> Iterator[str]:
    """What it takes to start the child that parses: the interpreter and the system's loader."""
    yield sys.executable
    for pattern in _LOADERS:
        yield from glob.glob(pattern)


def _host(settings: Settings) -> Iterator[str]:
    """The host root: in a container it shows what was mounted, and no more. Where it is the machine's own root, the
    directories that the path table names.
    """
    if settings.host_root != Path("/"):
        yield str(settings.host_root)
        return
    for table in _tables(settings):
        paths = (*table.evidence.values(), *(one.path for one in table.candidates if one.path))
        yield from (table.parent(path) for path in paths)


def _tables(settings: Settings) -> Iterator[PathTable]:
    for name in presets.PRESETS:
        try:
            yield path_table(presets.preset(name), settings.paths)
        except ValueError:  # told when the agent is made
            return


def _web(settings: Settings) -> Iterator[str]:
    """The web configuration, which is read again and again, and the files it names."""
    file = settings.web_config_file
    if not file:
        return
    yield os.path.dirname(os.path.abspath(file))
    from exporter.web.config import read_web_config  # not where nobody asks for TLS or passwords

    try:
        tls = read_web_config(Path(file)).tls
    except Exception:  # noqa: BLE001 - told when the server is made
        return
    if tls is not None:
        yield from (os.path.dirname(os.path.abspath(path)) for path in tls.files)
