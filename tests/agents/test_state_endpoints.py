"""What is told of addresses, bundles and Azure to a cluster's state (exporter.agents.cluster.state)."""

import logging

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.cluster import Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.certificates_api import Counted
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.source import REASONS, Failure, SourceFacts
from exporter.reason import ApiStatus, PreflightStep, Reason, Requestor, Source
from simulation.azure.bodies import managed_cluster
from tests.agents.clusters import source_facts
from tests.agents.test_state_changes import CA, EVERY, FORBIDDEN, NEXT, RESOURCE, changes, outcome
from tests.check.known import NOW

TARGET = EndpointTarget("Webhook", "w", "w.ns.svc", 443, ("ns", "w"))


@pytest.fixture
def state() -> ClusterState:
    return ClusterState(EVERY)


def test_addresses_of_the_api_server_keep_what_they_last_showed(state: ClusterState) -> None:
    seen = Endpoint("a:443", CA, True)
    silent = Endpoint("a:443", None, None, failure=FORBIDDEN)
    never = Endpoint("b:443", None, None, failure=Failure(Reason.TIMEOUT, "late"))
    assert changes(state, lambda: state.endpoints_seen([seen], NOW))
    assert outcome(state, Source.APISERVER) == (True, NOW, {}, "")
    assert not changes(state, lambda: state.endpoints_seen([seen], NOW))
    assert changes(state, lambda: state.endpoints_seen([silent, never], NOW))
    assert state.facts().endpoints == (Endpoint("a:443", CA, True, failure=FORBIDDEN), never)
    assert outcome(state, Source.APISERVER) == (False, NOW, {Reason.ERROR: 1, Reason.TIMEOUT: 1}, "late")
    assert changes(state, lambda: state.endpoints_seen([Endpoint("a:443", NEXT, None)], NOW + 1))
    assert state.facts().endpoints == (Endpoint("a:443", NEXT, None),)


def test_a_certificate_that_is_not_trusted_is_a_complaint_while_it_is_served(state: ClusterState) -> None:
    wrong = Endpoint("a:443", CA, False, Reason.CERTIFICATE_HOSTNAME)
    state.endpoints_seen([wrong], NOW)
    expected = {Reason.CERTIFICATE_HOSTNAME: 1}
    assert outcome(state, Source.APISERVER) == (True, NOW, expected, "a:443: certificate_hostname")
    state.endpoints_seen([Endpoint("a:443", None, None, failure=Failure(Reason.RESET, "closed"))], NOW)
    assert outcome(state, Source.APISERVER) == (False, NOW, {**expected, Reason.RESET: 1}, "closed")


def test_what_the_api_server_calls_is_followed_from_look_to_look(state: ClusterState) -> None:
    good, silent = ServedEndpoint(TARGET, CA, True), ServedEndpoint(TARGET, failure=Failure(Reason.REFUSED, "no"))
    assert changes(state, lambda: state.endpoint_told(good, NOW))
    assert not changes(state, lambda: state.endpoint_told(good, NOW + 1))
    assert (state.facts().served, outcome(state, Source.ENDPOINTS)) == ((good,), (True, NOW + 1, {}, ""))
    assert changes(state, lambda: state.endpoint_told(silent, NOW + 2))
    assert state.facts().served == (ServedEndpoint(TARGET, CA, True, None, silent.failure, NOW + 2),)
    told = (True, NOW + 2, {Reason.REFUSED: 1}, "w.ns.svc:443: no")
    assert outcome(state, Source.ENDPOINTS) == told
    assert changes(state, lambda: state.endpoint_left(TARGET.key))
    assert not changes(state, lambda: state.endpoint_left(TARGET.key))
    assert state.facts().served == ()


def test_the_preflight_and_the_newer_objects_are_kept(state: ClusterState) -> None:
    answers = (Preflight(Question(Requestor.NODE, "p", PreflightStep.REQUEST, "u", ()), True),)
    assert not changes(state, lambda: state.preflight_asked(FORBIDDEN, NOW))
    assert (state.facts().preflight, outcome(state, Source.PREFLIGHT)[0]) == (None, False)
    assert changes(state, lambda: state.preflight_asked(answers, NOW))
    assert not changes(state, lambda: state.preflight_asked(answers, NOW + 1))
    state.preflight_asked(FORBIDDEN, NOW)
    assert state.facts().preflight == answers
    assert outcome(state, Source.PREFLIGHT) == (False, NOW + 1, {Reason.FORBIDDEN: 2}, "HTTP 403")
    counted = Counted(statuses={"x": ApiStatus.OK})
    assert changes(state, lambda: state.certificate_objects_counted(counted))
    assert not changes(state, lambda: state.certificate_objects_counted(counted))
    assert state.facts().counted == counted


def test_azures_last_answer_is_kept_with_since_when_it_is_so(state: ClusterState) -> None:
    well, rotating = (
        azure_cluster(managed_cluster(RESOURCE, (), state=one), RESOURCE)
        for one in ("Succeeded", "RotatingClusterCertificates")
    )
    assert not changes(state, lambda: state.azure_read(FORBIDDEN, NOW))
    assert outcome(state, Source.AZURE) == (False, None, {Reason.FORBIDDEN: 1}, "HTTP 403")
    assert changes(state, lambda: state.azure_read(well, NOW))
    assert not changes(state, lambda: state.azure_read(well, NOW + 9))
    assert outcome(state, Source.AZURE) == (True, NOW + 9, {Reason.FORBIDDEN: 1}, "")
    place = ("cluster", "aks1")
    assert state.facts().azure == AzureFacts(well, {place: NOW}, {})
    assert changes(state, lambda: state.azure_read(rotating, NOW + 60))
    assert state.facts().azure == AzureFacts(rotating, {place: NOW + 60}, {place: StateClass.SUCCEEDED})


