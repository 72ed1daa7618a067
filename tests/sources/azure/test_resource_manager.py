"""The real Azure SDK asks a simulated Resource Manager and token endpoint over TLS."""

import gzip
import json
import resource
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from exporter import __version__
from exporter.facts.azure.managed_cluster import Snapshot
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.resource_id import NodeGroup, ResourceId, node_group
from exporter.facts.source import REASONS
from exporter.reason import Reason, Source
from exporter.sources.azure.managed_cluster import MOST_ABANDONED, AzureSource
from simulation.azure import bodies
from simulation.azure.bodies import agent_pool
from simulation.azure.faults import FAULTS, Answer
from simulation.azure.resource_manager import Request, Route
from simulation.azure.site import ArmSite
from tests.sources.azure.simulated import CLUSTER, CLUSTER_READ, GROUP, SNAPSHOT, asked, facts, failure, put


def test_a_healthy_cluster_is_read_with_workload_identity(site: ArmSite, source: AzureSource) -> None:
    """One token and one GET give the cluster's facts."""
    cluster = facts(source.read_cluster(CLUSTER))
    assert cluster.state is StateClass.SUCCEEDED
    assert cluster.addresses == (("aks1-dns-1a2b3c4d.hcp.westeurope.azmk8s.io", 443),)
    assert [pool.name for pool in cluster.pools] == ["nodepool1"]
    assert asked(site.arm) == [("POST", Route.TOKEN), CLUSTER_READ]
    assert source.asked_to_wait is None


def test_azure_learns_who_asks_and_of_which_request(site: ArmSite, source: AzureSource) -> None:
    """Its support asks for the id of a request."""
    source.read_cluster(CLUSTER)
    source.read_cluster(CLUSTER)
    first, second = (request.headers for request in site.arm.requests if request.route is Route.CLUSTER)
    assert first["User-Agent"] == f"aks-cert-exporter/{__version__}"
    assert first["Accept"] == "application/json"
    assert first["x-ms-client-request-id"] != second["x-ms-client-request-id"]


def test_the_token_is_kept_while_it_is_valid(site: ArmSite, source: AzureSource) -> None:
    """The second look takes one request."""
    source.read_cluster(CLUSTER)
    source.read_cluster(CLUSTER)
    assert asked(site.arm) == [("POST", Route.TOKEN), CLUSTER_READ, CLUSTER_READ]


def test_the_request_is_the_one_the_sdk_itself_makes(site: ArmSite, source: AzureSource) -> None:
    """Path and API version equal those of the SDK's own operation, whose models can read the simulation's answer."""
    from azure.identity import WorkloadIdentityCredential
    from azure.mgmt.containerservice import ContainerServiceClient

    site.arm.put(bodies.snapshot(SNAPSHOT, "AKSUbuntu-2204gen2containerd-202501.12.0"))
    put(site.arm, agent_pool("nodepool1", snapshot=SNAPSHOT))
    source.read_cluster(CLUSTER)
    environment = site.environment
    with (
        WorkloadIdentityCredential(
            tenant_id=environment["AZURE_TENANT_ID"],
            client_id=environment["AZURE_CLIENT_ID"],
            token_file_path=environment["AZURE_FEDERATED_TOKEN_FILE"],
            authority=environment["AZURE_AUTHORITY_HOST"],
            connection_verify=environment["REQUESTS_CA_BUNDLE"],
        ) as credential,
        ContainerServiceClient(
            credential,
            CLUSTER.subscription,
            base_url=site.arm.endpoint,
            credential_scopes=[f"{site.arm.endpoint}/.default"],
            connection_verify=environment["REQUESTS_CA_BUNDLE"],
        ) as client,
    ):
        typed = client.managed_clusters.get(CLUSTER.group, CLUSTER.name)
    with ContainerServiceClient(
        credential,
        SNAPSHOT.subscription,
        base_url=site.arm.endpoint,
        credential_scopes=[f"{site.arm.endpoint}/.default"],
        connection_verify=environment["REQUESTS_CA_BUNDLE"],
    ) as client:
        image = client.snapshots.get(SNAPSHOT.group, SNAPSHOT.name)

    def urls(route: Route) -> list[tuple[str, str]]:
        return [(request.path, request.query) for request in site.arm.requests if request.route is route]

    for route in (Route.CLUSTER, Route.SNAPSHOT):
        ours, theirs = urls(route)
        assert ours == theirs
    assert typed.properties is not None
    assert typed.properties.provisioning_state == "Succeeded"
    assert typed.properties.enable_rbac is True
    assert [pool.name for pool in typed.properties.agent_pool_profiles or []] == ["nodepool1"]
    assert image.properties is not None
    assert image.properties.node_image_version == "AKSUbuntu-2204gen2containerd-202501.12.0"


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("unauthorized", Reason.UNAUTHORIZED, "HTTP 401 InvalidAuthenticationToken"),
        ("forbidden", Reason.FORBIDDEN, "no right to Microsoft.ContainerService/managedClusters/read"),
        ("not_found", Reason.NOT_FOUND, "knows no such resource (HTTP 404 ResourceNotFound)"),
        ("conflict", Reason.CONFLICT, "another operation is under way"),
        ("unregistered", Reason.CONFLICT, "MissingSubscriptionRegistration"),
        ("throttled", Reason.THROTTLED, "HTTP 429 TooManyRequests"),
        ("server_error", Reason.SERVER_ERROR, "HTTP 500 InternalServerError"),
        ("unavailable", Reason.SERVER_ERROR, "HTTP 503 ServiceUnavailable"),
        ("redirect", Reason.ERROR, "HTTP 302"),
        ("truncated", Reason.RESET, "no answer from Resource Manager: reset"),
        ("cut_json", Reason.DECODE, "not JSON"),
        ("html", Reason.DECODE, "not JSON"),
        ("not_an_object", Reason.DECODE, "no JSON object"),
        ("not_utf8", Reason.DECODE, "not JSON"),
        ("deep", Reason.DECODE, "not JSON"),
        ("huge", Reason.TOO_LARGE, "exceeds 8 MiB"),
        ("reset", Reason.RESET, "reset"),
    ],
)
def test_each_wrong_answer_is_a_failure_with_its_reason(
    site: ArmSite, source: AzureSource, name: str, reason: Reason, words: str
) -> None:
    """A fault of Resource Manager's, once; after it the source recovers by itself."""
    site.arm.faults[Route.CLUSTER] = FAULTS[name]
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is reason
    assert words in found.words
    assert asked(site.arm).count(CLUSTER_READ) == 1, "nothing is tried again behind the agent's back"
    site.arm.faults.clear()
    facts(source.read_cluster(CLUSTER))


