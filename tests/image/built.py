"""A built image: what its configuration says, and commands started in it as a Pod would start them."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Image:
    """The built image: its configuration, and a container of it whose files lie under `root`."""

    config: dict[str, Any]
    root: Path
    container: str
    environment: dict[str, str]
    digest: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the image's user; the entry point comes before it, as in a Pod."""
        return subprocess.run(
            ["buildah", "run", self.container, "--", *self.config["Entrypoint"], *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def read_only(self, *command: str) -> list[str]:
        """The command line that starts the entry point as the image's user with nothing writable, as in the chart."""
        steps = ('mount --bind "$0" "$0"', 'mount -o remount,ro,bind "$0"', 'exec env -i "$@"')
        chroot = (str(shutil.which("chroot")), f"--userspec={self.config['User']}", str(self.root))
        return [
            *("unshare", "--mount", "bash", "-c", " && ".join(steps), str(self.root)),
            *(*self.config["Env"], *chroot, *self.config["Entrypoint"], *command),
        ]
