"""A node agent on nodes whose certificates are in date and of no use."""

import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from simulation.node.kubelet import SimulatedKubelets
from simulation.node.simulated_node import SimulatedNode
from simulation.pki import CLIENT, DAY, SERVER, YEAR, Authority, Credential
from tests.agents.nodes import CA, NOW, Series, agent_of, series, simulated, values
from tests.facts.forge import pem
from tests.facts.test_der import spelt_out

CURRENT = "var/lib/kubelet/pki/kubelet-client-current.pem"
SERVING = "var/lib/kubelet/pki/kubelet-server-current.pem"
OWN, OTHER = CA.kubelet_client("aks-1", NOW), CA.kubelet_client("aks-2", NOW)
OWN_SERVING, OTHER_SERVING = CA.kubelet_serving("aks-1", NOW), CA.kubelet_serving("aks-2", NOW)
ENDED = CA.kubelet_client("aks-1", NOW - 2 * YEAR)
STRANGER = Authority.cluster(NOW - DAY, number=7)


def usable(found: Series, role: str, origin: str = "file") -> tuple[str, float]:
    """The only word on it, and its value."""
    ((reason, value),) = [
        (dict(labels)["reason"], value)
        for (name, labels), value in found.items()
        if name == "akscert_certificate_usable" and {("role", role), ("origin", origin)} <= set(labels)
    ]
    return reason, value


def put(node: SimulatedNode, path: str, content: bytes) -> None:
    file = node.root / path
    file.unlink(missing_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (OWN.pem, "ok"),
        (OTHER.pem, "another_node"),
        (CA.issue("system:node:aks-1", NOW, NOW + YEAR).pem, "wrong_group"),
        (CA.issue("system:node:aks-1", NOW, NOW + YEAR, organization="system:nodes", usages=()).pem, "ok"),
        (OWN_SERVING.pem, "wrong_usage"),
        (CA.pem + OWN.pem, "not_a_leaf"),
        (CA.pem + ENDED.pem, "not_a_leaf"),
        (CA.pem + OWN.key_pem, "not_a_leaf"),
        (OWN.certificate_pem, "no_private_key"),
        (OWN.certificate_pem + OWN.key_pem.replace(b"PRIVATE", b"PUBLIC"), "no_private_key"),
        (OWN.pem.replace(b"\n", b"\r"), "unloadable"),
        (OWN.pem.replace(b"\n", b" "), "unloadable"),
        (b"\xef\xbb\xbf" + OWN.pem, "unloadable"),
        (b"  " + OWN.pem.replace(b"\n", b"\n  "), "unloadable"),
        (OWN.certificate_pem.rstrip() + OWN.key_pem, "unloadable"),
        (OWN.key_pem, "unloadable"),
        (b"", "unloadable"),
        (pem(b"junk") + OWN.pem, "unloadable"),
        (OWN.pem.replace(b"\n", b"\r\n"), "ok"),
        (OWN.pem.replace(b"-----\n", b"-----\nfriendlyName: x\n\n", 1), "ok"),
        (OWN.pem + CA.pem, "ok"),
        (OWN.key_pem + OWN.certificate_pem, "ok"),
        (pem(spelt_out(OWN, CA.key)) + OWN.key_pem, "ok"),
    ],
)
def test_the_client_certificate_is_judged_by_what_it_is_for(tmp_path: Path, content: bytes, reason: str) -> None:
    """A1 to A4, B5: all are of the right CA; and what the kubelet cannot load has no dates, and rotates nothing."""
    node = simulated(tmp_path)
    put(node, CURRENT, content)
    found = series(agent_of(node.root))
    assert usable(found, "kubelet-client") == (reason, float(reason == "ok"))
    enabled = values(found, "akscert_rotation_state", role="kubelet-client", state="enabled")
    dates = values(found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-client")
    issued = values(found, "akscert_certificate_issued_by_cluster_ca", role="kubelet-client")
    assert bool(enabled) is (reason not in {"not_a_leaf", "no_private_key", "unloadable"})
    assert bool(dates) is (reason != "unloadable")
    assert issued == ([] if reason == "unloadable" else [float(reason != "not_a_leaf")])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "ok"),
        (ec.generate_private_key(ec.SECP521R1()), "ok"),
        (ed448.Ed448PrivateKey.generate(), "unloadable"),
        (dsa.generate_private_key(2048), "unloadable"),
        (ec.generate_private_key(ec.SECP256K1()), "unloadable"),
        (ec.generate_private_key(ec.BrainpoolP256R1()), "unloadable"),
    ],
    ids=["Ed25519", "P-521", "Ed448", "DSA", "secp256k1", "Brainpool"],
)
def test_a_key_that_go_does_not_know_loads_no_certificate(
    tmp_path: Path, key: CertificateIssuerPrivateKeyTypes, reason: str
) -> None:
    """A4: crypto/tls, X509KeyPair: "unknown public key algorithm" and "unsupported elliptic curve"."""
    made = (
        x509.CertificateBuilder(CA.name, OWN.certificate.subject, key.public_key(), 5)
        .not_valid_before(dt.datetime.fromtimestamp(NOW - DAY, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(NOW + YEAR, dt.UTC))
        .sign(CA.key, hashes.SHA256())
    )
    node = simulated(tmp_path)
    put(node, CURRENT, made.public_bytes(Encoding.PEM) + OWN.key_pem)
    assert usable(series(agent_of(node.root)), "kubelet-client") == (reason, float(reason == "ok"))


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (OWN_SERVING, "ok"),
        (OTHER_SERVING, "another_node"),
        (CA.issue("system:node:aks-1", NOW, NOW + YEAR, names=("aks-1",), usages=(CLIENT,)), "wrong_usage"),
        (CA.issue("system:node:aks-1", NOW, NOW + YEAR, names=("aks-1",), usages=(CLIENT, SERVER)), "ok"),
        (CA.issue("aks-1", NOW, NOW + YEAR, usages=(SERVER,)), "another_node"),
        (OWN, "wrong_usage"),
    ],
)
def test_the_serving_certificate_is_judged_on_disk_and_on_the_wire(
    tmp_path: Path, served: Credential, reason: str
) -> None:
    """A2: its use and its names have to fit the node."""
    node = simulated(tmp_path)
    put(node, SERVING, served.pem)
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(served, CA).address)
        assert agent.wire is not None
        agent.wire.look()
        found = series(agent)
    for origin in ("file", "wire"):
        assert usable(found, "kubelet-serving", origin) == (reason, float(reason == "ok"))


