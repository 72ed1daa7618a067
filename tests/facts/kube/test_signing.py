"""Whether anybody signs, as the requests and leases tell."""

from dataclasses import replace

import pytest

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrLedger
from exporter.facts.kube.signing import Signing, signing
from exporter.reason import Lease, Requestor
from tests.facts.kube.csrs import APPROVED, HOUR, ISSUED, T0, request


def test_nobody_has_signed_for_eleven_minutes_and_seven_requests_wait() -> None:
    """G13: of nodes that have one request or more, approved or not; what somebody else asks for does not count."""
    ledger = CsrLedger()
    ledger.put(request("last", T0, ISSUED, node="n0"), T0 + 1, live=True)
    for number in range(5):
        ledger.put(request(f"p{number}", T0 + 60 + number, node=f"n{number % 4}"), T0 + 100)
    for number in range(2):
        ledger.put(request(f"a{number}", T0 + 90, APPROVED, node=f"m{number}"), T0 + 100)
    ledger.put(replace(request("alice", T0), requestor=Requestor.OTHER, node=""), T0 + 100)
    _, serving = signing(ledger.totals(), {Lease.KUBE_CONTROLLER_MANAGER: T0 + 2})
    assert serving == Signing(SERVING_SIGNER, 5, 2, T0 + 60, T0 + 1, None, T0 + 2, ("n0", "n1", "n2", "n3", "m0", "m1"))
    assert serving.total == 7
    assert serving.silent_since == T0 + 60


def test_a_certificate_since_then_is_a_sign_of_life() -> None:
    """Of whichever node: the request that was passed over is that node's trouble, and no proof that nobody signs."""
    ledger = CsrLedger()
    ledger.put(request("waits", T0, node="n1"), T0)
    ledger.put(request("signed", T0 + 60, ISSUED, node="n2"), T0 + HOUR, live=True)
    (serving,) = [one for one in signing(ledger.totals(), {}) if one.signer_name == SERVING_SIGNER]
    assert (serving.total, serving.silent_since, serving.nodes) == (1, None, ())
    ledger.put(request("later", T0 + HOUR + 5, node="n3"), T0 + HOUR + 6)
    (serving,) = [one for one in signing(ledger.totals(), {}) if one.signer_name == SERVING_SIGNER]
    assert (serving.total, serving.silent_since, serving.nodes) == (2, T0 + HOUR + 5, ("n3",))


@pytest.mark.parametrize(("waited", "counts"), [(60, True), (61, False)])
def test_a_request_was_passed_over_that_had_waited_for_a_minute_when_another_was_signed(
    waited: int, counts: bool
) -> None:
    """A healthy cluster answers each within that."""
    ledger = CsrLedger()
    ledger.put(request("waits", T0, node="n1"), T0)
    ledger.put(request("signed", T0, ISSUED, node="n2"), T0 + waited, live=True)
    (serving,) = [one for one in signing(ledger.totals(), {}) if one.signer_name == SERVING_SIGNER]
    assert serving.silent_since == (T0 + waited if counts else None)
    assert serving.nodes == (("n1",) if counts else ())


def test_where_nothing_waits_nobody_is_silent() -> None:
    """A cluster asks for a certificate a few times in a year."""
    client, serving = signing(CsrLedger().totals(), {Lease.KUBELET_SERVING_CSR_APPROVER: T0})
    assert (client.signer_name, client.silent_since) == (CLIENT_SIGNER, None)
    assert (serving.approver_renewed, serving.signer_renewed) == (T0, None)
    assert signing(None, {}) == ()


@pytest.mark.parametrize(
    ("waiting", "approved", "since", "last", "silent"),
    [
        (0, 0, None, None, None),
        (1, 0, None, T0, None),
        (0, 0, T0, None, None),
        (1, 0, T0, None, T0),
        (0, 1, T0, T0 - 1, T0),
        (1, 1, T0, T0 + 1, T0 + 1),
    ],
)
def test_nobody_has_signed_since_the_later_of_a_request_and_a_certificate(
    waiting: int, approved: int, since: float | None, last: float | None, silent: float | None
) -> None:
    found = Signing(SERVING_SIGNER, waiting, approved, since, last, None, None)
    assert (found.total, found.silent_since) == (waiting + approved, silent)


def test_each_signer_has_its_own_requests_and_its_own_approver() -> None:
    ledger = CsrLedger()
    ledger.put(request("c", T0, signer_name=CLIENT_SIGNER, node="n1", requestor=Requestor.BOOTSTRAP), T0)
    ledger.put(request("d", T0 + 5, signer_name=CLIENT_SIGNER, node="n2", requestor=Requestor.AKS_SERVICE), T0 + 5)
    ledger.put(request("s", T0 + 7, APPROVED, node="n3"), T0 + 7)
    leases = {Lease.KUBE_CONTROLLER_MANAGER: T0 + 1, Lease.KUBELET_SERVING_CSR_APPROVER: T0 + 2}
    assert signing(ledger.totals(), leases) == (
        Signing(CLIENT_SIGNER, 2, 0, T0, None, T0 + 1, T0 + 1, ("n1", "n2")),
        Signing(SERVING_SIGNER, 0, 1, T0 + 7, None, T0 + 2, T0 + 1, ("n3",)),
    )
