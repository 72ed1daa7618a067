"""CAs and bundles of the control plane, and leases."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube import object_calls
from exporter.facts.kube.ca_bundle import FORMER_CAP, CaBundle, CaHistory, Holds, ca_bundle, holds, outdated
from exporter.facts.kube.config_map_ca import authentication_cas, root_ca
from exporter.facts.kube.lease import lease_renewed
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Ca, CaBundleStatus
from simulation.pki import DAY, Authority

T0 = 1_700_000_000.0
FORMER, PRESENT = Authority.cluster(T0), Authority.cluster(T0 + DAY, number=1)
OTHER = Authority("somebody", T0 - 600, T0 + 3650 * DAY, number=2)


def read(*authorities: Authority) -> tuple[Certificate, ...]:
    return certificates(b"".join(authority.pem for authority in authorities))


def api_service(raw: bytes) -> CaBundle | None:
    return ca_bundle(object_calls.api_service(raw))


def webhook_bundle(kind: str, raw: bytes) -> CaBundle | None:
    return ca_bundle(object_calls.webhooks(kind, raw))


def conversion(raw: bytes) -> CaBundle | None:
    return ca_bundle(object_calls.conversion(raw))


def bundle(*authorities: Authority) -> CaBundle:
    return CaBundle("APIService", "v1beta1.metrics.k8s.io", read(*authorities) if authorities else ())


def raw(**content: Any) -> bytes:
    return json.dumps({"metadata": {"name": "x"}, **content}).encode()


def b64(*authorities: Authority) -> str:
    return base64.b64encode(b"".join(authority.pem for authority in authorities)).decode()


def test_the_cluster_ca_is_the_bundle_of_kube_root_ca() -> None:
    """Two of them in the middle of a rotation."""
    assert root_ca(raw(data={"ca.crt": (FORMER.pem + PRESENT.pem).decode()})) == read(FORMER, PRESENT)


@pytest.mark.parametrize("data", [None, {}, {"ca.crt": ""}, {"ca.crt": "junk"}, {"ca.crt": PRESENT.pem.decode()[:300]}])
def test_a_cluster_ca_that_cannot_be_read_is_an_error(data: dict[str, str] | None) -> None:
    """Never an empty bundle."""
    with pytest.raises(ObjectError):
        root_ca(raw(data=data))


def test_client_and_request_header_ca_stand_in_one_config_map() -> None:
    """Each on its own: what is wrong with one does not hide the other."""
    data = {
        "client-ca-file": PRESENT.pem.decode(),
        "requestheader-client-ca-file": OTHER.pem.decode(),
        "requestheader-allowed-names": '["aggregator"]',
    }
    assert authentication_cas(raw(data=data)) == {Ca.CLIENT: read(PRESENT), Ca.REQUESTHEADER: read(OTHER)}
    data["requestheader-client-ca-file"] = "junk"
    cas = authentication_cas(raw(data=data))
    assert cas[Ca.CLIENT] == read(PRESENT)
    assert isinstance(cas[Ca.REQUESTHEADER], ObjectError)
    assert authentication_cas(raw(data={"client-ca-file": PRESENT.pem.decode()})) == {Ca.CLIENT: read(PRESENT)}
    assert authentication_cas(raw()) == {}


def test_an_api_service_may_have_a_bundle() -> None:
    """Local ones and those with insecureSkipTLSVerify have none."""
    found = api_service(raw(spec={"caBundle": b64(FORMER)}))
    assert found == CaBundle("APIService", "x", read(FORMER))
    for spec in ({}, {"caBundle": ""}, {"caBundle": None, "insecureSkipTLSVerify": True}, None):
        assert api_service(raw(spec=spec)) is None


def test_a_webhook_configuration_has_one_bundle_of_all_its_webhooks() -> None:
    """Repeated ones count once; a webhook without one is passed over."""
    configurations = [
        {"name": "a", "clientConfig": {"caBundle": b64(FORMER)}},
        {"name": "b", "clientConfig": {"caBundle": b64(FORMER)}},
        {"name": "c", "clientConfig": {"caBundle": b64(OTHER)}},
        {"name": "d", "clientConfig": {"url": "https://example.com"}},
        {"name": "e"},
    ]
    found = webhook_bundle("MutatingWebhookConfiguration", raw(webhooks=configurations))
    assert found == CaBundle("MutatingWebhookConfiguration", "x", read(FORMER, OTHER))
    assert webhook_bundle("MutatingWebhookConfiguration", raw(webhooks=[])) is None
    assert webhook_bundle("MutatingWebhookConfiguration", raw()) is None


SERVICE = {"name": "webhook", "namespace": "kube-system"}
STATUSES = {
    "absent": (None, CaBundleStatus.EMPTY),
    "nothing": ("", CaBundleStatus.EMPTY),
    "a placeholder": ("Cg==", CaBundleStatus.EMPTY),
    "spaces": (base64.b64encode(b"  \n\t").decode(), CaBundleStatus.EMPTY),
    "text": (base64.b64encode(b"to be filled in").decode(), CaBundleStatus.NO_CERTIFICATE),
    "DER": (base64.b64encode(b"\x30\x82\x01\x00abc").decode(), CaBundleStatus.NO_CERTIFICATE),
    "no base64": ("***", CaBundleStatus.MALFORMED),
    "PEM itself": (FORMER.pem.decode(), CaBundleStatus.MALFORMED),
    "cut off": (b64(FORMER)[:400], CaBundleStatus.MALFORMED),
    "junk in PEM": (
        base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode(),
        CaBundleStatus.MALFORMED,
    ),
    "good": (b64(PRESENT), CaBundleStatus.OK),
    "good in lines": ("\n".join([b64(PRESENT)[:76], b64(PRESENT)[76:]]), CaBundleStatus.OK),
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_bundle_has_a_status_and_words_that_speak_of_a_bundle(name: str) -> None:
    """A18: whatever is there, in each kind of object."""
    text, expected = STATUSES[name]
    config = {"service": SERVICE, **({} if text is None else {"caBundle": text})}
    definition = {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": config}}}
    for found in (
        webhook_bundle("MutatingWebhookConfiguration", raw(webhooks=[{"name": "a", "clientConfig": config}])),
        api_service(raw(spec=config)),
        conversion(raw(spec=definition)),
    ):
        assert found is not None
        assert found.status is expected
        assert bool(found.unreadable) == (expected is not CaBundleStatus.OK)
        assert "file" not in found.unreadable
        assert "kubelet" not in found.unreadable


def test_the_worst_of_several_bundles_counts_and_the_good_ones_are_read() -> None:
    """A18: one bad beside one good, in one configuration or in one bundle."""
    configs = [{"clientConfig": {"service": SERVICE, "caBundle": text}} for text in (b64(PRESENT), "***", "Cg==")]
    found = webhook_bundle("ValidatingWebhookConfiguration", raw(webhooks=configs))
    assert found is not None
    assert (found.status, found.certificates) == (CaBundleStatus.MALFORMED, read(PRESENT))
    half = base64.b64encode(PRESENT.pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
    both = api_service(raw(spec={"service": SERVICE, "caBundle": half}))
    assert both is not None
    assert (both.status, both.certificates) == (CaBundleStatus.MALFORMED, read(PRESENT))


def test_what_needs_no_bundle_has_no_status() -> None:
    """A18: a local APIService, one that skips verification, a webhook with a public certificate, no conversion."""
    assert api_service(raw(spec={"service": None})) is None
    assert api_service(raw(spec={"service": SERVICE, "insecureSkipTLSVerify": True})) is None
    public = [{"clientConfig": {"url": "https://policy.contoso.com"}}]
    assert webhook_bundle("ValidatingWebhookConfiguration", raw(webhooks=public)) is None
    for spec in ({}, {"conversion": None}, {"conversion": {"strategy": "None"}}, None):
        assert conversion(raw(spec=spec)) is None


@pytest.mark.parametrize("text", ["%%%", "anVuaw==", b64(FORMER)[:400]])
def test_an_unreadable_bundle_is_there_and_says_so(text: str) -> None:
    """The others beside it count."""
    configurations = [{"clientConfig": {"caBundle": text}}, {"clientConfig": {"caBundle": b64(PRESENT)}}]
    found = webhook_bundle("ValidatingWebhookConfiguration", raw(webhooks=configurations))
    assert found is not None
    assert found.certificates == read(PRESENT)
    assert found.unreadable


def test_a_bundle_is_outdated_that_holds_a_former_ca_and_not_the_present_one() -> None:
    """All have the same name; the key decides."""
    history = CaHistory()
    history.observe(read(FORMER))
    assert not outdated(bundle(FORMER), read(FORMER), history.former)
    history.observe(read(FORMER, PRESENT))
    assert not outdated(bundle(FORMER), read(FORMER, PRESENT), history.former)
    history.observe(read(PRESENT))
    assert outdated(bundle(FORMER), read(PRESENT), history.former)
    assert outdated(bundle(FORMER, OTHER), read(PRESENT), history.former)
    assert outdated(bundle(FORMER, PRESENT), read(PRESENT), history.former) is False
    assert not outdated(bundle(OTHER), read(PRESENT), history.former)
    assert not outdated(bundle(), read(PRESENT), history.former)


def test_an_agent_that_began_after_the_rotation_knows_the_former_ca_by_its_likeness() -> None:
    """The nodes were made anew and the agent with them: an older CA of the same name and lifetime was the cluster's."""
    before, present = Authority.cluster(T0 - 400 * DAY, number=7), Authority.cluster(T0, number=8)
    assert outdated(bundle(before), read(present), frozenset())
    assert not outdated(bundle(present), read(before), frozenset())  # a newer one may be on its way
    assert not outdated(bundle(before, present), read(present), frozenset())
    own = Authority("ca", T0 - 400 * DAY, T0 + 3250 * DAY, number=9)  # somebody's own CA of that name, for ten years
    assert not outdated(bundle(own), read(present), frozenset())
    named = Authority("webhook-ca", T0 - 400 * DAY - 600, T0 + (30 * 365 - 400) * DAY, number=9)
    assert not outdated(bundle(named), read(present), frozenset())


