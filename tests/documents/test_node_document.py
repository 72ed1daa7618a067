"""The /facts of a node (exporter/documents/node_document.py), whole: with everything known, and with little."""

from dataclasses import replace

from exporter.documents.certificate_data import certificate_data
from exporter.documents.node_document import node_document
from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import client_rotation, deadline, due, serving_rotation
from exporter.facts.usability import Usability
from exporter.findings import Finding, Kind, Severity, Step, Subject, finding_data
from exporter.reason import BootstrapMethod, Evidence, FileStatus, Origin, Role, Rotation
from simulation.pki import DAY
from tests.check.known import NOW, certificate

CLIENT = certificate("CN=client", NOW - 100 * DAY, NOW + 300 * DAY)
ABOVE = certificate("CN=between", NOW - 100 * DAY, NOW + 900 * DAY)
SERVED = certificate("CN=served", NOW - 100 * DAY, NOW - DAY)
CA, NEXT_CA = (certificate(f"CN=ca{number}", NOW - 100 * DAY, NOW + (5 + number) * 1000 * DAY) for number in range(2))
EVIDENCE = {Evidence.KUBELET_CONFIG: True, Evidence.FILE: True, Evidence.KUBECONFIG: True}
HOST = HostFacts(
    node="a",
    windows=False,
    certificates=(
        SeenCertificate(
            Role.KUBELET_CLIENT, Origin.FILE, "/c.pem", Rotation.ENABLED, (CLIENT, ABOVE), True, signers=(ABOVE,)
        ),
        SeenCertificate(Role.KUBELET_SERVING, Origin.WIRE, "", Rotation.DISABLED, (SERVED,), False),
        SeenCertificate(Role.CLUSTER_CA, Origin.FILE, "/ca.crt", Rotation.NONE, (NEXT_CA, CA), None, signers=(CA,)),
    ),
    files=(
        FileFacts(Role.KUBELET_CLIENT, "/c.pem", FileStatus.OK),
        FileFacts(Role.CLUSTER_CA, "/ca.crt", FileStatus.PERMISSION_DENIED, "Permission denied"),
        FileFacts(Role.KUBELET_SERVING, "/s.pem", FileStatus.NOT_EXPECTED),
    ),
    rotation=(
        client_rotation(EVIDENCE),
        serving_rotation({Evidence.KUBELET_CONFIG: False, Evidence.FILE: False}, static=False),
    ),
    bootstrap_method=BootstrapMethod.TOKEN,
    bootstrap_kubeconfig_present=True,
    served_matches_file=None,
    leftovers={Role.KUBELET_CLIENT: 2},
    usability={(Role.KUBELET_CLIENT, Origin.FILE): Usability.OK},
)
CERTIFICATES = [
    {
        "role": "kubelet-client",
        "origin": "file",
        "path": "/c.pem",
        "rotation": "enabled",
        **certificate_data(CLIENT),
        "due": due(CLIENT),
        "deadline": deadline(CLIENT),
        "issued_by_cluster_ca": True,
        "usable": "ok",
        "severity": None,
        "bundle": [certificate_data(ABOVE)],
    },
    {
        "role": "kubelet-serving",
        "origin": "wire",
        "path": None,
        "rotation": "disabled",
        **certificate_data(SERVED),
        "due": None,
        "deadline": None,
        "issued_by_cluster_ca": False,
        "usable": None,
        "severity": "critical",
        "bundle": [],
    },
    {
        "role": "cluster-ca",
        "origin": "file",
        "path": "/ca.crt",
        "rotation": "none",
        **certificate_data(CA),
        "due": None,
        "deadline": None,
        "issued_by_cluster_ca": None,
        "usable": None,
        "severity": None,
        "bundle": [certificate_data(NEXT_CA)],
    },
]
FILES = [
    {"role": "kubelet-client", "path": "/c.pem", "status": "ok", "detail": None, "severity": None},
    {
        "role": "cluster-ca",
        "path": "/ca.crt",
        "status": "permission_denied",
        "detail": "Permission denied",
        "severity": "unknown",
    },
    {"role": "kubelet-serving", "path": "/s.pem", "status": "not_expected", "detail": None, "severity": None},
]
ROTATION: list[dict[str, object]] = [
    {
        "role": "kubelet-client",
        "state": "enabled",
        "shown": "enabled",
        "reason": "rotating",
        "evidence": {"file": True, "kubeconfig": True, "kubelet_config": True},
        "due": due(CLIENT),
        "deadline": deadline(CLIENT),
        "severity": None,
    },
    {
        "role": "kubelet-serving",
        "state": "disabled",
        "shown": "disabled",
        "reason": "self_signed",
        "evidence": {"file": False, "kubelet_config": False},
        "due": None,
        "deadline": None,
        "severity": "info",
    },
]


def test_a_nodes_document_tells_everything_with_the_worst_finding_first() -> None:
    steps = (Step("Look."),)
    bad, worse = (
        Finding(severity, Subject(Kind.NODE, "a"), "It is so.", steps, "AksCertX")
        for severity in (Severity.WARNING, Severity.CRITICAL)
    )
    found = node_document(HOST, (bad, worse), NOW, runbooks="https://runbooks.example/")
    assert found == {
        "schema": 1,
        "agent": "node",
        "node": "a",
        "looked_at": NOW,
        "certificates": CERTIFICATES,
        "files": FILES,
        "rotation": ROTATION,
        "bootstrap": {"method": "token", "kubeconfig_present": True, "leftovers": {"kubelet-client": 2}},
        "findings": [finding_data(one, "https://runbooks.example/") for one in (worse, bad)],
    }


def test_what_is_overdue_is_shown_so_and_as_bad_as_it_is() -> None:
    late = certificate("CN=late", NOW - 390 * DAY, NOW + 10 * DAY)
    seen = replace(HOST.certificates[0], bundle=(late,), signers=())
    found = node_document(replace(HOST, certificates=(seen,), bootstrap_kubeconfig_present=None), (), NOW)
    assert found["rotation"] == [
        {**ROTATION[0], "shown": "overdue", "due": due(late), "deadline": deadline(late), "severity": "critical"},
        ROTATION[1],
    ]
    assert found["bootstrap"] == {"method": "token", "kubeconfig_present": None, "leftovers": {"kubelet-client": 2}}
    assert found["findings"] == []
