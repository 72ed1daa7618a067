"""EndpointSlices and Leases of the API, read."""

import json

import pytest

from exporter.facts.kube.endpoint_slice import PodAddress, endpoint_slice
from exporter.facts.kube.lease import lease_renewed
from exporter.facts.kube.metadata import ObjectError


def addresses(**changes: object) -> tuple[PodAddress, ...]:
    body: dict[str, object] = {
        "metadata": {"name": "s", "uid": "1"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.0.4", "10.1.0.5"], "nodeName": "n1", "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 9101, "protocol": "TCP"}, {"port": 9999}],
    }
    return endpoint_slice(json.dumps({**body, **changes}).encode())


def endpoint(**changes: object) -> dict[str, object]:
    return {"addresses": ["10.1.0.4"], "nodeName": "n1", **changes}


def test_a_pod_is_reached_by_its_first_address_on_the_first_port() -> None:
    assert addresses() == (PodAddress("n1", "10.1.0.4", 9101),)
    assert addresses(addressType="IPv6", ports=[{"port": 80}]) == (PodAddress("n1", "10.1.0.4", 80),)
    two = [endpoint(), endpoint(nodeName="n2", addresses=["10.1.0.9"])]
    assert [one.node for one in addresses(endpoints=two)] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("conditions", "there"),
    [
        (None, True),
        ({}, True),
        ({"ready": False, "serving": False}, True),
        ({"terminating": None}, True),
        ({"terminating": False}, True),
        ({"terminating": True}, False),
    ],
)
def test_one_that_is_not_ready_is_asked_and_one_that_goes_is_not(conditions: object, there: bool) -> None:
    assert bool(addresses(endpoints=[endpoint(conditions=conditions)])) is there


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoints": None},
        {"endpoints": []},
        {"ports": None},
        {"ports": []},
        {"ports": [{"port": 53, "protocol": "UDP"}]},
        {"ports": [{"port": None, "protocol": "TCP"}]},
        {"ports": [{"port": 0}]},
        {"addressType": "FQDN"},
        {"addressType": ""},
        {"endpoints": [endpoint(nodeName=None)]},
        {"endpoints": [endpoint(nodeName="")]},
        {"endpoints": [endpoint(addresses=[])]},
    ],
)
def test_what_leads_to_no_node_is_left_out(changes: dict[str, object]) -> None:
    assert addresses(**changes) == ()


def test_the_port_is_the_first_of_tcp() -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": None}, {"port": 9101, "protocol": None}, {"port": 1}]
    assert [one.port for one in addresses(ports=ports)] == [9101]


def test_a_lease_is_as_old_as_its_last_renewal() -> None:
    body = {"metadata": {"name": "kcm"}, "spec": {"renewTime": "2023-11-14T22:13:20.500000Z"}}
    assert lease_renewed(json.dumps(body).encode()) == 1_700_000_000.5
    for spec in (None, {}, {"renewTime": None}, {"renewTime": "now"}):
        with pytest.raises(ObjectError, match="the lease kcm has no renewTime"):
            lease_renewed(json.dumps({**body, "spec": spec}).encode())
    with pytest.raises(ObjectError, match="not the expected object"):
        lease_renewed(b"[]")