@pytest.mark.parametrize("name", ["hang", "trickle"])
def test_an_answer_that_does_not_end_costs_its_time_and_no_more(
    site: ArmSite, impatient: AzureSource, name: str
) -> None:
    """A11: the look ends at its deadline, and the next one does not wait for it."""
    facts(impatient.read_cluster(CLUSTER))
    site.arm.faults[Route.CLUSTER] = FAULTS[name]
    assert failure(impatient.read_cluster(CLUSTER)).reason is Reason.TIMEOUT
    site.arm.faults.clear()
    facts(impatient.read_cluster(CLUSTER))


def test_requests_that_never_end_do_not_pile_up(site: ArmSite, impatient: AzureSource) -> None:
    """A11: beyond a few no more are sent until one of them is over."""
    site.arm.faults[Route.CLUSTER] = FAULTS["hang"]
    words = [failure(impatient.read_cluster(CLUSTER)).words for _ in range(MOST_ABANDONED + 2)]
    assert words[-2:] == [f"{MOST_ABANDONED} requests have not come to an end yet"] * 2
    assert asked(site.arm).count(CLUSTER_READ) == MOST_ABANDONED


def test_retry_after_is_handed_on(site: ArmSite, source: AzureSource) -> None:
    """Who schedules the looks learns how long Azure wants to be left alone; the next answer takes it back."""
    site.arm.faults[Route.CLUSTER] = FAULTS["throttled"]
    failure(source.read_cluster(CLUSTER))
    assert source.asked_to_wait == 900.0
    site.arm.faults.clear()
    facts(source.read_cluster(CLUSTER))
    assert source.asked_to_wait is None


@pytest.mark.parametrize(
    ("first", "second", "waits"), [("900", "7", 900.0), ("7", "900", 900.0), ("7", "99999", 3600.0), ("7", "", 7.0)]
)
def test_the_longest_that_an_answer_of_a_look_asked_for_counts(
    first: str, second: str, waits: float, site: ArmSite, source: AzureSource
) -> None:
    """An hour at most."""
    cluster = bodies.managed_cluster(CLUSTER, [agent_pool("golden", snapshot=SNAPSHOT)])
    site.arm.faults[Route.CLUSTER] = Answer(body=json.dumps(cluster).encode(), headers={"Retry-After": first})
    site.arm.faults[Route.SNAPSHOT] = Answer(status=404, headers={"Retry-After": second})
    assert failure(facts(source.read_cluster(CLUSTER)).pools[0].snapshot).reason is Reason.NOT_FOUND
    assert source.asked_to_wait == waits


