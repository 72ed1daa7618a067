"""CSR objects of the API, read."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, csr, requestor
from exporter.facts.kube.metadata import ObjectError
from exporter.reason import CsrCondition, Requestor
from simulation.pki import Authority, certificate_request

NODE = "aks-nodepool1-12345678-vmss000000"
T0 = 1_700_000_000.0
CA = Authority.cluster(T0)
REQUEST = certificate_request(NODE)
ISSUED = CA.kubelet_client(NODE, T0)
APPROVED = {"type": "Approved", "status": "True", "reason": "AutoApproved", "lastUpdateTime": "2023-11-14T22:13:21Z"}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def body(
    username: str = "system:bootstrap:abc123",
    *,
    request: bytes = REQUEST,
    conditions: list[dict[str, Any]] | None = None,
    certificate: bytes = b"",
) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if conditions:
        status["conditions"] = conditions
    if certificate:
        status["certificate"] = b64(certificate)
    return {
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "csr-8mx4w", "uid": "6f0c1c9e", "creationTimestamp": "2023-11-14T22:13:20Z"},
        "spec": {
            "signerName": CLIENT_SIGNER,
            "username": username,
            "groups": ["system:bootstrappers"],
            "usages": ["digital signature", "client auth"],
            "request": b64(request),
        },
        "status": status,
    }


def raw(**changes: Any) -> bytes:
    return json.dumps(body(**changes)).encode()


def test_a_bootstrapping_kubelets_request_is_read_whole() -> None:
    """The issued one of a token bootstrap."""
    found = csr(raw(conditions=[APPROVED], certificate=ISSUED.certificate_pem))
    assert (found.uid, found.name, found.signer_name) == ("6f0c1c9e", "csr-8mx4w", CLIENT_SIGNER)
    assert (found.requestor, found.node, found.condition) == (Requestor.BOOTSTRAP, NODE, CsrCondition.ISSUED)
    assert (found.created, found.answered, found.words) == (T0, T0 + 1, "")
    assert found.certificate is not None
    assert found.certificate.fingerprint_sha256 == ISSUED.fingerprint_sha256


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        (f"system:node:{NODE}", Requestor.NODE),
        ("system:bootstrap:abc123", Requestor.BOOTSTRAP),
        ("aksService", Requestor.AKS_SERVICE),
        ("alice@contoso.com", Requestor.OTHER),
        ("system:serviceaccount:kube-system:generic-garbage-collector", Requestor.OTHER),
        ("system:nodes", Requestor.OTHER),
        ("", Requestor.OTHER),
    ],
)
def test_the_requestor_is_a_class_of_the_user_name(username: str, expected: Requestor) -> None:
    """The four classes."""
    assert requestor(username) is expected


@pytest.mark.parametrize("username", ["aksService", "system:bootstrap:abc123", f"system:node:{NODE}"])
def test_the_node_is_the_one_the_certificate_is_for(username: str) -> None:
    """G7: many nodes share one bootstrap token, and with secure TLS bootstrapping the user name does not tell it."""
    assert csr(raw(username=username)).node == NODE


@pytest.mark.parametrize(
    ("username", "node"),
    [("alice", ""), ("system:serviceaccount:kube-system:x", ""), ("system:node:another", "another")],
)
def test_a_claim_is_not_believed_against_who_made_it(username: str, node: str) -> None:
    """G8: anybody may write `system:node:ghost` into a request; a node speaks for itself only."""
    assert csr(raw(username=username)).node == node


@pytest.mark.parametrize("request_bytes", [b"", b"junk", REQUEST[:200], b"-----BEGIN CERTIFICATE REQUEST-----\n-----"])
def test_an_unreadable_request_costs_the_name_alone(request_bytes: bytes) -> None:
    """A node's user name still tells which it is."""
    found = csr(raw(request=request_bytes, username="aksService", conditions=[APPROVED]))
    assert (found.node, found.requestor, found.condition) == ("", Requestor.AKS_SERVICE, CsrCondition.APPROVED)
    assert csr(raw(request=request_bytes, username=f"system:node:{NODE}")).node == NODE


