"""Draws the pictures of the README from the running demo's parts: `python -m tools.pictures`. Needs Chromium."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from exporter.demo.nodes import build
from exporter.demo.pki import YEAR, Authority
from exporter.demo.scenarios import scenario
from tools.generated import ROOT

IMAGES = ROOT / "docs/images"
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1.5",
)


@contextlib.contextmanager
def agent(*arguments: str) -> Iterator[str]:
    """An agent as a process, and its address."""
    command = [sys.executable, "-m", "exporter", *arguments, "--web.listen-address", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on " in line:
                    yield line.rsplit("listening on ", 1)[1].strip()
                    return
            raise SystemExit("the agent did not start")
        finally:
            process.terminate()


def photograph(url: str, name: str, width: int, height: int) -> None:
    """A page in headless Chromium as docs/images/NAME.png."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed (on Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as profile:
        target = IMAGES / f"{name}.png"
        size = f"--window-size={width},{height}"
        subprocess.run(
            [chromium, *CHROMIUM, f"--user-data-dir={profile}", size, f"--screenshot={target}", url],
            check=True,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )


def check_picture(root: Path, node: str) -> None:
    """What `check` prints, in its colours, as docs/images/check.svg."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "100", "TERM": "xterm-256color"}
    printed = subprocess.run(
        [sys.executable, "-m", "exporter", "check", "--host-root", str(root), "--node-name", node],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed))
    picture = console.export_svg(title="aks-cert-exporter check --host-root /")
    picture = re.sub(r"@font-face\s*{[^}]*}", "", picture)  # rich names a font on somebody's server
    (IMAGES / "check.svg").write_text(picture, encoding="utf-8")


def main() -> None:
    """Draw them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    now = time.time()
    with tempfile.TemporaryDirectory() as directory:
        node = build(scenario("static-client"), Path(directory) / "host", now, Authority.cluster(now - 3 * YEAR))
        with agent("node", "--host-root", str(node.root), "--node-name", node.name, "--kubelet-address", "") as url:
            photograph(url, "node-page", 1100, 1160)
        check_picture(node.root, node.name)


if __name__ == "__main__":
    main()
