"""A declaration holds its samples to its labels and words: what does not fit is a bug, and no series."""

import math

import pytest

from exporter.metric import Metric, MetricKind, label_value

GAUGE = Metric("akscert_x", "Help.", ("node", "state"), words={"state": ("on", "off")})
COUNTER = Metric("akscert_y_total", "Help.", ("node",), MetricKind.COUNTER)
HISTOGRAM = Metric("akscert_z_seconds", "Help.", ("node",), MetricKind.HISTOGRAM)


def test_a_sample_has_its_labels_in_their_order() -> None:
    (sample,) = GAUGE.family([(("n", "on"), 1.0)]).samples
    assert (sample.name, sample.labels, sample.value) == ("akscert_x", {"node": "n", "state": "on"}, 1.0)
    (sample,) = COUNTER.family([(("n",), 2.0)]).samples
    assert (sample.name, sample.value) == ("akscert_y_total", 2.0)


@pytest.mark.parametrize("labels", [("n",), ("n", "on", "more"), ("n", "undeclared")])
def test_labels_that_do_not_fit_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="akscert_x"):
        GAUGE.family([(labels, 1.0)])


def test_a_histogram_has_buckets_up_to_infinity_and_is_no_gauge() -> None:
    family = HISTOGRAM.histogram([(("n",), ((60.0, 1), (math.inf, 3)), 90.0)])
    found = {(one.name, one.labels.get("le")): one.value for one in family.samples}
    assert found == {
        ("akscert_z_seconds_bucket", "60.0"): 1.0,
        ("akscert_z_seconds_bucket", "+Inf"): 3.0,
        ("akscert_z_seconds_count", None): 3.0,
        ("akscert_z_seconds_sum", None): 90.0,
    }
    with pytest.raises(ValueError, match="is a histogram"):
        HISTOGRAM.family([(("n",), 1.0)])


def test_a_label_can_be_left_out_with_its_words() -> None:
    assert GAUGE.without("state").family([(("n",), 1.0)]).samples[0].labels == {"node": "n"}
    assert GAUGE.without("node").words == GAUGE.words


def test_a_long_value_is_cut_and_two_stay_two() -> None:
    one, two = label_value("a" * 5000), label_value("a" * 5001)
    assert one != two
    assert len(one) == len(two) < 5000
    assert label_value("\udc80") == "?", "what is no UTF-8 is no label"
    assert label_value("ä") == "ä"
