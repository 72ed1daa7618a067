"""What objects have the API server call."""

import base64
import json

import pytest

from exporter.facts.kube.object_calls import (
    BundleContent,
    Call,
    ObjectCalls,
    ServiceReference,
    api_service,
    conversion,
    webhooks,
)
from exporter.facts.x509 import certificates
from exporter.reason import CaBundleStatus, FailurePolicy
from simulation.pki import YEAR, Authority

OWN = Authority("own", 0, 30 * YEAR)
TEXT = base64.b64encode(OWN.pem).decode()


def test_a_bundle_that_several_webhooks_repeat_is_read_once() -> None:
    """A configuration of a policy engine repeats one bundle a dozen times."""
    config = {"service": {"name": "policy", "namespace": "security"}, "caBundle": TEXT}
    listed = [{"clientConfig": config}, {"clientConfig": config, "failurePolicy": "Ignore"}, {"name": "no config"}]
    found = webhooks("K", json.dumps({"metadata": {"name": "w"}, "webhooks": listed}).encode())
    first, second, third = found.calls
    assert first.bundle is second.bundle
    assert first.bundle is not None
    assert first.bundle.certificates == certificates(OWN.pem)
    assert first.service == second.service == ServiceReference("policy", "security")
    assert [one.failure_policy for one in found.calls] == [
        FailurePolicy.FAIL,
        FailurePolicy.IGNORE,
        FailurePolicy.FAIL,
    ]
    assert (third.bundle, third.service, third.url) == (None, None, "")


def test_a_resource_that_nothing_converts_has_no_call_made() -> None:
    for spec in (None, {}, {"conversion": None}, {"conversion": {"strategy": "None", "webhook": None}}):
        found = conversion(json.dumps({"metadata": {"name": "a.b"}, "spec": spec}).encode())
        assert (found.kind, found.name, found.calls) == ("CustomResourceDefinition", "a.b", ())


BUNDLE = BundleContent(certificates(OWN.pem))
SERVICE = ServiceReference("policy", "security", 8443)
CONFIG = {
    "caBundle": TEXT,
    "service": {"name": "policy", "namespace": "security", "port": 8443, "path": "/x"},
    "url": "https://x.example",
}


def raw(name: str = "a.b", **content: object) -> bytes:
    return json.dumps({"metadata": {"name": name}, **content}).encode()


def test_each_kind_of_object_is_read_whole() -> None:
    whole = Call(BUNDLE, SERVICE, "https://x.example")
    spec: dict[str, object] = {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": CONFIG}}}
    assert conversion(raw(spec=spec)) == ObjectCalls("CustomResourceDefinition", "a.b", (whole,))
    spec = {"conversion": {"webhook": {"clientConfig": {}}}}
    assert conversion(raw(spec=spec)).calls == (Call(None, None),)
    for webhook in ({}, {"clientConfig": None}):
        assert conversion(raw(spec={"conversion": {"webhook": webhook}})).calls == ()
    named = Call(BUNDLE, SERVICE)
    assert api_service(raw(spec=CONFIG)) == ObjectCalls("APIService", "a.b", (named,))
    assert api_service(raw(spec=None)) == ObjectCalls("APIService", "a.b", (Call(None, None),))
    assert api_service(raw(spec={"insecureSkipTLSVerify": True})).calls == (Call(None, None, verified=False),)
    fails, ignores = (
        Call(BUNDLE, SERVICE, "https://x.example", policy) for policy in (FailurePolicy.FAIL, FailurePolicy.IGNORE)
    )
    listed = [{"clientConfig": CONFIG, "failurePolicy": policy} for policy in ("Fail", "Ignore", None, "ignore")]
    assert webhooks("K", raw(webhooks=listed)) == ObjectCalls("K", "a.b", (fails, ignores, fails, fails))
    assert webhooks("K", raw(webhooks=None)) == ObjectCalls("K", "a.b", ())
    assert webhooks("K", raw(webhooks=[{}])).calls == (Call(None, None, failure_policy=FailurePolicy.FAIL),)


@pytest.mark.parametrize("read", [api_service, conversion, lambda text: webhooks("K", text)])
def test_a_name_that_no_api_server_would_take_is_cut(read: object) -> None:
    assert read(raw("x" * 600)).name == "x" * 512  # type: ignore[operator]


CUT_OFF = OWN.pem[:200]
NO_DER = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT, BUNDLE),
        ("", None),
        ("***", BundleContent((), CaBundleStatus.MALFORMED, "it is not base64")),
        ("Cg==", BundleContent((), CaBundleStatus.EMPTY, "it is empty")),
        ("aGVsbG8=", BundleContent((), CaBundleStatus.NO_CERTIFICATE, "it holds no certificate")),
        (
            base64.b64encode(CUT_OFF).decode(),
            BundleContent((), CaBundleStatus.MALFORMED, "a certificate in it cannot be read"),
        ),
        (
            base64.b64encode(OWN.pem + CUT_OFF).decode(),
            BundleContent(BUNDLE.certificates, CaBundleStatus.MALFORMED, "a certificate in it cannot be read"),
        ),
    ],
)
def test_what_is_wrong_with_a_bundle_is_said_in_words(text: str, found: BundleContent | None) -> None:
    """A18: of the bundle, not of a file."""
    assert api_service(raw(spec={"caBundle": text})).calls == (Call(found, None),)


@pytest.mark.parametrize(("before", "number"), [(b"", 1), (OWN.pem, 2)])
def test_the_certificate_that_is_wrong_is_named_by_its_number(before: bytes, number: int) -> None:
    (call,) = api_service(raw(spec={"caBundle": base64.b64encode(before + NO_DER).decode()})).calls
    assert call.bundle is not None
    assert call.bundle.unreadable.startswith(f"certificate {number}: not a certificate: ")
