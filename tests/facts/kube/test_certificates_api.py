"""The newer kinds of certificates.k8s.io: which are served, and what each object comes to."""

import json

import pytest

from exporter.facts.kube.certificates_api import (
    CLUSTER_TRUST_BUNDLES,
    GROUP,
    KINDS,
    POD_CERTIFICATE_REQUESTS,
    SIGNERS_CAP,
    Counted,
    pod_certificate_request,
    served,
    tallied,
    trust_bundle,
    versions,
)
from exporter.facts.kube.metadata import ObjectError
from exporter.reason import CsrCondition, TrustBundleState
from simulation.pki import DAY, Authority

NOW = 1_800_000_000.0
LIVING, ENDED = Authority("a", NOW - DAY, NOW + DAY).pem.decode(), Authority("b", NOW - DAY, NOW - 1).pem.decode()


@pytest.mark.parametrize("raw", [b"{}", b'{"versions":null}', b'{"versions":[]}', b'{"versions":[{"version":"v9"}]}'])
def test_a_group_of_no_version_that_is_known_here_has_none(raw: bytes) -> None:
    assert versions(raw) == ()


def test_the_best_version_goes_first_wherever_it_is_listed() -> None:
    found = versions(b'{"versions":[{"version":"v1alpha1"},{"version":"v1beta1"},{"version":"v1"}]}')
    assert found == versions(b'{"versions":[{"version":"v1"},{"version":"v1beta1"},{"version":"v1alpha1"}]}')
    assert found == ("v1", "v1beta1", "v1alpha1")


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (None, set()),
        ([], set()),
        (["certificatesigningrequests"], set()),
        (["podcertificaterequests", "x"], {POD_CERTIFICATE_REQUESTS}),
        (["clustertrustbundles", "x"], {CLUSTER_TRUST_BUNDLES}),
        ([POD_CERTIFICATE_REQUESTS, CLUSTER_TRUST_BUNDLES], {POD_CERTIFICATE_REQUESTS, CLUSTER_TRUST_BUNDLES}),
    ],
)
def test_which_kinds_an_api_server_has(names: list[str] | None, kinds: set[str]) -> None:
    resources = None if names is None else [{"name": name} for name in names]
    assert served(json.dumps({"resources": resources}).encode()) == kinds


@pytest.mark.parametrize("read", [versions, served, pod_certificate_request])
def test_what_is_no_object_is_refused(read: object) -> None:
    with pytest.raises(ObjectError):
        read(b"[]")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (None, CsrCondition.PENDING),
        ([], CsrCondition.PENDING),
        ([{"type": "Issued"}], CsrCondition.ISSUED),
        ([{"type": "Issued", "status": "True"}], CsrCondition.ISSUED),
        ([{"type": "Issued", "status": "False"}], CsrCondition.PENDING),
        ([{"type": "Denied"}], CsrCondition.DENIED),
        ([{"type": "Failed"}], CsrCondition.FAILED),
        ([{"type": "Suggested"}], CsrCondition.PENDING),
        ([{"type": "Suggested"}, {"type": "Failed"}], CsrCondition.FAILED),
        ([{"type": "Denied"}, {"type": "Issued"}], CsrCondition.ISSUED),
    ],
)
def test_a_pods_request_is_as_its_conditions_say(conditions: list[dict[str, str]] | None, found: CsrCondition) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"signerName": "x/y"}, "status": {"conditions": conditions}}
    assert pod_certificate_request(json.dumps(body).encode()) == ("x/y", found)
    del body["status"]
    assert pod_certificate_request(json.dumps(body).encode()) == ("x/y", CsrCondition.PENDING)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (LIVING, TrustBundleState.OK),
        (ENDED, TrustBundleState.ENDED),
        (ENDED + LIVING, TrustBundleState.OK),
        ("", TrustBundleState.EMPTY),
        ("no certificate", TrustBundleState.EMPTY),
        ("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", TrustBundleState.MALFORMED),
        (LIVING + "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", TrustBundleState.MALFORMED),
    ],
)
def test_a_trust_bundle_is_good_for_what_it_holds(text: str, state: TrustBundleState) -> None:
    for signer in (None, "", "x/y"):
        body = {"metadata": {"name": "a"}, "spec": {"signerName": signer, "trustBundle": text}}
        assert trust_bundle(json.dumps(body).encode(), NOW) == (signer or "", state)


def test_a_bundle_has_ended_with_its_last_second() -> None:
    body = json.dumps({"metadata": {"name": "a"}, "spec": {"trustBundle": ENDED}}).encode()
    assert [trust_bundle(body, NOW - 1 + at)[1] for at in (-1, 0)] == [TrustBundleState.OK, TrustBundleState.ENDED]


def test_signers_beyond_the_cap_are_counted_together() -> None:
    """Those that are known go on being counted by their names."""
    assert SIGNERS_CAP == 50
    names = [f"s{number}" for number in range(SIGNERS_CAP + 2)]
    found = tallied([(name, "x") for name in (*names, "s0", "s0", names[-1])])
    assert len(found) == SIGNERS_CAP + 1
    assert (found["s0", "x"], found["s1", "x"]) == (3, 1)
    assert sum(found.values()) == len(names) + 3
    assert {name for name, _ in found} - set(names) == {"other"}
    assert found["other", "x"] == 3


def test_what_nobody_has_counted_is_empty() -> None:
    assert Counted() == Counted({}, {}, {})
    assert (GROUP, KINDS) == ("certificates.k8s.io", ("podcertificaterequests", "clustertrustbundles"))


def test_a_signer_that_no_api_server_would_take_is_cut() -> None:
    spec = {"signerName": "x" * 600, "trustBundle": LIVING}
    raw = json.dumps({"metadata": {"name": "a"}, "spec": spec}).encode()
    assert pod_certificate_request(raw) == ("x" * 512, CsrCondition.PENDING)
    assert trust_bundle(raw, NOW) == ("x" * 512, TrustBundleState.OK)
