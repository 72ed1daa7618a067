"""Whether Azure is asked, and when again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.azure.managed_cluster import AzureCluster, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.sources.azure.access import azure_wanted, next_look, workload_identity_missing
from simulation.azure.bodies import agent_pool, managed_cluster

CLUSTER = ResourceId("5ab0", "rg", "managedClusters", "aks1")
IDENTITY = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/f"}
AT_REST = azure_cluster(managed_cluster(CLUSTER, [agent_pool("nodepool1")]), CLUSTER)
BUSY = azure_cluster(managed_cluster(CLUSTER, [agent_pool("nodepool1", state="Upgrading")]), CLUSTER)


@pytest.mark.parametrize(
    ("enabled", "resource_id", "environment", "wanted"),
    [
        ("auto", "", {}, False),
        ("auto", "", IDENTITY, True),
        ("auto", "", {**IDENTITY, "AZURE_TENANT_ID": ""}, False),
        ("auto", CLUSTER.path, {}, True),
        ("true", "", {}, True),
        ("false", CLUSTER.path, IDENTITY, False),
    ],
)
def test_auto_means_where_workload_identity_or_a_resource_id_is(
    enabled: str, resource_id: str, environment: dict[str, str], wanted: bool
) -> None:
    """All three variables, or an id that somebody set."""
    assert azure_wanted(enabled, resource_id, environment) is wanted


def test_what_is_missing_is_named() -> None:
    """In the order of the documentation."""
    assert workload_identity_missing({"AZURE_TENANT_ID": "t"}) == ("AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")


def test_a_cluster_at_rest_is_looked_at_every_five_minutes_a_busy_one_every_minute() -> None:
    """A pool's operation counts; an answer that never came is no reason to hurry."""
    assert next_look(AT_REST, None, 0.0) == 300.0
    assert next_look(BUSY, None, 0.0) == 60.0
    assert next_look(None, None, 0.0) == 300.0


@given(st.sampled_from([AT_REST, BUSY, None]), st.none() | st.floats(0, 3600), st.floats(0, 1))
def test_azures_wish_is_a_lower_bound_and_jitter_adds_a_tenth(
    cluster: object, asked: float | None, jitter: float
) -> None:
    """For any Retry-After."""
    pause = next_look(cluster if cluster in (AT_REST, BUSY) else None, asked, jitter)
    assert max(asked or 0.0, 60.0) <= pause <= 1.1 * max(asked or 0.0, 300.0)


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, tuple(IDENTITY)),
        (dict.fromkeys(IDENTITY, ""), tuple(IDENTITY)),
        (IDENTITY, ()),
        *[({key: IDENTITY[key] for key in IDENTITY if key != left_out}, (left_out,)) for left_out in IDENTITY],
    ],
)
def test_each_variable_is_asked_for(environment: dict[str, str], missing: tuple[str, ...]) -> None:
    assert workload_identity_missing(environment) == missing


@pytest.mark.parametrize(
    ("cluster", "asked", "jitter", "pause"),
    [
        (AT_REST, None, 1.0, 330.0),
        (BUSY, None, 1.0, 66.0),
        (None, None, 0.5, 315.0),
        (AT_REST, 299.0, 0.0, 300.0),
        (AT_REST, 400.0, 0.0, 400.0),
        (BUSY, 61.0, 0.0, 61.0),
        (BUSY, 100.0, 1.0, 110.0),
        (AT_REST, 0.0, 0.0, 300.0),
    ],
)
def test_the_pause_is_the_longer_of_ours_and_azures(
    cluster: AzureCluster | None, asked: float | None, jitter: float, pause: float
) -> None:
    assert next_look(cluster, asked, jitter) == pytest.approx(pause)


def test_the_pauses_can_be_given() -> None:
    """Shorter than a second, too."""
    given = [next_look(one, None, 0.0, steady=0.25, operating=0.125) for one in (AT_REST, None, BUSY)]
    assert given == [0.25, 0.25, 0.125]
    assert next_look(BUSY, 0.5, 0.0, steady=0.25, operating=0.125) == 0.5
