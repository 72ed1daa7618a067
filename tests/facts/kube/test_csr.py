"""CSR objects of the API, read."""

import base64
import json
import warnings
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.csr import (
    CLIENT_SIGNER,
    SERVING_SIGNER,
    SIGNER_ROLES,
    CertificateIdentity,
    Csr,
    csr,
    requestor,
)
from exporter.facts.kube.metadata import ObjectError
from exporter.reason import CsrCondition, Requestor, Role
from simulation.pki import Authority, certificate_request, new_key

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


def changed(**more: Any) -> bytes:
    """With other members of its metadata, spec or status."""
    content = body(username=f"system:node:{NODE}")
    for part, members in more.items():
        content[part] |= members
    return json.dumps(content).encode()


def test_a_request_of_a_kubelet_is_read_whole() -> None:
    condition = {"type": "Denied", "reason": "Policy", "message": "no", "lastTransitionTime": "2023-11-14T22:13:25Z"}
    content = changed(
        metadata={"resourceVersion": "4711"}, spec={"expirationSeconds": 600}, status={"conditions": [condition]}
    )
    assert csr(content) == Csr(
        uid="6f0c1c9e",
        name="csr-8mx4w",
        signer_name=CLIENT_SIGNER,
        username=f"system:node:{NODE}",
        requestor=Requestor.NODE,
        node=NODE,
        condition=CsrCondition.DENIED,
        created=T0,
        answered=T0 + 5,
        words="Policy: no",
        expiration_seconds=600,
        revision=4711,
    )
    assert {SERVING_SIGNER: Role.KUBELET_SERVING, CLIENT_SIGNER: Role.KUBELET_CLIENT} == SIGNER_ROLES
    assert csr(changed(metadata={"uid": ""})).uid == "csr-8mx4w"
    names = ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving")
    assert names == (CLIENT_SIGNER, SERVING_SIGNER)


def test_what_is_not_told_is_empty_or_0() -> None:
    bare = Csr("u", "n", CLIENT_SIGNER, "", Requestor.OTHER, "", CsrCondition.PENDING, T0)
    assert (bare.answered, bare.words, bare.certificate, bare.expiration_seconds) == (None, "", None, None)
    assert bare.revision == 0
    assert CertificateIdentity("1", "2") == CertificateIdentity("1", "2", 0.0, 0.0)


def test_the_certificate_that_was_issued_is_told_from_all_others() -> None:
    found = csr(changed(status={"certificate": b64(ISSUED.certificate_pem + CA.pem)}))
    assert found.certificate == CertificateIdentity(
        ISSUED.serial_number, ISSUED.fingerprint_sha256, ISSUED.not_before, ISSUED.not_after
    )


@pytest.mark.parametrize(
    ("times", "answered"),
    [
        ({}, None),
        ({"lastUpdateTime": "2023-11-14T22:13:21Z", "lastTransitionTime": "2023-11-14T22:13:25Z"}, T0 + 1),
        ({"lastUpdateTime": None, "lastTransitionTime": "2023-11-14T22:13:25Z"}, T0 + 5),
        ({"lastUpdateTime": "now"}, None),
    ],
)
def test_an_answer_is_as_old_as_its_condition_says(times: dict[str, str | None], answered: float | None) -> None:
    for kind in ("Approved", "Denied", "Failed"):
        found = csr(changed(status={"conditions": [{"type": kind, **times}, {"type": "SomethingNew"}]}))
        assert found.answered == answered
    issued = {"conditions": [{"type": "Approved", **times}], "certificate": b64(ISSUED.certificate_pem)}
    assert csr(changed(status=issued)).answered == answered


@pytest.mark.parametrize(
    ("version", "revision"),
    [("", 0), ("7", 7), ("9" * 19, 10**19 - 1), ("9" * 20, 0), ("-7", 0), ("a7", 0), ("٧", 0)],
)
def test_a_revision_is_a_number_of_19_digits_at_most(version: str, revision: int) -> None:
    """What the API promises is a text; 0: not told."""
    assert csr(changed(metadata={"resourceVersion": version})).revision == revision


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"reason": "Policy"}, "Policy"),
        ({"message": "no"}, "no"),
        ({"reason": "", "message": ""}, ""),
        ({"reason": "R", "message": "x" * 197}, f"R: {'x' * 197}"),
        ({"reason": "R", "message": "x" * 198}, f"R: {'x' * 197}"),
    ],
)
def test_the_words_of_a_refusal_are_200_characters_at_most(answer: dict[str, str], words: str) -> None:
    assert csr(changed(status={"conditions": [{"type": "Denied", **answer}]})).words == words


def der(content: bytes, label: str) -> bytes:
    return f"-----BEGIN {label}-----\n{b64(content)}\n-----END {label}-----\n".encode()


def test_a_request_or_a_certificate_of_a_version_that_there_is_none_of_costs_what_is_in_it() -> None:
    """G8: an API server takes both (Go reads no version of a request)."""
    content = x509.load_pem_x509_csr(REQUEST).public_bytes(Encoding.DER)
    request = der(content.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1), "CERTIFICATE REQUEST")
    content = ISSUED.certificate.public_bytes(Encoding.DER)
    issued = der(content.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1), "CERTIFICATE")
    found = csr(raw(username="aksService", request=request, certificate=issued))
    assert (found.node, found.condition, found.certificate) == ("", CsrCondition.ISSUED, None)


def test_what_the_library_warns_of_is_read_without_a_word() -> None:
    """A common name of more than 64 characters, and a serial number below 0."""
    node = "n" * 100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}", _validate=False)])
    long = x509.CertificateSigningRequestBuilder().subject_name(name).sign(new_key(), SHA256())
    plain = ISSUED.certificate.public_bytes(Encoding.DER)
    serial = ISSUED.certificate.serial_number.to_bytes(20)
    negative = der(plain.replace(serial, b"\x80" + serial[1:], 1), "CERTIFICATE")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = csr(raw(request=long.public_bytes(Encoding.PEM), certificate=negative))
    assert (found.node, found.certificate is not None, told) == (node, True, [])
