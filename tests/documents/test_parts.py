"""The parts of /facts, each whole: what is known is told as it is, and what is not known is null."""

import datetime as dt
from dataclasses import replace

import pytest

from exporter.documents.azure_data import azure_data
from exporter.documents.certificate_data import certificate_data
from exporter.documents.counted_data import counted_data
from exporter.documents.endpoint_data import endpoint_data
from exporter.documents.preflight_data import preflight_data
from exporter.documents.signer_data import signer_data
from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, AzurePool
from exporter.facts.kube.certificates_api import CLUSTER_TRUST_BUNDLES, POD_CERTIFICATE_REQUESTS, Counted
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.kube.signing import Signing
from exporter.facts.outlook import HeldCertificate, Outlook
from exporter.facts.source import Failure
from exporter.reason import (
    ApiStatus,
    CsrCondition,
    FailurePolicy,
    Held,
    PreflightStep,
    Reason,
    Requestor,
    TrustBundleState,
)
from tests.check.known import NOW, certificate

LEAF = certificate("CN=a", NOW - 1, NOW + 2)

POOL = AzurePool(
    name="pool1",
    type="VirtualMachineScaleSets",
    os="Linux",
    os_sku="Ubuntu",
    mode="System",
    kubernetes_version="1.33.5",
    node_image_version="AKSUbuntu-1",
    image_date=dt.date(2026, 1, 1),
    provisioning_state="Failed",
    power_state="Running",
    opted_out=True,
    opt_out_tag="a=b",
    error="no room",
)
POOL_DATA = {
    "name": "pool1",
    "type": "VirtualMachineScaleSets",
    "os": "Linux",
    "os_sku": "Ubuntu",
    "mode": "System",
    "kubernetes_version": "1.33.5",
    "node_image_version": "AKSUbuntu-1",
    "provisioning_state": "Failed",
    "since": 7.0,
    "power_state": "Running",
    "serving_rotation_opt_out": True,
    "error": "no room",
}
CLUSTER = AzureCluster(
    name="aks1",
    resource_group="group",
    location="westeurope",
    kubernetes_version="1.33.6",
    rbac=True,
    fqdn="aks1.example",
    private_fqdn="aks1.private.example",
    node_resource_group="MC_group",
    local_accounts=True,
    provisioning_state="Succeeded",
    power_state="Stopped",
    error="it failed",
    pools=(POOL,),
)
CLUSTER_DATA = {
    "name": "aks1",
    "resource_group": "group",
    "node_resource_group": "MC_group",
    "location": "westeurope",
    "kubernetes_version": "1.33.6",
    "rbac": True,
    "fqdn": "aks1.example",
    "private_fqdn": "aks1.private.example",
    "provisioning_state": "Succeeded",
    "since": 8.0,
    "power_state": "Stopped",
    "error": "it failed",
    "agentpools": [POOL_DATA],
}
SAID = ("name", "resource_group", "location", "kubernetes_version", "fqdn", "private_fqdn", "node_resource_group")
SAID_OF_POOL = ("type", "os", "os_sku", "mode", "kubernetes_version", "node_image_version")
STATES = ("provisioning_state", "power_state", "error")


def test_azure_is_told_with_each_pool_and_since_when_they_are_as_they_are() -> None:
    since = {
        ("cluster", "aks1"): 8.0,
        ("agentpool", "pool1"): 7.0,
        ("agentpool", "aks1"): 1.0,
        ("cluster", "pool1"): 2.0,
    }
    assert azure_data(AzureFacts(CLUSTER, since)) == CLUSTER_DATA


def test_what_azure_does_not_say_is_null() -> None:
    unsaid = replace(POOL, **dict.fromkeys((*SAID_OF_POOL, *STATES), ""), opted_out=None)  # type: ignore[arg-type]
    cluster = replace(CLUSTER, **dict.fromkeys((*SAID, *STATES), ""), rbac=None, pools=(unsaid,))  # type: ignore[arg-type]
    pool = {**dict.fromkeys(POOL_DATA), "name": "pool1"}
    assert azure_data(AzureFacts(cluster)) == {**dict.fromkeys(CLUSTER_DATA), "agentpools": [pool]}


def test_a_certificate_is_told_whole_and_a_name_that_cannot_be_decoded_is_null() -> None:
    whole = replace(LEAF, serial_number="abc", fingerprint_sha256="f", public_key_sha256="k")
    told = {
        "not_before": NOW - 1,
        "not_after": NOW + 2,
        "subject": "CN=a",
        "issuer": "CN=issuer",
        "serial_number": "abc",
        "fingerprint_sha256": "f",
        "key_algorithm": "RSA-2048",
        "signature_algorithm": "sha256WithRSAEncryption",
    }
    assert certificate_data(whole) == told
    assert certificate_data(replace(whole, subject="", issuer="")) == {**told, "subject": None, "issuer": None}