def test_every_source_that_was_never_heard_of_is_down_at_its_deadline(state: ClusterState) -> None:
    state.answered(Source.NODES, NOW)
    state.failed(Source.CSRS, FORBIDDEN, Failure(Reason.DECODE, "odd"))
    assert outcome(state, Source.CSRS) == (False, None, {Reason.FORBIDDEN: 1, Reason.DECODE: 1}, "odd")
    state.overdue(7.5)
    assert outcome(state, Source.NODES) == (True, NOW, {}, "")
    assert outcome(state, Source.CSRS)[2] == {Reason.FORBIDDEN: 1, Reason.DECODE: 1}
    late = "no answer in the first 7.5 s"
    for which in set(EVERY) - {Source.NODES, Source.CSRS}:
        assert outcome(state, which) == (False, None, {Reason.TIMEOUT: 1}, late)
    assert source_facts(state, Source.LEASES) == SourceFacts(
        Source.LEASES,
        False,
        None,
        {**dict.fromkeys(REASONS[Source.LEASES], 0), Reason.TIMEOUT: 1},
        late,
        Reason.TIMEOUT,
    )


def test_azure_is_another_server_and_fails_by_itself(state: ClusterState, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refused = Failure(Reason.REFUSED, "no")
    state.failed(Source.AZURE, refused)
    state.failed(Source.NODES, refused)
    state.answered(Source.AZURE, NOW)
    assert caplog.messages == [
        "azure: refused: no",
        "the API server does not answer: refused: no (nodes first)",
        "azure: answers again",
    ]
    assert Source.AZURE not in KUBE_SOURCES


def test_bundles_are_kept_by_kind(state: ClusterState) -> None:
    one, two = (CaBundle("A", name, (CA,)) for name in ("one", "two"))
    assert changes(state, lambda: state.bundles_read(Source.WEBHOOKS, {"A": [one, None], "B": FORBIDDEN}, NOW))
    assert state.facts().bundles == (one,)
    assert outcome(state, Source.WEBHOOKS) == (False, None, {Reason.FORBIDDEN: 1}, "HTTP 403")
    assert not changes(state, lambda: state.bundles_read(Source.WEBHOOKS, {"A": [one]}, NOW))
    assert outcome(state, Source.WEBHOOKS) == (True, NOW, {Reason.FORBIDDEN: 1}, "")
    assert changes(state, lambda: state.bundles_read(Source.APISERVICES, {"C": [two]}, NOW))
    assert state.facts().bundles == (one, two)
    assert changes(state, lambda: state.bundles_read(Source.WEBHOOKS, {"A": []}, NOW, Failure(Reason.DECODE, "odd")))
    assert state.facts().bundles == (two,)
    assert outcome(state, Source.WEBHOOKS) == (False, NOW, {Reason.FORBIDDEN: 1, Reason.DECODE: 1}, "odd")


@pytest.mark.parametrize(
    ("webhooks", "api_services", "targets", "expected"),
    [
        ([], None, (), (None, "")),
        ([], [], (), (True, "")),
        ([], [], (TARGET,), (None, "")),
        (FORBIDDEN, [], (), (False, "whom the API server calls is not known: HTTP 403")),
        (FORBIDDEN, [], (TARGET,), (False, "whom the API server calls is not known: HTTP 403")),
        ([], FORBIDDEN, (), (False, "whom the API server calls is not known: HTTP 403")),
        (FORBIDDEN, None, (), (None, "")),
    ],
)
def test_whether_it_is_known_whom_the_api_server_calls(
    webhooks: list[CaBundle | None] | Failure,
    api_services: list[CaBundle | None] | Failure | None,
    targets: tuple[EndpointTarget, ...],
    expected: tuple[bool | None, str],
    state: ClusterState,
) -> None:
    """Where there is nobody that is an answer, and where nobody knows it is none."""
    state.targets_read({"Webhook": targets})
    state.bundles_read(Source.WEBHOOKS, {"Webhook": webhooks}, NOW)
    if api_services is not None:
        state.bundles_read(Source.APISERVICES, {"APIService": api_services}, NOW)
    up, _, errors, words = outcome(state, Source.ENDPOINTS)
    assert (up, words) == expected
    assert errors == ({Reason.ERROR: 1} if up is False else {})


def test_a_list_that_fails_later_hides_nobody_whom_the_api_server_calls(state: ClusterState) -> None:
    for source_, kind in ((Source.WEBHOOKS, "Webhook"), (Source.APISERVICES, "APIService")):
        state.bundles_read(source_, {kind: []}, NOW)
    state.bundles_read(Source.WEBHOOKS, {"Webhook": FORBIDDEN}, NOW + 9)
    assert outcome(state, Source.ENDPOINTS) == (True, NOW + 9, {}, "")
    without = ClusterState(KUBE_SOURCES)
    for source_ in (Source.WEBHOOKS, Source.APISERVICES):
        without.bundles_read(source_, {"A": []}, NOW)
    assert Source.ENDPOINTS not in [one.source for one in without.sources()]


def test_targets_are_replaced_as_a_whole_where_they_change(state: ClusterState) -> None:
    state.targets_read({"A": (TARGET,)})
    first = state.targets
    state.targets_read({"A": (TARGET,)})
    assert state.targets is first
    state.targets_read({"B": ()})
    assert state.targets == {"A": (TARGET,), "B": ()}
    assert first == {"A": (TARGET,)}