def test_a_request_that_is_not_base64_costs_the_name_alone() -> None:
    """As before."""
    content = body()
    content["spec"]["request"] = "%%%"
    assert csr(json.dumps(content).encode()).node == ""


def test_an_unreadable_certificate_is_issued_all_the_same() -> None:
    """Issued is a certificate that is there."""
    found = csr(raw(conditions=[APPROVED], certificate=b"junk"))
    assert (found.condition, found.certificate) == (CsrCondition.ISSUED, None)


def condition(kind: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": "True", **more}


@pytest.mark.parametrize(
    ("conditions", "certificate", "expected", "words"),
    [
        ([], b"", CsrCondition.PENDING, ""),
        ([condition("Approved", reason="AutoApproved")], b"", CsrCondition.APPROVED, ""),
        ([condition("Approved")], ISSUED.certificate_pem, CsrCondition.ISSUED, ""),
        (
            [condition("Denied", reason="Policy", message="no such\nnode")],
            b"",
            CsrCondition.DENIED,
            "Policy: no such node",
        ),
        (
            [
                condition("Approved"),
                condition("Failed", reason="SignerValidationFailure", message="bad usages"),
            ],
            b"",
            CsrCondition.FAILED,
            "SignerValidationFailure: bad usages",
        ),
        ([condition("Denied"), condition("Failed")], b"", CsrCondition.DENIED, ""),
        ([condition("SomethingNew")], b"", CsrCondition.PENDING, ""),
        ([{"type": "Approved"}], b"", CsrCondition.APPROVED, ""),
        ([condition("Failed") | {"status": "False"}], b"", CsrCondition.PENDING, ""),
    ],
)
def test_the_condition_is_the_furthest_it_came(
    conditions: list[dict[str, Any]], certificate: bytes, expected: CsrCondition, words: str
) -> None:
    """A CSR may be approved and failed; issued is no condition of the API."""
    found = csr(raw(conditions=conditions, certificate=certificate))
    assert (found.condition, found.words) == (expected, words)


def test_a_serving_request_bears_its_signer() -> None:
    """And status may be missing, or null, or hold nulls."""
    content = body(username=f"system:node:{NODE}", request=certificate_request(NODE, names=(NODE, "10.224.0.4")))
    content["spec"]["signerName"] = SERVING_SIGNER
    content["status"] = None
    assert csr(json.dumps(content).encode()).signer_name == SERVING_SIGNER
    content["status"] = {"conditions": None, "certificate": None}
    assert csr(json.dumps(content).encode()).condition is CsrCondition.PENDING


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"metadata":{}}', b'{"metadata":{"name":"x"},"spec":{}}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_csr_is_an_error_of_one_line(content: bytes) -> None:
    """Whatever JSON it is."""
    with pytest.raises(ObjectError) as caught:
        csr(content)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_no_bytes_in_a_request_or_certificate_lose_the_csr(request: bytes, certificate: bytes) -> None:
    """They come from whoever may create a CSR."""
    found = csr(raw(request=request, certificate=certificate))
    assert found.condition is (CsrCondition.ISSUED if certificate else CsrCondition.PENDING)


@given(st.integers(0, len(REQUEST) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_request_is_read_or_passed_over(place: int, damage: bytes) -> None:
    """Near misses of a real one."""
    found = csr(raw(request=REQUEST[:place] + damage + REQUEST[place + len(damage) :]))
    assert found.condition is CsrCondition.PENDING


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    )
)
def test_any_json_in_the_status_is_a_csr_or_an_error(status: object) -> None:
    """Nothing else is raised."""
    content = body() | {"status": status}
    try:
        assert csr(json.dumps(content).encode()).name == "csr-8mx4w"
    except ObjectError:
        assert status is not None
