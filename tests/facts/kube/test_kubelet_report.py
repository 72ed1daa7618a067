"""What came of asking a kubelet, with what its metrics tell and in the light of the former look."""

import math
from dataclasses import replace

import pytest

from exporter.facts.kube.kubelet_metrics import KubeletConfig, KubeletMetrics
from exporter.facts.kube.kubelet_report import LAST, SAME, KubeletReport, followed, with_metrics
from exporter.facts.x509 import certificates
from exporter.reason import KubeletStatus, Role
from simulation.pki import DAY, Authority

NOW = 1_800_000_000.0
OK = KubeletReport("n", KubeletStatus.OK)
SERVED = certificates(Authority.cluster(NOW).issue("n", NOW, NOW + DAY).certificate_pem)
CONFIG = KubeletConfig(rotate_certificates=True, server_tls_bootstrap=True, tls_cert_file="", serving_gate=True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, False),
        ({"detail": "x", "client_not_after": NOW, "renew_errors": ((Role.KUBELET_CLIENT, 1.0),)}, False),
        ({"served": SERVED}, True),
        ({"no_certificate": True}, True),
        ({"config": CONFIG}, True),
        ({"client_certificate": True}, True),
        ({"client_certificate": False}, True),
    ],
)
def test_a_kubelet_told_something_where_anything_of_its_certificates_is_known(
    changes: dict[str, object], told: bool
) -> None:
    assert replace(OK, **changes).told is told  # type: ignore[arg-type]


CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING


@pytest.mark.parametrize(
    ("metrics", "valid", "end", "errors"),
    [
        (KubeletMetrics(), None, None, ()),
        (KubeletMetrics(client_ttl=100.4), True, NOW + 100, ()),
        (KubeletMetrics(client_ttl=100.6), True, NOW + 101, ()),
        (KubeletMetrics(client_ttl=-5.0), True, NOW - 5, ()),
        (KubeletMetrics(client_ttl=-NOW), True, 0.0, ()),
        (KubeletMetrics(client_ttl=-NOW - 1), True, None, ()),
        (KubeletMetrics(client_ttl=LAST - NOW), True, LAST, ()),
        (KubeletMetrics(client_ttl=LAST - NOW + 1), True, None, ()),
        (KubeletMetrics(client_ttl=math.inf), False, None, ()),
        (KubeletMetrics(client_renew_errors=0.0), None, None, ((CLIENT, 0.0),)),
        (KubeletMetrics(server_ttl=9.0, server_renew_errors=2.0), None, None, ((SERVING, 2.0),)),
        (
            KubeletMetrics(client_ttl=1.0, client_renew_errors=3.0, server_renew_errors=0.0),
            True,
            NOW + 1,
            ((CLIENT, 3.0), (SERVING, 0.0)),
        ),
    ],
)
def test_a_client_certificate_ends_as_its_ttl_says(
    metrics: KubeletMetrics, valid: bool | None, end: float | None, errors: tuple[tuple[Role, float], ...]
) -> None:
    """In whole seconds, of the years that X.509 has (RFC 5280 §4.1.2.5); +Inf: there is none. The rest is kept."""
    assert LAST == 253402300799.0
    report = replace(OK, detail="d", served=SERVED, config=CONFIG)
    expected = replace(report, client_certificate=valid, client_not_after=end, renew_errors=errors)
    assert with_metrics(report, metrics, NOW) == expected


def ending(at: float | None, valid: bool | None = True, node: str = "n") -> KubeletReport:
    return replace(OK, node=node, client_certificate=valid, client_not_after=at)


END = NOW + DAY


@pytest.mark.parametrize(
    ("former", "report", "now", "end"),
    [
        (None, ending(END), NOW, END),
        (ending(None), ending(END), NOW, END),
        (ending(None, valid=False), ending(None, valid=False), NOW, None),
        (ending(END), ending(END + SAME), NOW, END),
        (ending(END), ending(END - SAME), NOW, END),
        (ending(END), ending(END + SAME + 1), NOW, END + SAME + 1),
        (ending(END), ending(END - SAME - 1), NOW, END - SAME - 1),
        (ending(END), ending(END + SAME + 1), END, END + SAME + 1),
        (ending(END), ending(None, valid=False), NOW, END),
        (ending(END), ending(None, valid=None), END - SAME - 1, None),
        (ending(END), ending(None, valid=None), END - SAME, END),
        (ending(END), ending(None, valid=None), END + DAY, END),
        (ending(END), ending(None, valid=True), END + DAY, None),
    ],
)
def test_the_end_of_a_client_certificate_is_kept_where_it_is_the_same_one(
    former: KubeletReport | None, report: KubeletReport, now: float, end: float | None
) -> None:
    """K1: also once it has ended, and of a kubelet that has been silent since it did."""
    assert SAME == 120.0
    assert followed(former, report, now) == replace(report, client_not_after=end)
