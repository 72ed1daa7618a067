"""Headless Chromium, told what to do over the DevTools protocol: addresses in, documents, errors and pictures out."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.generated import ROOT

__all__ = ["Browser", "Tab", "browser", "chromium"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "about:blank",
)
PATIENCE = 60.0
"""Seconds for an answer: a busy machine takes its time to start a browser."""

Values = dict[str, object]


def chromium() -> str | None:
    """Where Chromium is, if it is."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator["Browser"]:
    """A browser that ends with the block. Raises FileNotFoundError without Chromium."""
    path = chromium()
    if path is None:
        raise FileNotFoundError("Chromium is not installed (on Debian: apt-get install chromium)")
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        # Chromium reads orders from descriptor 3 and answers on 4; a shell puts the pipes there.
        (orders, to_browser), (from_browser, answers) = (_high(os.pipe()) for _ in range(2))
        script = f'exec "$0" "$@" 3<&{orders} 4>&{answers}'
        # It ends with this process, however that ends, and takes its sockets along.
        tied = [sys.executable, "-m", "simulation.demo.child_process", str(os.getpid()), "other"]
        process = subprocess.Popen(
            [*tied, "bash", "-c", script, path, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(orders, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=ROOT,
        )
        os.close(orders)
        os.close(answers)
        stack.callback(process.wait)
        stack.callback(os.killpg, process.pid, signal.SIGKILL)
        stack.callback(os.close, from_browser)
        stack.callback(os.close, to_browser)
        yield Browser(to_browser, from_browser)


def _high(pair: tuple[int, int]) -> tuple[int, int]:
    """The same pipe at numbers that are neither 3 nor 4."""
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in pair]
    for one in pair:
        os.close(one)
    return high[0], high[1]


@dataclass
class Browser:
    """The connection. One order at a time."""

    _to: int
    _from: int
    _number: int = 0
    _pending: bytes = b""
    _target: object = None
    events: list[Values] = field(default_factory=list)

    def order(self, method: str, session: str = "", **parameters: object) -> Values:
        """One order and its result. Raises RuntimeError with the browser's words, and TimeoutError."""
        self._number += 1
        message: Values = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next(deadline)
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                result = answer["result"]
                assert isinstance(result, dict)
                return result

    def wait(self, method: str) -> None:
        """Until an event of this name has come."""
        deadline = time.monotonic() + PATIENCE
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next(deadline))

    def tab(self, width: int, height: int, *, dark: bool = False, scale: float = 1.0) -> "Tab":
        """A new tab in the place of the last: its size in CSS pixels, in the light or the dark scheme."""
        if self._target is not None:
            self.order("Target.closeTarget", targetId=self._target)
        target = self._target = self.order("Target.createTarget", url="about:blank")["targetId"]
        session = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        assert isinstance(session, str)
        tab = Tab(self, session, width, height, scale)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.order(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
        tab.order("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.order("Emulation.setEmulatedMedia", features=[scheme])
        return tab

    def _next(self, deadline: float) -> Values:
        while b"\0" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError(f"Chromium has not answered within {PATIENCE:g} s")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self._pending += piece
        message, _, self._pending = self._pending.partition(b"\0")
        loaded = json.loads(message)
        assert isinstance(loaded, dict)
        return loaded


@dataclass
class Tab:
    """One tab."""

    browser: Browser
    session: str
    width: int
    height: int
    scale: float

    def order(self, method: str, **parameters: object) -> Values:
        """An order to this tab."""
        return self.browser.order(method, self.session, **parameters)

    def open(self, url: str) -> None:
        """Load an address, and wait until it has loaded."""
        self.browser.events.clear()
        failed = self.order("Page.navigate", url=url).get("errorText")
        assert not failed, failed
        self.browser.wait("Page.loadEventFired")

    def follow(self) -> None:
        """Press Enter on what leads to another document, and wait until that has loaded."""
        self.browser.events.clear()
        self.key("Enter")
        self.browser.wait("Page.loadEventFired")

    def key(self, key: str) -> None:
        """Press Tab, Enter or another key that needs no character but its own."""
        number = {"Tab": 9, "Enter": 13, "ArrowDown": 40}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.order("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=number, **more)

    def value(self, expression: str) -> object:
        """What a JavaScript expression comes to. The page's own policy does not bind the browser's owner."""
        answer = self.order("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result.get("value")

    @property
    def complaints(self) -> list[str]:
        """What the console and the browser's log have said since `open`: errors, refused styles, failed requests."""
        telling = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        return [json.dumps(event["params"]) for event in self.browser.events if event.get("method") in telling]

    @property
    def requests(self) -> list[str]:
        """The addresses asked for since `open`."""
        found = []
        for event in self.browser.events:
            if event.get("method") == "Network.requestWillBeSent":
                parameters = event["params"]
                assert isinstance(parameters, dict)
                found.append(str(parameters["request"]["url"]))
        return found

    def picture(self, path: Path) -> None:
        """What is to be seen as a PNG, and no more: Chromium lays a document out anew to draw what lies beyond."""
        answer = self.order("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(str(answer["data"])))
