"""Whom the API server calls because of an object, and whom it trusts there."""

import base64
import json
from typing import Any

import pytest

from exporter.facts.kube.endpoint_target import EndpointTarget, endpoint_targets
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.object_calls import api_service, conversion
from exporter.facts.kube.object_calls import webhooks as webhook_calls
from exporter.facts.x509 import certificates
from exporter.reason import FailurePolicy
from simulation.pki import YEAR, Authority

OWN, OTHER = Authority("own", 0, 30 * YEAR), Authority("other", 0, 30 * YEAR, number=1)
KIND = "ValidatingWebhookConfiguration"
SERVICE = {"name": "policy", "namespace": "security", "path": "/validate"}


def bundle(*authorities: Authority) -> str:
    return base64.b64encode(b"".join(one.pem for one in authorities)).decode()


def webhooks(*configs: dict[str, Any]) -> tuple[EndpointTarget, ...]:
    raw = json.dumps({"metadata": {"name": "w"}, "webhooks": list(configs)}).encode()
    return endpoint_targets(webhook_calls(KIND, raw))


def test_a_webhook_is_called_by_its_services_name() -> None:
    """On port 443 where none is named; failurePolicy is Fail where none is given."""
    (found,) = webhooks({"clientConfig": {"service": SERVICE, "caBundle": bundle(OWN)}})
    assert (found.host, found.port, found.service) == ("policy.security.svc", 443, ("security", "policy"))
    assert (found.address, found.failure_policy, found.verified) == (
        "policy.security.svc:443",
        FailurePolicy.FAIL,
        True,
    )
    assert found.trusts == (certificates(OWN.pem),)


def test_webhooks_that_share_an_address_are_one_endpoint() -> None:
    """A18: with the strictest policy, and each bundle by itself: one that does not fit is not helped by another."""
    (found,) = webhooks(
        {"clientConfig": {"service": SERVICE, "caBundle": bundle(OWN)}, "failurePolicy": "Ignore"},
        {"clientConfig": {"service": SERVICE, "caBundle": bundle(OTHER)}, "failurePolicy": "Fail"},
        {"clientConfig": {"service": SERVICE, "caBundle": bundle(OWN)}, "failurePolicy": "Ignore"},
    )
    assert found.failure_policy is FailurePolicy.FAIL
    assert found.trusts == (certificates(OWN.pem), certificates(OTHER.pem))


def test_another_port_is_another_endpoint() -> None:
    found = webhooks({"clientConfig": {"service": SERVICE}}, {"clientConfig": {"service": {**SERVICE, "port": 8443}}})
    assert [one.address for one in found] == ["policy.security.svc:443", "policy.security.svc:8443"]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example/validate", "hooks.example:443"),
        ("https://hooks.example:8443/", "hooks.example:8443"),
        ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"),
        ("http://hooks.example/", None),
        ("https://", None),
        ("https://hooks.example:none/", None),
        ("https://[", None),
        ("https://hooks.example:0/", "hooks.example:443"),
    ],
)
def test_a_webhook_may_have_a_url(url: str, address: str | None) -> None:
    """Without a caBundle it is verified by the roots of the API server's host."""
    found = webhooks({"clientConfig": {"url": url}})
    assert [one.address for one in found] == ([address] if address else [])
    assert all(one.service is None and one.trusts == (None,) for one in found)


@pytest.mark.parametrize("text", ["***", "Cg==", bundle(OWN)[:-40]])
def test_a_bundle_that_cannot_be_read_trusts_nobody(text: str) -> None:
    """A18: the API server cannot use it either; it does not fall back to the host's roots."""
    (found,) = webhooks({"clientConfig": {"service": SERVICE, "caBundle": text}})
    assert found.trusts == ((),)


def test_an_api_service_may_be_local_or_unverified() -> None:
    """insecureSkipTLSVerify: the API server looks at no certificate there."""
    local = {"metadata": {"name": "v1.apps"}, "spec": {"group": "apps", "version": "v1"}}
    assert endpoint_targets(api_service(json.dumps(local).encode())) == ()
    service = {"name": "metrics-server", "namespace": "kube-system", "port": 4443}
    unverified = {"metadata": {"name": "m"}, "spec": {"service": service, "insecureSkipTLSVerify": True}}
    (found,) = endpoint_targets(api_service(json.dumps(unverified).encode()))
    assert (found.verified, found.trusts, found.port) == (False, (), 4443)
    assert found.failure_policy is FailurePolicy.NONE


def test_a_conversion_is_called_where_there_is_one() -> None:
    config = {"service": {"name": "c", "namespace": "n"}, "caBundle": bundle(OWN)}
    raw = {
        "metadata": {"name": "a.b"},
        "spec": {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": config}}},
    }
    (found,) = endpoint_targets(conversion(json.dumps(raw, separators=(",", ":")).encode()))
    assert (found.kind, found.address) == ("CustomResourceDefinition", "c.n.svc:443")
    none = {"metadata": {"name": "a.b"}, "spec": {"conversion": {"strategy": "None"}}}
    assert endpoint_targets(conversion(json.dumps(none).encode())) == ()


@pytest.mark.parametrize(
    "config", [{}, {"clientConfig": None}, {"clientConfig": {}}, {"clientConfig": {"service": {"name": "x"}}}]
)
def test_a_webhook_that_calls_nobody_has_no_endpoint(config: dict[str, Any]) -> None:
    assert webhooks(config) == ()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_not_called(port: int) -> None:
    """0 is what Go has where nothing is set: 443."""
    found = webhooks({"clientConfig": {"service": {**SERVICE, "port": port}}})
    assert [one.port for one in found] == ([443] if port == 0 else [])


def test_what_is_no_such_object_is_refused() -> None:
    with pytest.raises(ObjectError):
        webhook_calls(KIND, b'{"metadata": {"name": "w"}, "webhooks": [{"clientConfig": {"service": 3}}]}')