def test_a_ca_issued_again_for_its_key_is_the_same_ca() -> None:
    """What it signed verifies as before."""
    history = CaHistory()
    history.observe(read(FORMER))
    again = Authority.cluster(T0 + 9 * DAY)
    history.observe(read(again))
    assert history.former == frozenset()
    assert not outdated(bundle(FORMER), read(again), history.former)


def test_a_rotation_taken_back_makes_the_former_ca_present() -> None:
    """And the other one former."""
    history = CaHistory()
    for authority in (FORMER, PRESENT, FORMER):
        history.observe(read(authority))
    assert not outdated(bundle(FORMER), read(FORMER), history.former)
    assert outdated(bundle(PRESENT), read(FORMER), history.former)


def test_the_memory_of_former_cas_is_bounded_and_nothing_is_no_news() -> None:
    """The oldest goes first; an empty bundle is one that could not be read."""
    assert FORMER_CAP == 16
    history = CaHistory()
    numbers = range(FORMER_CAP + 4)
    for number in numbers:
        history.observe(read(Authority.cluster(T0, number=number)))
        history.observe(())
    assert len(history.former) == FORMER_CAP
    present = read(Authority.cluster(T0, number=numbers[-1]))
    assert outdated(bundle(Authority.cluster(T0, number=numbers[-2])), present, history.former)
    assert not outdated(bundle(Authority.cluster(T0, number=0)), present, history.former)


