"""The forms of `check` on one node and one cluster at a fixed moment: `python -m tests.check.golden` writes them again.

They are in tests/check/golden/, so that whoever changes a word sees in review what a person will read.
"""

import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from exporter.agents.node.agent import node_agent
from exporter.check.azure import azure_sections
from exporter.check.cluster import cluster_sections
from exporter.check.host import host_sections
from exporter.check.render import as_json, as_markdown, as_table
from exporter.check.report import NotLookedAt, Report, report
from exporter.documents.cluster_document import cluster_document
from exporter.documents.node_document import node_document
from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.kube.csr import Csr, requestor
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import REASONS, SourceFacts
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.reason import CsrCondition, Reason, Source
from exporter.settings import Command, resolve
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority
from tests.pages.example import NOW
from tests.pages.fleet import fleet

FOLDER = Path(__file__).parent / "golden"
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
NAMES = [f"{subject}.{form}" for subject in ("node", "cluster") for form in ("80.txt", "100.ascii.txt", "json", "md")]


APART = (NotLookedAt("what webhooks serve: only the cluster's own network reaches them", "install the cluster agent"),)


@cache
def reports() -> Mapping[str, Report]:
    """One node whose certificate nothing renews; one cluster in which a few nodes wait, and not all could be asked."""
    return {"node": _node(), "cluster": _cluster()}


def forms(shown: Report) -> dict[str, str]:
    """Each form of a report, by the name of its file after the subject's."""
    return {
        "80.txt": table(shown, 80, "utf-8"),
        "100.ascii.txt": table(shown, 100, "ascii"),
        # Serial numbers and fingerprints are others each time.
        "json": re.sub(r'("(?:serial_number|fingerprint_sha256)": )"[0-9a-f]+"', r'\1"0"', as_json(shown)) + "\n",
        "md": as_markdown(shown) + "\n",
    }


def table(shown: Report, columns: int, encoding: str) -> str:
    """As it is printed into a pipe."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    with _columns(columns):
        stream.write(as_table(shown, stream))
    stream.seek(0)
    return stream.read()


@contextmanager
def _columns(columns: int) -> Iterator[None]:
    former = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(columns)
    try:
        yield
    finally:
        if former is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = former


def _node() -> Report:
    with tempfile.TemporaryDirectory() as folder:
        node = build(scenario("static-client"), Path(folder) / "host", NOW, Authority.cluster(NOW - 3 * YEAR))
        flags = {"host_root": str(node.root), "node_name": node.name, "kubelet_address": ""}
        host = node_agent(resolve(Command.CHECK, flags, {})).look()
    kubelet = SourceFacts(Source.KUBELET, False, None, {Reason.REFUSED: 1}, "10.224.0.6:10250: connection refused")
    findings = host_findings(host, [kubelet], NOW, max_age=90 * 86400.0)
    document = node_document(host, findings, NOW)
    return report(f"node {host.node}", NOW, findings, host_sections(host, [kubelet], NOW), APART, document)


def _cluster() -> Report:
    pools = [
        agent_pool("pool0", mode="System"),
        agent_pool("pool1", tags={TAG: "true"}),
        agent_pool("pool2", power="Stopped"),
    ]
    body = managed_cluster(RESOURCE, pools, state="Failed", failure=("QuotaExceeded", "No cores are left."))
    azure = azure_cluster(body, RESOURCE)
    facts = replace(fleet(60, 4), azure=AzureFacts(azure, {("cluster", "aks1"): NOW - 7200.0}, {}), clock_offset=75.0)
    sources = [SourceFacts(one, True, NOW - 1, dict.fromkeys(REASONS[one], 0)) for one in (Source.CSRS, Source.NODES)]
    sources.append(SourceFacts(Source.WEBHOOKS, False, None, {}, "no right to list them", Reason.FORBIDDEN))
    findings = [*cluster_findings(facts, sources, NOW)]
    sections = [*cluster_sections(facts, _csrs(), sources, NOW), *azure_sections(azure)]
    document = cluster_document(facts, findings, sources, NOW)
    name = "cluster aks1 at aks1-dns-6a4f.hcp.westeurope.azmk8s.io:443"
    return report(name, NOW, findings, sections, APART, document)


def _csrs() -> Iterator[Csr]:
    """Those of the waiting nodes with their retries, a refused one, and some of the last hour."""
    totals = fleet(60, 4).csrs
    assert totals is not None
    for one in totals.nodes:
        since = one.pending_since if one.pending_since is not None else NOW - 900
        for retry in range(max(1, one.pending_objects)):
            condition = CsrCondition.DENIED if one.rejected else CsrCondition.PENDING
            yield _csr(f"csr-{one.node[-4:]}-{retry}", one.signer_name, one.node, condition, since + 900 * retry)
    for number in range(9):
        node = f"aks-pool0-26535897-vmss{number:06x}"
        yield _csr(f"csr-{number}", "kubernetes.io/kubelet-serving", node, CsrCondition.ISSUED, NOW - 60 * number)


def _csr(name: str, signer: str, node: str, condition: CsrCondition, created: float) -> Csr:
    username = f"system:node:{node}"
    return Csr(name, name, signer, username, requestor(username), node, condition, created)


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for subject, shown in reports().items():
        for form, text in forms(shown).items():
            (FOLDER / f"{subject}.{form}").write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
