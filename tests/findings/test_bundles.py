"""In which order caBundles are seen, and what each is about: exporter/findings/bundles.py."""

import pytest

from exporter.facts.kube.ca_bundle import Holds
from exporter.findings import Kind, Subject
from exporter.findings.bundles import HOLDS_ORDER, HOLDS_WORDS, object_subject


def test_the_worst_bundles_come_first() -> None:
    """What nobody can verify by, then what may be outdated, then what is as it should be."""
    assert HOLDS_ORDER == (Holds.ENDED, Holds.EARLY, Holds.FORMER_CA, None, Holds.OWN, Holds.CLUSTER_CA)
    assert set(HOLDS_WORDS) == set(HOLDS_ORDER) == {*Holds, None}
    assert HOLDS_WORDS[None] == "unknown"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("APIService", Subject(Kind.APISERVICE, "x")),
        ("CustomResourceDefinition", Subject(Kind.CRD, "x")),
        ("MutatingWebhookConfiguration", Subject(Kind.WEBHOOK, "MutatingWebhookConfiguration/x")),
        ("ValidatingWebhookConfiguration", Subject(Kind.WEBHOOK, "ValidatingWebhookConfiguration/x")),
    ],
)
def test_a_webhook_configuration_is_named_with_its_kind(kind: str, subject: Subject) -> None:
    """There are two kinds of them."""
    assert object_subject(kind, "x") == subject
