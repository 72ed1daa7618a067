"""A kubelet's /metrics and /configz are read for what they say of certificates, however they come in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.kubelet_metrics import (
    LONGEST_LINE,
    KubeletConfig,
    KubeletMetrics,
    MetricsReader,
    kubelet_config,
)
from simulation.node.kubelet_api import KubeletApi

pytestmark = pytest.mark.hypothesis

TEXT = KubeletApi(
    client_not_after=1000.0, server_not_after=2000.0, client_renew_errors=3, server_renew_errors=4, clock=lambda: 0.0
).metrics()
SAID = KubeletMetrics(client_ttl=1000.0, server_ttl=2000.0, client_renew_errors=3.0, server_renew_errors=4.0)


def read(text: bytes, size: int = 65536) -> tuple[KubeletMetrics, int]:
    """What is said, and how many bytes of it were needed."""
    reader, needed = MetricsReader(), 0
    for begin in range(0, len(text), size):
        if reader.done:
            break
        reader.feed(text[begin : begin + size])
        needed = begin + size
    return reader.result(), needed


def test_the_rest_is_left_unread_once_the_certificates_are_past() -> None:
    """Families come sorted by name: what follows kubelet_server_… says nothing of certificates."""
    said, needed = read(TEXT.encode(), 4096)
    assert said == SAID
    assert needed < len(TEXT)


@given(st.integers(1, 5000))
def test_pieces_make_no_difference(size: int) -> None:
    """A sample may be cut anywhere."""
    assert read(TEXT.encode(), size)[0] == SAID


def test_another_order_is_read_to_its_end() -> None:
    """Where the text is not sorted, nothing is left out."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert read("\n".join(reversed(lines)).encode())[0] == SAID


def test_an_order_that_broke_once_is_never_trusted_again() -> None:
    """A kubelet's own counter may come behind what the names of the last samples promise."""
    every = [line for line in TEXT.splitlines() if not line.startswith("#")]
    last = [line for line in every if "_server_" in line]
    reader = MetricsReader()
    for line in ("zzz 1", *(one for one in every if one not in last), "zzz 2", *last):
        assert not reader.done
        reader.feed(f"{line}\n".encode())
    assert reader.result() == SAID


def test_without_what_every_kubelet_tells_the_text_is_read_to_its_end() -> None:
    """Only then is it sure that it was not there: a kubelet that rotates nothing has no such family."""
    lines = [line for line in TEXT.splitlines(keepends=True) if "certificate_manager_client" not in line]
    said, needed = read("".join(lines).encode(), 4096)
    assert said == KubeletMetrics(server_ttl=2000.0, server_renew_errors=4.0)
    assert needed >= sum(map(len, lines))


def test_what_only_rotated_serving_certificates_bring_is_not_waited_for() -> None:
    """Without serverTLSBootstrap there is neither a server's TTL nor its counter."""
    lines = [line for line in TEXT.splitlines(keepends=True) if "_server_" not in line]
    said, needed = read("".join(lines).encode(), 4096)
    assert said == KubeletMetrics(client_ttl=1000.0, client_renew_errors=3.0)
    assert needed < sum(map(len, lines))


def test_a_name_in_a_comment_or_a_label_is_no_sample() -> None:
    name = "kubelet_certificate_manager_client_ttl_seconds"
    text = f'# HELP {name} {name} 7\n# TYPE {name} gauge\nother{{name="{name}"}} 8\n  {name} 9\n'
    assert read(text.encode())[0].client_ttl == 9.0


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("kubelet_certificate_manager_client_ttl_seconds +Inf", math.inf),
        ("kubelet_certificate_manager_client_ttl_seconds -3600", -3600.0),
        ("kubelet_certificate_manager_client_ttl_seconds 3.1e+07", 3.1e7),
        ("kubelet_certificate_manager_client_ttl_seconds 12 1700000000000", 12.0),
        ('kubelet_certificate_manager_client_ttl_seconds{a="b c"} 12', 12.0),
        ("kubelet_certificate_manager_client_ttl_seconds NaN", None),
        ("kubelet_certificate_manager_client_ttl_seconds", None),
        ("kubelet_certificate_manager_client_ttl_seconds x", None),
        ("kubelet_certificate_manager_client_ttl_seconds_total 12", None),
    ],
)
def test_a_value_is_a_number_or_not_told(line: str, value: float | None) -> None:
    """K1: +Inf is told as such; nonsense is no word at all."""
    assert read(line.encode())[0].client_ttl == value


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """ValueError or a reading, nothing else."""
    try:
        read(content, 7)
    except ValueError as error:
        assert str(error)


CLIENT, ERRORS, SERVER = (
    b"kubelet_certificate_manager_client_ttl_seconds",
    b"kubelet_certificate_manager_client_expiration_renew_errors",
    b"kubelet_server_expiration_renew_errors",
)


