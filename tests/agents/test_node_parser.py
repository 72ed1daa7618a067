"""A node agent whose certificates are parsed by a sealed child: what becomes of a child is told of the file."""

import json
import ssl
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from exporter.sources.parsing.process import CODE, ParserProcess
from exporter.sources.parsing.sealed import SealedParsing
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, status, text, values

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the child is Linux's")

CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
NOT_AFTER = "akscert_certificate_not_after_timestamp_seconds"

POISONED = (
    CODE.replace("from exporter.sources.parsing.child import main; main()", "")
    + """
import os
from exporter.sources.parsing import child
def leaf(body, parse=child.KINDS[b"L"]):
    if b"POISON" in body:
        os.abort()
    return parse(body)
child.KINDS = {**child.KINDS, b"L": leaf}
child.main()
"""
)

FORGED = (
    CODE.replace("from exporter.sources.parsing.child import main; main()", "")
    + """
import os
from exporter.sources.parsing import child
def verifies(leaf, authority, verify=child.verifies):
    if leaf.der == NEEDLE:
        os.abort()
    return verify(leaf, authority)
child.verifies = verifies
child.main()
"""
)


def test_a_file_that_ends_its_parser_is_malformed_and_no_other(tmp_path: Path) -> None:
    """Its dates of before are not told any more; once it is mended it is told at once."""
    node = simulated(tmp_path)
    parsing = SealedParsing(partial(ParserProcess, POISONED))
    agent = agent_of(node.root, parsing=parsing)
    target = node.root / CLIENT.lstrip("/")
    assert node.client is not None
    try:
        assert values(series(agent), NOT_AFTER, role="kubelet-client") == [node.client.not_after]
        target.unlink()
        target.write_bytes(node.client.pem + b"# POISON\n")
        assert status(agent, CLIENT) == "malformed"
        found = series(agent)
        assert values(found, NOT_AFTER, role="kubelet-client") == []
        assert len(values(found, NOT_AFTER, origin="file")) == 3
        assert "the parser ended by signal 6" in agent.page({})
        renewed = CA.kubelet_client("aks-1", NOW)
        target.write_bytes(renewed.pem)
        assert values(series(agent), NOT_AFTER, role="kubelet-client") == [renewed.not_after]
    finally:
        parsing.close()


def test_a_certificate_whose_signature_ends_the_parser_is_malformed(tmp_path: Path) -> None:
    """It is not told as one that another CA signed, and on the port it is not seen at all."""
    node = simulated(tmp_path)
    assert node.client is not None
    der = ssl.PEM_cert_to_DER_cert(node.client.certificate_pem.decode())
    parsing = SealedParsing(partial(ParserProcess, FORGED.replace("NEEDLE", repr(der))))
    try:
        agent = agent_of(node.root, parsing=parsing)
        assert status(agent, CLIENT) == "malformed"
        assert "the parser ended by signal 6, 3 times in a row" in agent.page({})
        found = series(agent)
        assert values(found, NOT_AFTER, role="kubelet-client") == []
        assert values(found, NOT_AFTER, role="kubelet-serving") != []
    finally:
        parsing.close()


RUNNING = """
import json, sys
from exporter.agents.node.agent import node_agent
from exporter.agents.node.confinement import confine
from exporter.settings import Command, resolve
from exporter.sources.parsing.sealed import SealedParsing

settings = resolve(Command.NODE, {"host_root": sys.argv[1], "node_name": "aks-1", "kubelet_address": sys.argv[2]}, {})
parsing = SealedParsing()
agent = node_agent(settings, confine(settings), parsing)
agent.wire.look()
text = agent.exposition("", False).body.decode()
page = agent.page({})
agent.documents["/facts"]("", {})
print(json.dumps({"text": text, "library": [one for one in sys.modules if one.startswith("cryptography")]}))
parsing.close()
"""


def test_a_sealed_agent_says_the_same_and_never_loads_the_library(tmp_path: Path) -> None:
    """The same series as an agent that parses itself, from files and from the kubelet's port."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        host, port = kubelets.start(node.serving, CA).address
        ran = subprocess.run(
            [sys.executable, "-c", RUNNING, str(node.root), f"{host}:{port}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        own = agent_of(node.root, kubelet=(host, port))
        assert own.wire is not None
        own.wire.look()
        said = json.loads(ran.stdout)
        assert said["library"] == []
        assert _certificates(said["text"]) == _certificates(text(own))
        assert any('origin="wire"' in line for line in _certificates(said["text"]))


def _certificates(exposition: str) -> list[str]:
    wanted = ("akscert_certificate", "akscert_file", "akscert_rotation", "akscert_ca")
    return [line for line in exposition.splitlines() if line.startswith(wanted)]
