"""Signals that the main thread does not get."""

import subprocess
import sys
from pathlib import Path

from tests.web.conftest import PATIENCE

ROOT = Path(__file__).parents[2]


def test_a_signal_that_another_thread_is_given_ends_the_server_too() -> None:
    script = f"""
import os, signal, threading
from exporter.web.server import WebServer
from tests.web.conftest import SmallAgent

listening = threading.Event()

def stop():
    listening.wait({PATIENCE})
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=stop, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # in this thread only
print(WebServer(SmallAgent(), ("127.0.0.1", 0), on_listening=lambda host, port: listening.set()).run())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.stdout, done.returncode) == ("0\n", 0)
