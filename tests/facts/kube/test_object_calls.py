"""What objects have the API server call."""

import base64
import json

from exporter.facts.kube.object_calls import ServiceReference, conversion, webhooks
from exporter.facts.x509 import certificates
from exporter.reason import FailurePolicy
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
