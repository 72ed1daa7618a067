"""The node agent seals itself: on this kernel, in processes of their own, since a seal cannot be taken off."""

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exporter.facts.x509 import certificates
from exporter.sources.seal import landlock_abi
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.nodes import CA, NOW, simulated

ABI = landlock_abi()
CANARY = "canary-of-a-private-key"

AGENT = """
import ctypes, json, os, resource, socket, subprocess, sys, threading
from exporter.agents.node.agent import node_agent
from exporter.agents.node.confinement import confine
from exporter.settings import Command, resolve

root, kubelet, elsewhere, outside = sys.argv[1:]
settings = resolve(Command.NODE, {"host_root": root, "node_name": "aks-1", "kubelet_address": kubelet,
                                  "web_listen_address": "127.0.0.1:0"}, {})
agent = node_agent(settings, confine(settings))
agent.wire.look()
said = {"scrape": agent.exposition("", True).body != b"", "page": "<html" in agent.page({}),
        "kubelet": agent.sources()[0].up, "process": "process_open_fds" in agent.exposition("", False).body.decode(),
        "sandbox": [line for line in agent.exposition("", False).body.decode().splitlines() if "sandbox_info{" in line]}

def attempt(name, action):
    def run():
        try:
            action()
            said[name] = "done"
        except OSError as error:
            said[name] = type(error).__name__
    thread = threading.Thread(target=run)  # a seal holds for every thread that starts after it
    thread.start()
    thread.join()

def connect():
    host, _, port = elsewhere.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(open(os.path.join(root, "key.pem"), "rb").read())

def listen():
    with socket.create_server(("127.0.0.1", 0)):
        pass

attempt("shadow", lambda: open("/etc/shadow").close())
attempt("outside", lambda: open(outside).close())
attempt("list", lambda: os.listdir(os.path.dirname(outside)))
attempt("write", lambda: open(os.path.join(root, "new"), "w").close())
attempt("remove", lambda: os.unlink(os.path.join(root, "key.pem")))
attempt("mkdir", lambda: os.mkdir(os.path.join(root, "made")))
attempt("execute", lambda: subprocess.run(["/bin/true"], check=True))
attempt("connect", connect)
attempt("listen on its own", listen)
said["dumpable"] = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
said["core"] = resource.getrlimit(resource.RLIMIT_CORE)
print(json.dumps(said))
"""


@pytest.mark.skipif(ABI < 4, reason="this kernel's Landlock does not cover TCP")
def test_a_sealed_agent_works_and_can_do_nothing_else(tmp_path: Path) -> None:
    """It reads the node and asks the kubelet; it cannot read, write, execute or connect to anything else."""
    node = simulated(tmp_path)
    (node.root / "key.pem").write_text(CANARY)
    outside = tmp_path / "outside"
    outside.write_text("not the node's")
    with SimulatedKubelets() as kubelets, socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = kubelets.start(node.serving, CA).address
        elsewhere = f"127.0.0.1:{listener.getsockname()[1]}"
        ran = subprocess.run(
            [sys.executable, "-c", AGENT, str(node.root), f"{host}:{port}", elsewhere, str(outside)],
            capture_output=True,
            text=True,
            check=False,
        )
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):  # the canary went nowhere: nobody even connected
            listener.accept()
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["scrape"], said["page"], said["kubelet"], said["process"]) == (True, True, True, True)
    denied = ("shadow", "outside", "list", "write", "remove", "mkdir", "execute", "connect")
    assert {name: said[name] for name in denied} == dict.fromkeys(denied, "PermissionError")
    assert said["listen on its own"] == "done"
    assert (said["dumpable"], said["core"]) == (0, [0, 0])
    (line,) = said["sandbox"]
    assert f'filesystem="sealed",landlock_abi="{ABI}",network="tcp",node="aks-1",seccomp=' in line


FILTERED = """
import ctypes, struct
from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Seccomp
from exporter.sources.seal import seal

# A seccomp filter in classic BPF: system call 444 (landlock_create_ruleset) fails with ENOSYS, the others pass.
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *step) for step in steps)
buffer = ctypes.create_string_buffer(code, len(code))

class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

library = ctypes.CDLL(None, use_errno=True)
zero = ctypes.c_ulong(0)
assert library.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
program = Program(len(steps), ctypes.addressof(buffer))
assert library.prctl(22, ctypes.c_ulong(2), ctypes.byref(program), zero, zero) == 0
found = seal(["/usr"], bind=[0])
assert (found.landlock_abi, found.filesystem, found.network) == (0, FilesystemSeal.OPEN, NetworkSeal.OPEN), found
assert found.seccomp is Seccomp.FILTER
assert found.detail
open("/etc/passwd").close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="system call filters are Linux's")
def test_what_the_kernel_cannot_do_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """Under a system call filter that knows no Landlock, as on a kernel before 5.13."""
    ran = subprocess.run([sys.executable, "-c", FILTERED], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def started(root: Path, *extra: str) -> tuple[subprocess.Popen[str], str, list[str]]:
    """The real command: its process, the address it announces, and what it logged up to then."""
    command = [sys.executable, "-m", "exporter", "node", "--host-root", str(root), "--node-name", "aks-1"]
    process = subprocess.Popen(
        [*command, "--web.listen-address", "127.0.0.1:0", *extra], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"listening on https?://(\S+?:\d+)", line):
            return process, found[1], lines
    raise AssertionError("".join(lines))


@pytest.mark.skipif(not ABI, reason="this kernel has no Landlock")
def test_a_sealed_server_takes_a_renewed_certificate_of_its_own(tmp_path: Path) -> None:
    """The web configuration and what it names stay readable, also where they lie elsewhere, as mounted Secrets do."""
    secret, config = tmp_path / "secret", tmp_path / "config"
    secret.mkdir()
    config.mkdir()
    (secret / "tls.pem").write_bytes(CA.kubelet_serving("first", NOW).pem)
    web = config / "web.yml"
    web.write_text(f"tls_server_config: {{cert_file: {secret}/tls.pem, key_file: {secret}/tls.pem}}\n")
    node = simulated(tmp_path)
    process, address, lines = started(node.root, "--web.config.file", str(web))
    try:
        assert any(f"sealed: Landlock {ABI}, file system sealed" in line for line in lines)
        host, _, port = address.rpartition(":")
        first = ssl.get_server_certificate((host, int(port)))
        renewed = CA.kubelet_serving("second", NOW)
        (secret / "new.pem").write_bytes(renewed.pem)
        (secret / "new.pem").rename(secret / "tls.pem")
        pause = threading.Event()
        for _ in range(200):
            second = ssl.get_server_certificate((host, int(port)))
            if second != first:
                break
            pause.wait(0.1)
        assert ssl.PEM_cert_to_DER_cert(second) == certificates(renewed.certificate_pem)[0].der
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0