def done(*lines: bytes) -> list[bool]:
    """After each of the lines, whether the rest can be left unread."""
    reader, found = MetricsReader(), []
    for line in lines:
        reader.feed(line + b"\n")
        found.append(reader.done)
    return found


def test_the_rest_is_left_once_a_later_name_is_there_and_both_that_every_kubelet_tells() -> None:
    """Further samples of the last family may follow; what is no number was not told."""
    told = (ERRORS + b" 0", CLIENT + b" 1")
    assert done(*told, SERVER + b" 2", SERVER + b'{a="b"} 3', b"kubelet_z 1") == [False] * 4 + [True]
    assert done(*told, b"kubelet_z 1", b"# a comment", b"", b"a 1") == [False, False, True, True, True, False]
    assert done(*told[:1], b"kubelet_z 1") == done(*told[1:], b"kubelet_z 1") == [False, False]
    assert done(told[0], CLIENT + b" NaN", b"kubelet_z 1") == [False] * 3


@pytest.mark.parametrize("text", [b"a", b"a\n# c\n", b"\n\na 1\n\n", b"# c\na{b} 1\n#\n # d", b"\na\n#"])
def test_a_text_with_a_sample_is_one_of_a_kubelets(text: bytes) -> None:
    """Whichever it is."""
    assert read(text)[0] == KubeletMetrics()


@pytest.mark.parametrize("text", [b"", b"\n", b"# a\n# b", b"#a", b" \n\t\n", b"{a} 1", b"{" + CLIENT + b"} 1"])
def test_a_text_without_one_is_none(text: bytes) -> None:
    """Nor is what names no metric before its labels."""
    with pytest.raises(ValueError, match=r"^no metrics$"):
        read(text)


def test_a_line_is_read_up_to_a_bound() -> None:
    """The bytes may come from anybody."""
    reader = MetricsReader()
    reader.feed(b"a" * LONGEST_LINE)
    with pytest.raises(ValueError, match=r"^a line without end$"):
        reader.feed(b"a")
    assert LONGEST_LINE == 65536


def test_a_line_that_ends_the_text_counts_as_well() -> None:
    """Also where it has no end of its own."""
    assert read(b"a 1\n" + CLIENT + b" 5")[0] == KubeletMetrics(client_ttl=5.0)
    assert read(CLIENT + b" 5\r\n\n" + SERVER + b" 7")[0] == KubeletMetrics(client_ttl=5.0, server_renew_errors=7.0)


ON = {"rotateCertificates": True, "serverTLSBootstrap": True}


@pytest.mark.parametrize(
    ("told", "found", "client", "serving"),
    [
        ({}, (False, False, "", True), False, False),
        (ON, (True, True, "", True), True, True),
        ({"rotateCertificates": True}, (True, False, "", True), True, False),
        ({"serverTLSBootstrap": True}, (False, True, "", True), False, True),
        ({**ON, "tlsCertFile": "/x.crt"}, (True, True, "/x.crt", True), True, False),
        ({**ON, "featureGates": {"RotateKubeletServerCertificate": False}}, (True, True, "", False), True, False),
        ({**ON, "featureGates": {"RotateKubeletServerCertificate": True}}, (True, True, "", True), True, True),
        ({**ON, "featureGates": {"Other": False}}, (True, True, "", True), True, True),
        ({**ON, "featureGates": [], "tlsCertFile": None}, (True, True, "", True), True, True),
        ({"rotateCertificates": "yes", "serverTLSBootstrap": 1, "tlsCertFile": 5}, (False, False, "", True), 0, 0),
    ],
)
def test_a_configuration_is_read_whole(
    told: dict[str, object], found: tuple[bool, bool, str, bool], client: bool, serving: bool
) -> None:
    config = kubelet_config({"kubeletconfig": told})
    assert config == KubeletConfig(*found)
    assert (config.client_rotation, config.serving_rotation) == (client, serving)
    assert kubelet_config({"kubeletconfig": dict(told)}) is config


def test_what_is_off_is_left_out_of_configz() -> None:
    """KubeletConfiguration omits false: absent is off, and a fixed certificate or a gate is too."""
    assert kubelet_config({"kubeletconfig": {"port": 10250}}).client_rotation is False
    on = {"rotateCertificates": True, "serverTLSBootstrap": True}
    assert kubelet_config({"kubeletconfig": on}).serving_rotation is True
    for off in ({"tlsCertFile": "/x.crt"}, {"featureGates": {"RotateKubeletServerCertificate": False}}):
        assert kubelet_config({"kubeletconfig": {**on, **off}}).serving_rotation is False
    nonsenses: tuple[object, ...] = (None, [], "x", {}, {"kubeletconfig": []})
    for nonsense in nonsenses:
        with pytest.raises(ValueError, match="no kubeletconfig"):
            kubelet_config(nonsense)
