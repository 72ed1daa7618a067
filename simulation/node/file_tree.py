"""A node's root file system under a directory: host paths, contents, modes and links in, files out."""

import time
from pathlib import Path, PureWindowsPath

from simulation.pki import Credential

__all__ = ["NodeTree"]

BACKDATED = 300.0
"""Seconds by which kube-controller-manager puts notBefore before the moment of signing."""


class NodeTree:
    r"""Writes below one directory what is on a node. Paths are the node's: POSIX or Windows (`C:\k\ca.crt`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def at(self, path: str) -> Path:
        """Where a host path lies below the root. A Windows drive is dropped, as the agents drop it."""
        if "\\" in path:
            path = PureWindowsPath(path).relative_to(PureWindowsPath(path).anchor).as_posix()
        return self.root / path.lstrip("/")

    def directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and those above it."""
        self.at(path).mkdir(parents=True, exist_ok=True)
        self.at(path).chmod(mode)

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file, whatever the umask."""
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link, replacing one that is there the way the kubelet does: remove, then make anew."""
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    def rotated(self, directory: str, kind: str, credential: Credential) -> str:
        """Install a rotated certificate as the kubelet's certificate store does, and return the dated file's path.

        `kind` is `kubelet-client` or `kubelet-server`. The dated PEM has mode 0600, and `KIND-current.pem` becomes an
        absolute link to it (k8s.io/client-go/util/certificate/certificate_store.go).
        """
        signed = time.gmtime(credential.not_before + BACKDATED)
        dated = f"{directory}/{kind}-{time.strftime('%Y-%m-%d-%H-%M-%S', signed)}.pem"
        self.write(dated, credential.pem, 0o600)
        self.link(f"{directory}/{kind}-current.pem", dated)
        return dated
