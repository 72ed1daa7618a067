"""Draws the pictures of the README from the running demo's parts: `python -m tools.pictures`. Needs Chromium."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority
from tools.browser import Browser, browser
from tools.generated import ROOT

IMAGES = ROOT / "docs/images"
SCALE = 1.5


@contextlib.contextmanager
def agent(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """An agent as a process, and its address."""
    own = {**os.environ, **(environment or {})}
    command = [sys.executable, "-m", "exporter", *arguments, "--web.listen-address", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=own) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on " in line:
                    yield line.rsplit("listening on ", 1)[1].strip()
                    return
            raise SystemExit("the agent did not start")
        finally:
            process.terminate()


def photograph(chromium: Browser, url: str, name: str, width: int, height: int, *, dark: bool = False) -> None:
    """What is to be seen of a page, as docs/images/NAME.png."""
    tab = chromium.tab(width, height, dark=dark, scale=SCALE)
    tab.open(url)
    tab.picture(IMAGES / f"{name}.png")
    print(f"drew {name}.png", flush=True)


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
    print("drew check.svg", flush=True)


def node_picture(chromium: Browser, folder: Path, now: float) -> None:
    """The page of a node whose certificate nothing renews, and what `check` says of it."""
    node = build(scenario("static-client"), folder, now, Authority.cluster(now - 3 * YEAR))
    with agent("node", "--host-root", str(node.root), "--node-name", node.name, "--kubelet-address", "") as url:
        photograph(chromium, url, "node-page", 1100, 1160)
    check_picture(node.root, node.name)


def cluster_pictures(chromium: Browser) -> None:
    """The page of the demo's cluster: from the top, its nodes, and on a phone."""
    with demo() as url:
        photograph(chromium, url, "cluster-page", 1100, 1160)
        photograph(chromium, f"{url}#nodes", "cluster-nodes", 1100, 1160)
        photograph(chromium, url, "cluster-page-phone", 390, 844, dark=True)


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """The demo as a process, and the address of its cluster agent's page."""
    command = [sys.executable, "-m", "simulation"]
    print("the demo starts", flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            found = (re.search(r"cluster agent's page is (\S+)", line) for line in process.stdout)
            url = next((one[1] for one in found if one), None)
            if url is None:
                raise SystemExit("the demo did not start")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def main() -> None:
    """Draw them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    now = time.time()
    with tempfile.TemporaryDirectory() as directory, browser() as chromium:
        node_picture(chromium, Path(directory) / "node", now)
        cluster_pictures(chromium)


if __name__ == "__main__":
    main()