def test_a_lease_tells_when_it_was_renewed() -> None:
    """To the microsecond."""
    spec = {"holderIdentity": "x", "leaseDurationSeconds": 15, "renewTime": "2023-11-14T22:13:20.500000Z"}
    assert lease_renewed(raw(spec=spec)) == T0 + 0.5


@pytest.mark.parametrize("spec", [None, {}, {"renewTime": None}, {"renewTime": "yesterday"}, {"renewTime": 5}])
def test_a_lease_without_a_time_is_an_error(spec: object) -> None:
    """Never 0."""
    with pytest.raises(ObjectError):
        lease_renewed(raw(spec=spec))


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_bytes_are_facts_or_an_object_error(content: bytes, text: str) -> None:
    """Nothing else is raised, by any of the readers."""
    for reader in (root_ca, authentication_cas, api_service, lease_renewed):
        with pytest.raises(ObjectError):
            reader(content)
    assert api_service(raw(spec={"caBundle": text or "x"})) is not None
    with pytest.raises(ObjectError):
        root_ca(raw(data={"ca.crt": text}))


def test_a_bad_member_beside_a_good_one_is_told_and_the_good_one_counts() -> None:
    """A18: within one caBundle as well as in two of one configuration."""
    text = base64.b64encode(PRESENT.pem + PRESENT.pem[:200]).decode()
    held = api_service(raw(metadata={"name": "x"}, spec={"caBundle": text}))
    assert held is not None
    assert held.certificates == read(PRESENT)
    assert held.unreadable