@pytest.mark.parametrize(
    ("key", "reason"),
    [(b"any", "ok"), (b"", "no_private_key"), (None, "no_private_key"), ("a directory", "no_private_key")],
    ids=["there", "empty", "gone", "directory"],
)
def test_a_static_certificate_has_its_key_in_a_file_of_its_own(
    tmp_path: Path, key: bytes | str | None, reason: str
) -> None:
    """A4: the file that the kubeconfig names; it is looked for and never opened."""
    node = simulated(tmp_path, "static-client")
    path = node.root / "etc/kubernetes/certs/client.key"
    path.unlink(missing_ok=True)
    if isinstance(key, str):
        path.mkdir()
    elif key is not None:
        path.write_bytes(key)
        path.chmod(0)
    assert usable(series(agent_of(node.root)), "kubelet-client") == (reason, float(reason == "ok"))


@pytest.mark.parametrize(
    ("borne", "flag", "reason"),
    [
        ("10.224.0.4", "10.224.0.4", "ok"),
        ("10.224.0.5", "10.224.0.4", "another_node"),
        ("fd00::4", "10.224.0.4,fd00::4", "ok"),
        ("10.224.0.5", "0.0.0.0", "ok"),
        ("10.224.0.5", "$HOST", "ok"),
    ],
)
def test_the_kubelets_flags_tell_its_addresses(tmp_path: Path, borne: str, flag: str, reason: str) -> None:
    """A2: nobody was told a HOST_IP; --node-ip is what the certificate's addresses are held to."""
    node = simulated(tmp_path)
    flags = node.root / "etc/default/kubelet"
    flags.write_text(flags.read_text().replace("--node-ip=10.224.0.4", f"--node-ip={flag}"))
    addresses_only = CA.issue(
        "system:node:aks-1", NOW, NOW + YEAR, organization="system:nodes", names=(borne,), usages=(SERVER,)
    )
    put(node, SERVING, addresses_only.pem)
    assert usable(series(agent_of(node.root)), "kubelet-serving") == (reason, float(reason == "ok"))


def test_without_the_nodes_name_nobody_is_called_another(tmp_path: Path) -> None:
    """A1: below another root, this machine's own name is not the node's."""
    node = simulated(tmp_path)
    put(node, CURRENT, OTHER.pem)
    assert usable(series(agent_of(node.root, name="")), "kubelet-client") == ("ok", 1.0)


def test_the_member_of_the_nodes_bundle_that_signed_what_it_uses_is_the_one_that_counts(tmp_path: Path) -> None:
    """B1: an ended former CA in front of the present one is on disk, and its end is nobody's."""
    node = simulated(tmp_path)
    former = Authority.cluster(NOW - 3 * YEAR, years=2, number=8)
    bundle = node.root / "etc/kubernetes/certs/ca.crt"
    bundle.chmod(0o600)
    bundle.write_bytes(former.pem + CA.pem)
    found = series(agent_of(node.root))
    ends = values(found, "akscert_certificate_not_after_timestamp_seconds", role="cluster-ca")
    assert ends == [CA.certificate.not_valid_after_utc.timestamp()]
    assert len(values(found, "akscert_certificate_info", role="cluster-ca")) == 2
    assert values(found, "akscert_certificate_issued_by_cluster_ca", role="kubelet-client") == [1.0]


def test_a_cluster_ca_that_is_not_valid_yet_verifies_nothing(tmp_path: Path) -> None:
    """A15: a CA of next year, made with a wrong clock: the kubelet trusts nobody until then."""
    node = simulated(tmp_path)
    bundle = node.root / "etc/kubernetes/certs/ca.crt"
    bundle.chmod(0o600)
    bundle.write_bytes(Authority("ca", NOW + YEAR, NOW + 9 * YEAR).pem)
    agent = agent_of(node.root)
    document = agent.documents["/facts"]("", {})
    assert document is not None
    worst, *_ = json.loads(document.body)["findings"]
    told = (worst["severity"], worst["alert"], worst["role"], worst["until"])
    assert told == ("critical", "AksCertUnusable", "cluster-ca", NOW + YEAR)
    assert "The cluster CA becomes valid in" in agent.page({})


def test_a_chain_of_strangers_costs_no_series(tmp_path: Path) -> None:
    """A14: 40 certificates behind the leaf, of which one signed it."""
    node = simulated(tmp_path)
    crowd = b"".join(STRANGER.issue(f"c{n}", NOW, NOW + YEAR, key=OWN.key).certificate_pem for n in range(40))
    put(node, CURRENT, OWN.certificate_pem + crowd + CA.pem + OWN.key_pem)
    assert len(values(series(agent_of(node.root)), "akscert_certificate_info", role="kubelet-client")) == 2