def test_the_newer_kinds_are_told_by_what_came_of_looking_and_by_signer() -> None:
    counted = Counted(
        {("a.example/b", CsrCondition.PENDING): 3},
        {("", TrustBundleState.ENDED): 1, ("c.example/d", TrustBundleState.OK): 2},
        {POD_CERTIFICATE_REQUESTS: ApiStatus.OK, CLUSTER_TRUST_BUNDLES: ApiStatus.FORBIDDEN},
    )
    assert counted_data(counted) == {
        "podcertificaterequests": {
            "status": "ok",
            "objects": [{"signer_name": "a.example/b", "state": "pending", "count": 3}],
        },
        "clustertrustbundles": {
            "status": "forbidden",
            "objects": [
                {"signer_name": None, "state": "ended", "count": 1},
                {"signer_name": "c.example/d", "state": "ok", "count": 2},
            ],
        },
    }


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(("pool", "told"), [("pool1", "pool1"), ("", None)])
def test_an_answer_about_the_next_requests_is_told_with_its_question(
    pool: str, told: str | None, allowed: bool
) -> None:
    question = Question(Requestor.BOOTSTRAP, pool, PreflightStep.APPROVAL, "system:node:a", ("system:nodes",), "x")
    assert preflight_data(Preflight(question, allowed)) == {
        "agentpool": told,
        "requestor": "bootstrap",
        "step": "approval",
        "user": "system:node:a",
        "allowed": allowed,
    }


def test_a_signer_is_told_with_what_its_silence_costs() -> None:
    """A certificate is due from the moment at which it is asked for anew, until it ends."""
    signing = Signing("a.example/b", 3, 2, NOW - 50, NOW - 60, NOW - 1, NOW - 2)
    certificates = (
        HeldCertificate("due", NOW, NOW + 9),
        HeldCertificate("not-yet-due", NOW + 1, NOW + 8),
        HeldCertificate("ended", NOW - 9, NOW),
        HeldCertificate("about-to-end", NOW - 9, NOW + 1),
    )
    waiting = (("a", Held.CERTIFICATE), ("b", Held.CERTIFICATE), ("c", Held.NONE))
    told = {
        "signer_name": "a.example/b",
        "waiting": 3,
        "approved": 2,
        "silent_since": NOW - 50,
        "last_issued": NOW - 60,
        "waiting_nodes": {"held": 2, "none": 1, "unknown": 0},
        "due_nodes": 2,
        "first_end": {"node": "ended", "not_after": NOW},
    }
    assert signer_data(Outlook(signing, certificates, waiting), NOW) == told
    nothing = Outlook(Signing("a.example/b", 0, 0, None, None, None, None), (), ())
    assert signer_data(nothing, NOW) == {
        "signer_name": "a.example/b",
        "waiting": 0,
        "approved": 0,
        "silent_since": None,
        "last_issued": None,
        "waiting_nodes": {"held": 0, "none": 0, "unknown": 0},
        "due_nodes": 0,
        "first_end": None,
    }


TARGET = EndpointTarget("APIService", "v1", "metrics-server.kube-system.svc", 443, ("kube-system", "metrics-server"))


def test_what_answers_to_the_api_server_is_told_with_whose_it_is() -> None:
    seen = ServedEndpoint(TARGET, LEAF, False, Reason.CERTIFICATE_UNTRUSTED)
    told = {
        "kind": "APIService",
        "name": "v1",
        "address": "metrics-server.kube-system.svc:443",
        "failure_policy": "none",
        "verified": True,
        "aks_component": "metrics-server",
        "status": "ok",
        "trusted": False,
        "untrusted": "certificate_untrusted",
        "failure": None,
        "silent_since": None,
        "certificate": certificate_data(LEAF),
    }
    assert endpoint_data(seen) == told


@pytest.mark.parametrize("service", [None, ("security", "metrics-server")])
def test_what_does_not_answer_is_told_with_why_and_since_when(service: tuple[str, str] | None) -> None:
    target = replace(TARGET, service=service, failure_policy=FailurePolicy.FAIL, verified=False)
    assert endpoint_data(ServedEndpoint(target, failure=Failure(Reason.DNS, "no such host"), silent_since=NOW)) == {
        "kind": "APIService",
        "name": "v1",
        "address": "metrics-server.kube-system.svc:443",
        "failure_policy": "fail",
        "verified": False,
        "aks_component": None,
        "status": "unresolved",
        "trusted": None,
        "untrusted": None,
        "failure": {"reason": "dns", "words": "no such host"},
        "silent_since": NOW,
        "certificate": None,
    }