@pytest.mark.parametrize(("ahead", "least", "most"), [(-100, 0, 0), (1000, 900, 1001), (86400, 3600, 3600)])
def test_azure_may_name_a_moment_and_none_is_further_off_than_an_hour(
    site: ArmSite, source: AzureSource, ahead: float, least: float, most: float
) -> None:
    after = formatdate(time.time() + ahead, usegmt=True)
    site.arm.faults[Route.CLUSTER] = Answer(status=429, headers={"Retry-After": after})
    failure(source.read_cluster(CLUSTER))
    assert source.asked_to_wait is not None
    assert least <= source.asked_to_wait <= most


def test_nothing_is_ever_registered_or_written(site: ArmSite, source: AzureSource) -> None:
    """The SDK would answer MissingSubscriptionRegistration with a POST that registers the provider."""
    site.arm.faults[Route.CLUSTER] = FAULTS["unregistered"]
    failure(source.read_cluster(CLUSTER))
    assert [request.method for request in site.arm.requests if request.route is not Route.TOKEN] == ["GET"]


def test_a_snapshot_is_read_once_where_a_pool_was_made_from_one(site: ArmSite, source: AzureSource) -> None:
    """Two pools of one snapshot in another subscription and letter case: one request, in the first look only."""
    site.arm.put(bodies.snapshot(SNAPSHOT, "AKSUbuntu-2204gen2containerd-202412.04.0"))
    shouted = ResourceId(SNAPSHOT.subscription, SNAPSHOT.group.upper(), "snapshots", SNAPSHOT.name.upper())
    put(
        site.arm,
        agent_pool("plain"),
        agent_pool("golden1", snapshot=SNAPSHOT),
        agent_pool("golden2", snapshot=shouted),
    )
    for _ in range(2):
        cluster = facts(source.read_cluster(CLUSTER))
    old = Snapshot("AKSUbuntu-2204gen2containerd-202412.04.0")
    assert [pool.snapshot for pool in cluster.pools] == [None, old, old]
    assert asked(site.arm).count(("GET", Route.SNAPSHOT)) == 1


def test_a_forbidden_snapshot_hides_nothing_else(site: ArmSite, source: AzureSource) -> None:
    """The pool says that its snapshot could not be read, the cluster is there, and the next look asks again."""
    site.arm.put(bodies.snapshot(SNAPSHOT, "AKSUbuntu-2204gen2containerd-202501.12.0"))
    put(site.arm, agent_pool("plain"), agent_pool("golden", snapshot=SNAPSHOT))
    site.arm.faults[Route.SNAPSHOT] = FAULTS["forbidden"]
    cluster = facts(source.read_cluster(CLUSTER))
    assert cluster.state is StateClass.SUCCEEDED
    found = failure(cluster.pools[1].snapshot)
    assert found.reason is Reason.FORBIDDEN
    assert "Microsoft.ContainerService/snapshots/read" in found.words
    site.arm.faults.clear()
    assert facts(source.read_cluster(CLUSTER)).pools[1].snapshot == Snapshot("AKSUbuntu-2204gen2containerd-202501.12.0")


def test_fifty_snapshots_of_a_throttling_azure_cost_one_request(site: ArmSite, source: AzureSource) -> None:
    """What every request would meet is not asked for again in the same look."""
    pools = [
        agent_pool(f"pool{number}", snapshot=ResourceId("5ab1", "images", "snapshots", f"golden{number}"))
        for number in range(50)
    ]
    put(site.arm, *pools)
    site.arm.faults[Route.SNAPSHOT] = FAULTS["throttled"]
    cluster = facts(source.read_cluster(CLUSTER))
    assert {failure(pool.snapshot).reason for pool in cluster.pools} == {Reason.THROTTLED}
    assert asked(site.arm).count(("GET", Route.SNAPSHOT)) == 1
    assert source.asked_to_wait == 900.0


def test_an_etag_saves_the_body(site: ArmSite, source: AzureSource) -> None:
    """Where the server gives an ETag it is sent back, and `304 Not Modified` means the facts stay."""
    site.arm.etags = True
    first = facts(source.read_cluster(CLUSTER))
    assert facts(source.read_cluster(CLUSTER)) == first
    assert [(r.conditional, r.status) for r in site.arm.requests if r.route is Route.CLUSTER] == [
        (False, 200),
        (True, 304),
    ]
    put(site.arm, state="RotatingClusterCertificates")
    assert facts(source.read_cluster(CLUSTER)).state is StateClass.ROTATING_CERTIFICATES


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("managed", [True, False])
def test_the_cluster_is_found_from_the_node_resource_group(
    site: ArmSite, source: AzureSource, tagged: bool, managed: bool
) -> None:
    """By managedBy or by AKS's own tags, for a group of any name, asked for in the lower case of a providerID."""
    body = bodies.node_resource_group(NodeGroup("5ab0", "Custom-Nodes"), CLUSTER, tagged=tagged)
    if not managed:
        del body["managedBy"]
    site.arm.put(body)
    group = node_group(
        "azure:///subscriptions/5ab0/resourceGroups/custom-nodes/providers/Microsoft.Compute"
        "/virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/0"
    )
    assert group is not None
    found = source.read_managing_cluster(group)
    if not (managed or tagged):
        assert failure(found).words == "resource group custom-nodes names no cluster that manages it"
        return
    assert isinstance(found, ResourceId)
    assert found.key == CLUSTER.key
    facts(source.read_cluster(found))