END = T0 + 30 * 365 * DAY
YOUNG = Authority("young", T0 + DAY, T0 + 2 * DAY, number=3)


@pytest.mark.parametrize(
    ("authorities", "now", "found"),
    [
        ((PRESENT,), T0 + 2 * DAY, Holds.CLUSTER_CA),
        ((OTHER, PRESENT), T0 + 2 * DAY, Holds.CLUSTER_CA),
        ((PRESENT, FORMER), T0 + 2 * DAY, Holds.CLUSTER_CA),
        ((OTHER,), T0 + 2 * DAY, Holds.OWN),
        ((FORMER,), T0 + 2 * DAY, Holds.FORMER_CA),
        ((FORMER,), END + DAY, Holds.FORMER_CA),
        ((FORMER, OTHER), T0 - 700, Holds.FORMER_CA),
        ((YOUNG,), T0 + DAY - 1, Holds.EARLY),
        ((YOUNG,), T0 + DAY, Holds.OWN),
        ((YOUNG,), T0 + 2 * DAY - 1, Holds.OWN),
        ((YOUNG,), T0 + 2 * DAY, Holds.ENDED),
        ((YOUNG, OTHER), T0 + 2 * DAY, Holds.OWN),
        ((YOUNG, OTHER), T0 + DAY - 1, Holds.OWN),
        ((PRESENT,), T0, Holds.EARLY),
        ((PRESENT,), END + DAY, Holds.ENDED),
    ],
)
def test_what_a_bundle_is_good_for(authorities: tuple[Authority, ...], now: float, found: Holds) -> None:
    """A former CA first, whenever it is: that is what is to be mended."""
    former = CaHistory()
    former.observe(read(FORMER))
    former.observe(read(PRESENT))
    assert holds(bundle(*authorities), read(PRESENT), former.former, now) is found
    assert [one.value for one in Holds] == ["cluster_ca", "former_ca", "own", "ended", "early"]


def test_a_bundle_begins_with_the_first_of_its_certificates() -> None:
    assert bundle(YOUNG, OTHER).begins == T0 - 600
    assert bundle(YOUNG).begins == T0 + DAY


def test_a_ca_is_known_by_its_key_and_where_that_cannot_be_read_by_its_bytes() -> None:
    """Two whose keys cannot be read are not one."""
    first, second = (replace(one, public_key_sha256="") for one in read(OTHER, YOUNG))
    history = CaHistory()
    history.observe((first,))
    history.observe((second,))
    assert history.former == {first.fingerprint_sha256}
    history.observe((first, *read(PRESENT)))
    assert history.former == {second.fingerprint_sha256}
    history.observe(read(PRESENT))
    assert history.former == {first.fingerprint_sha256, second.fingerprint_sha256}
    assert CaBundle("k", "n", (first,)).status is CaBundleStatus.OK


def test_only_a_ca_that_issued_itself_looks_like_a_former_one() -> None:
    (old,) = read(Authority.cluster(T0 - 400 * DAY, number=7))
    for changes, expected in (
        ({}, True),
        ({"subject": "CN=other", "issuer": "CN=other"}, False),
        ({"issuer": "CN=other"}, False),
        ({"not_after": old.not_after + 1}, False),
    ):
        found = replace(old, **changes)
        assert outdated(CaBundle("k", "n", (found,)), read(PRESENT), frozenset()) is expected, changes
    same = replace(old, not_before=read(PRESENT)[0].not_before, not_after=read(PRESENT)[0].not_after)
    assert outdated(CaBundle("k", "n", (same,)), read(PRESENT), frozenset()) is False


def test_the_words_of_the_worst_bundle_are_told() -> None:
    configs = [{"clientConfig": {"service": SERVICE, **more}} for more in ({}, {"caBundle": "***"}, {})]
    found = webhook_bundle("K", raw(webhooks=configs))
    assert found == CaBundle("K", "x", (), "it is not base64", CaBundleStatus.MALFORMED)
    found = webhook_bundle("K", raw(webhooks=configs[:1]))
    assert found == CaBundle("K", "x", (), "there is none", CaBundleStatus.EMPTY)
