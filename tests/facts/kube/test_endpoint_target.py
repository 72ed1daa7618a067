"""Whom the API server calls because of an object, and whom it trusts there."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.kube.endpoint_target import MOST_TARGETS, EndpointTarget, endpoint_targets
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.object_calls import Call, ObjectCalls, ServiceReference, api_service, conversion
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


def config(service: object = SERVICE, **more: object) -> dict[str, Any]:
    return {"clientConfig": {"service": service, **more}}


def test_an_endpoint_is_told_whole_however_many_webhooks_share_it() -> None:
    """In whichever order their policies come."""
    one, other = (certificates(each.pem) for each in (OWN, OTHER))
    first = EndpointTarget(KIND, "w", "policy.security.svc", 443, ("security", "policy"), FailurePolicy.FAIL)
    ignored = config(caBundle=bundle(OTHER)) | {"failurePolicy": "Ignore"}
    assert webhooks(config(caBundle=bundle(OWN))) == (replace(first, trusts=(one,)),)
    assert webhooks(ignored) == (replace(first, failure_policy=FailurePolicy.IGNORE, trusts=(other,)),)
    assert webhooks(config(caBundle=bundle(OWN)), ignored) == (replace(first, trusts=(one, other)),)
    assert webhooks(ignored, config(caBundle=bundle(OWN))) == (replace(first, trusts=(other, one)),)
    assert webhooks(config(), ignored) == (replace(first, trusts=(None, other)),)
    assert (first.key, first.address) == (f"{KIND}/w policy.security.svc:443", "policy.security.svc:443")
    assert replace(first, host="fd00::1").key == f"{KIND}/w [fd00::1]:443"


NONE, IGNORE, FAIL = FailurePolicy.NONE, FailurePolicy.IGNORE, FailurePolicy.FAIL


@pytest.mark.parametrize(
    ("policies", "strictest"),
    [((NONE, NONE), NONE), ((NONE, IGNORE), IGNORE), ((IGNORE, IGNORE), IGNORE), ((FAIL, NONE, IGNORE), FAIL)],
)
def test_the_strictest_policy_counts(policies: tuple[FailurePolicy, ...], strictest: FailurePolicy) -> None:
    """An object without such a choice is the least strict one."""
    calls = tuple(Call(None, ServiceReference("policy", "security"), failure_policy=one) for one in policies)
    assert [one.failure_policy for one in endpoint_targets(ObjectCalls(KIND, "w", calls))] == [strictest]


@pytest.mark.parametrize(
    "service", [{}, {"name": "x"}, {"namespace": "x"}, {"name": "", "namespace": "x"}, {"name": "x", "namespace": ""}]
)
def test_a_service_without_its_name_or_namespace_is_none(service: dict[str, str]) -> None:
    """The URL counts where there is one."""
    assert webhooks(config(service)) == ()
    assert [one.address for one in webhooks(config(service, url="https://hooks.example"))] == ["hooks.example:443"]


@pytest.mark.parametrize(("port", "called"), [(1, True), (65535, True), (65536, False)])
def test_a_port_is_one_of_tcp(port: int, called: bool) -> None:
    assert [one.port for one in webhooks(config({**SERVICE, "port": port}))] == ([port] if called else [])


def test_an_object_has_a_hundred_endpoints_at_most() -> None:
    """One that is there already gains a bundle all the same."""
    many = [config({**SERVICE, "port": port}) for port in range(1, MOST_TARGETS + 2)]
    found = webhooks(*many, config({**SERVICE, "port": 1}, caBundle=bundle(OWN)))
    assert [one.port for one in found] == list(range(1, 101))
    assert found[0].trusts == (None, certificates(OWN.pem))


def test_names_that_no_api_server_would_take_are_cut() -> None:
    (found,) = webhooks(config({"name": "a" * 600, "namespace": "b" * 600}))
    assert found.service == ("b" * 512, "a" * 512)
    (found,) = webhooks(config(None, url=f"https://{'c' * 600}"))
    assert found.host == "c" * 512