def test_a_forbidden_node_resource_group_names_the_missing_right(site: ArmSite, source: AzureSource) -> None:
    """The other way out is to give the resource id."""
    site.arm.put(bodies.node_resource_group(GROUP, CLUSTER))
    site.arm.faults[Route.GROUP] = FAULTS["forbidden"]
    found = failure(source.read_managing_cluster(GROUP))
    assert found.reason is Reason.FORBIDDEN
    assert "Microsoft.Resources/subscriptions/resourceGroups/read" in found.words


def test_the_custom_role_allows_the_requests_made_and_no_more(site: ArmSite, source: AzureSource) -> None:
    """Each action of docs/azure-role.json is used, none is missing, and all are reads."""
    site.arm.put(bodies.snapshot(SNAPSHOT, "AKSUbuntu-2204gen2containerd-202501.12.0"))
    site.arm.put(bodies.node_resource_group(GROUP, CLUSTER))
    put(site.arm, agent_pool("golden", snapshot=SNAPSHOT))
    source.read_managing_cluster(GROUP)
    source.read_cluster(CLUSTER)
    assert {action(request) for request in site.arm.requests} - {None} == role_actions()


def test_the_docs_explain_every_reason() -> None:
    """The troubleshooting table of docs/azure.md has each word that the error series may bear."""
    table = (Path(__file__).parents[3] / "docs/azure.md").read_text().split("## When it does not work")[1]
    assert [reason for reason in REASONS[Source.AZURE] if f"`{reason}`" not in table] == []


def action(request: Request) -> str | None:
    """The action in Azure's terms that a request takes; None for the login, which is not Resource Manager's."""
    if request.route is Route.TOKEN:
        return None
    assert request.method == "GET"
    return {
        Route.CLUSTER: "Microsoft.ContainerService/managedClusters/read",
        Route.SNAPSHOT: "Microsoft.ContainerService/snapshots/read",
        Route.GROUP: "Microsoft.Resources/subscriptions/resourceGroups/read",
    }[request.route]


def role_actions() -> set[str]:
    """What the shipped custom role allows."""
    role = json.loads((Path(__file__).parents[3] / "docs/azure-role.json").read_text())
    assert role["NotActions"] == role["DataActions"] == role["NotDataActions"] == []
    return set(role["Actions"])


@pytest.mark.parametrize("route", [Route.CLUSTER, Route.TOKEN])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=gzip.compress(b" " * 100_000_000), headers={"Content-Encoding": "gzip"}),
        Answer(body=b" " * 20_000_000),
        Answer(status=429, headers={"Retry-After": "Thu, 01 Jan 1970 00:01:40 +99999999999999999999"}),
        Answer(status=503, headers={"Retry-After": "9" * 5000, "Date": "Thu, 01 Jan 99999999999999999 00:00:00 GMT"}),
        Answer(body=b'{"a":' * 100_000),
    ],
    ids=["bomb", "huge", "odd zone", "odd numbers", "deep"],
)
def test_an_answer_that_means_ill_is_a_failure_of_bounded_memory(
    site: ArmSite, source: AzureSource, answer: Answer, route: Route
) -> None:
    """A10, A11: of Resource Manager and of the token endpoint."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    site.arm.faults[route] = answer
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is not Reason.BUG, found
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024
    site.arm.faults.clear()
    facts(source.read_cluster(CLUSTER))


@pytest.mark.parametrize("name", ["AZURE_SDK_CLOUD_CONF", "AZURE_LOG_LEVEL", "AZURE_TRACING_ENABLED"])
def test_what_else_the_environment_says_to_the_sdk_is_not_listened_to(
    monkeypatch: pytest.MonkeyPatch, source: AzureSource, name: str
) -> None:
    """A word there that the SDK does not know; which cloud it is the settings say."""
    monkeypatch.setenv(name, "nonsense")
    facts(source.read_cluster(CLUSTER))
