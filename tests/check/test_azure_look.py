"""`check` with Azure, as a person runs it: the real SDK, a simulated Resource Manager, the exit status."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.azure.resource_id import NodeGroup
from exporter.facts.opt_out_tag import TAG
from simulation.api.server import ApiServer
from simulation.azure import bodies
from simulation.azure.bodies import JSON, agent_pool, managed_cluster
from simulation.azure.faults import FAULTS
from simulation.azure.resource_manager import Route
from simulation.azure.site import ArmSite
from simulation.demo.azure_courses import CLUSTER
from tests.agents.clusters import populate, serving
from tests.check.test_cluster_look import check, findings, kubeconfig, report, rows


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ArmSite]:
    """A simulated Resource Manager with the cluster, at rest."""
    found = ArmSite(tmp_path / "azure")
    with found.arm:
        put(found)
        group = NodeGroup(CLUSTER.subscription, "MC_contoso_aks1_westeurope")
        found.arm.put(bodies.node_resource_group(group, CLUSTER))
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a healthy cluster."""
    with ApiServer(serving()) as server:
        populate(server)
        yield kubeconfig(tmp_path, server)


def put(site: ArmSite, *pools: JSON, **options: object) -> None:
    """Azure says this."""
    body = managed_cluster(CLUSTER, pools or [agent_pool("nodepool1", mode="System")], **options)  # type: ignore[arg-type]
    site.arm.put(body)


def look(site: ArmSite, path: Path, *flags: str, **environment: str) -> dict[str, object]:
    """The report, with the simulation's address and the environment given."""
    return report(path, "--azure.endpoint", site.arm.endpoint, *flags, **environment)


def only(found: dict[str, Any]) -> dict[str, Any]:
    """The one finding there is."""
    listed: list[dict[str, Any]] = found["findings"]
    assert len(listed) == 1
    return listed[0]


@pytest.mark.parametrize("flags", [(), ("--azure.resource-id", CLUSTER.path)])
def test_azures_part_is_two_tables(site: ArmSite, path: Path, flags: tuple[str, ...]) -> None:
    """Found from a node or by its id; nothing is wrong, and the exit status is 0."""
    found = look(site, path, *flags, **site.environment)
    assert (found["verdict"], found["findings"]) == ("ok", [])
    (cluster,) = rows(found, "Azure")
    assert (cluster["CLUSTER"], cluster["STATE"], cluster["POWER"], cluster["RBAC"]) == (
        "aks1",
        "Succeeded",
        "Running",
        "on",
    )
    (pool,) = rows(found, "Node pools")
    assert (pool["POOL"], pool["SERVING ROTATION"]) == ("nodepool1", "nothing in the way")


def test_what_azure_tells_is_found_in_one_look(site: ArmSite, path: Path) -> None:
    """A rotation that runs, a tag that the nodes do not follow: what state, and what to do next."""
    put(site, agent_pool("nodepool1", tags={TAG: "true"}), state="RotatingClusterCertificates")
    found = look(site, path, **site.environment)
    assert findings(found) == [
        ("warning", "AksCertRotationEvidenceConflict"),
        ("info", "AksCertClusterRotationRunning"),
        ("info", "AksCertServingOptOutTag"),
    ]
    assert all(one["next"] for one in found["findings"])  # type: ignore[attr-defined]
    assert found["exit_status"] == 1


def test_without_rights_it_says_so_and_goes_on(site: ArmSite, path: Path) -> None:
    """Could not look is exit status 3; everything else is there."""
    site.arm.faults[Route.CLUSTER] = FAULTS["forbidden"]
    found = look(site, path, **site.environment)
    assert findings(found) == [("unknown", "AksCertSourceDown")]
    finding = only(found)
    assert "Microsoft.ContainerService/managedClusters/read" in finding["what"]
    assert "docs/azure-role.json" in finding["next"][0]["text"]
    assert found["exit_status"] == 3
    assert rows(found, "Control plane")[0]["NOTE"] == "trusted"


def test_without_a_login_it_says_so_and_goes_on(site: ArmSite, path: Path, tmp_path: Path) -> None:
    """Asked for, and no workload identity and no Azure CLI there."""
    found = look(site, path, "--azure.enabled", "true", PATH=str(tmp_path), REQUESTS_CA_BUNDLE=str(site.authority_file))
    assert findings(found) == [("unknown", "AksCertSourceDown")]
    finding = only(found)
    assert "no Azure CLI" in finding["what"]
    assert finding["next"][0]["command"] == "az login"


def test_the_users_own_login_is_enough(site: ArmSite, path: Path, tmp_path: Path) -> None:
    """`az login` gives the token."""
    program = tmp_path / "bin" / "az"
    program.parent.mkdir()
    token = site.arm.token("cli")
    program.write_text(
        f'#!{sys.executable}\nprint(\'{{"accessToken": "{token}", "expires_on": 4102444800}}\')\n', encoding="utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "REQUESTS_CA_BUNDLE": str(site.authority_file)}
    found = look(site, path, "--azure.resource-id", CLUSTER.path, **environment)
    assert found["verdict"] == "ok"
    assert rows(found, "Azure")


def test_not_asking_is_told_and_is_no_finding(path: Path) -> None:
    """Without an identity or an id Azure is not asked."""
    found = report(path)
    (section,) = [one for one in found["sections"] if one["title"] == "Azure"]  # type: ignore[attr-defined]
    assert section["note"].startswith("Azure was not asked")
    assert found["verdict"] == "ok"


def test_of_a_stopped_cluster_azure_still_tells(site: ArmSite, tmp_path: Path) -> None:
    """Its API server does not answer; its resource id is enough to see why."""
    put(site, power="Stopped")
    with ApiServer(serving()) as server:
        gone = kubeconfig(tmp_path, server)
    found = look(site, gone, "--azure.resource-id", CLUSTER.path, **site.environment)
    assert ("warning", "AksCertNodePoolMissedRotation") in findings(found)
    assert rows(found, "Azure")[0]["POWER"] == "Stopped"


def test_no_token_is_in_the_output_at_any_level(site: ArmSite, path: Path) -> None:
    """Not in the report and not in the log, with everything logged that can be."""
    flags = ["--kubeconfig", str(path), "--azure.endpoint", site.arm.endpoint, "--log.level", "debug"]
    done = check(*flags, **site.environment)
    assert "aks1" in done.stdout
    for secret in {*site.arm.tokens, site.token_file.read_text()}:
        assert secret not in done.stdout + done.stderr
    assert site.arm.tokens
