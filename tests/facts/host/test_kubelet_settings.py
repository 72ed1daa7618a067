"""Settings of a kubelet from its flags and configuration file."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.host.instance_metadata import instance_tags
from exporter.facts.host.kubelet_command import (
    KubeletCommand,
    kubelet_environment,
    linux_command,
    windows_arguments,
)
from exporter.facts.host.kubelet_configuration import KubeletConfiguration, kubelet_configuration
from exporter.facts.host.kubelet_flags import KubeletFlags
from exporter.facts.host.kubelet_settings import KubeletSettings, effective
from exporter.facts.host.read import Read
from exporter.reason import FileStatus

DEFAULT = "/etc/default/kubelet"


def flags_of(content: bytes) -> KubeletCommand:
    """What the environment file says where the unit cannot be seen."""
    read = Read(DEFAULT, FileStatus.OK, kubelet_environment(content))
    return linux_command(None, [], {DEFAULT: read}, DEFAULT)


FLAGS_2022 = (
    b"KUBELET_FLAGS=--client-ca-file=/etc/kubernetes/certs/ca.crt --feature-gates=RotateKubeletServerCertificate=true "
    b"--rotate-certificates=true --tls-cert-file=/etc/kubernetes/certs/kubeletserver.crt "
    b"--tls-private-key-file=/etc/kubernetes/certs/kubeletserver.key \nKUBELET_REGISTER_SCHEDULABLE=true\n"
)


def test_the_flags_of_an_older_pool_say_everything() -> None:
    """A feature gate that is on switches nothing on."""
    found = effective(flags_of(FLAGS_2022), [], read=False)
    certificate, key = "/etc/kubernetes/certs/kubeletserver.crt", "/etc/kubernetes/certs/kubeletserver.key"
    assert found == KubeletSettings(True, False, certificate, key)


CLIENT_GATE, SERVING_GATE = "RotateKubeletClientCertificate", "RotateKubeletServerCertificate"
NOTHING, DEFAULTS = KubeletSettings(), KubeletSettings(False, False, "", "")


def command(known: bool = False, **flags: object) -> KubeletCommand:
    return KubeletCommand(KubeletFlags(**flags), known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flags", "configurations", "read", "expected"),
    [
        (command(), [], False, NOTHING),
        (command(), [], True, DEFAULTS),
        (command(known=True), [], False, DEFAULTS),
        (command(rotate_certificates=False), [], False, DEFAULTS),
        (command(rotate_certificates=True), [], False, replace(DEFAULTS, rotate_certificates=True)),
        (command(tls_cert_file=""), [], False, DEFAULTS),
        (command(tls_cert_file="/f"), [], False, replace(DEFAULTS, tls_cert_file="/f")),
        (command(server_tls_bootstrap=True), [], False, replace(NOTHING, server_tls_bootstrap=True)),
        (command(tls_private_key_file="/p"), [], False, replace(NOTHING, tls_private_key_file="/p")),
        (command(node_ips=("10.0.0.4",)), [], False, replace(NOTHING, node_ips=("10.0.0.4",))),
        (command(), [KubeletConfiguration()], True, DEFAULTS),
        (command(), [KubeletConfiguration(True, True, "/c", "/k")], True, KubeletSettings(True, True, "/c", "/k")),
        (command(), [KubeletConfiguration(True, True, "/c", "/k")], False, KubeletSettings(True, True, "/c", "/k")),
        (
            command(),
            [KubeletConfiguration(True, False, "/c", "/k"), KubeletConfiguration(False, None, "/d")],
            True,
            KubeletSettings(False, False, "/d", "/k"),
        ),
        (
            command(
                rotate_certificates=False, server_tls_bootstrap=False, tls_cert_file="/f", tls_private_key_file="/p"
            ),
            [KubeletConfiguration(True, True, "/c", "/k")],
            True,
            KubeletSettings(False, False, "/f", "/p"),
        ),
        (
            command(tls_cert_file="", tls_private_key_file=""),
            [KubeletConfiguration(True, True, "/c", "/k")],
            True,
            KubeletSettings(True, True, "", ""),
        ),
    ],
)
def test_flags_beat_files_and_what_all_leave_out_has_its_default_where_all_were_read(
    flags: KubeletCommand, configurations: list[KubeletConfiguration], read: bool, expected: KubeletSettings
) -> None:
    """A6: as in the kubelet, for each setting on its own."""
    assert effective(flags, configurations, read=read) == expected


@pytest.mark.parametrize(
    ("below", "above", "client", "serving"),
    [
        ({CLIENT_GATE: False}, {}, False, True),
        ({CLIENT_GATE: True}, {CLIENT_GATE: False}, False, True),
        ({CLIENT_GATE: False}, {CLIENT_GATE: True}, True, True),
        ({SERVING_GATE: False}, {}, True, False),
        ({SERVING_GATE: True}, {SERVING_GATE: False}, True, False),
        ({SERVING_GATE: False}, {SERVING_GATE: True}, True, True),
        ({"AllBeta": False}, {}, True, False),
        ({"AllBeta": True}, {}, True, True),
        ({"AllBeta": False}, {SERVING_GATE: True}, True, True),
        ({"AllAlpha": False}, {"Other": False}, True, True),
    ],
)
def test_a_feature_gate_switches_rotation_off_and_never_on(
    below: dict[str, bool], above: dict[str, bool], client: bool, serving: bool
) -> None:
    """A6: AllBeta takes along the one that is beta and not set itself. A gate in a flag beats one in a file."""
    configuration = KubeletConfiguration(True, True, feature_gates=below)
    found = effective(command(feature_gates=above), [configuration], read=True)
    assert found == KubeletSettings(client, serving, "", "", serving_gate_off=not serving)
    off = effective(command(feature_gates=above), [KubeletConfiguration(feature_gates=below)], read=True)
    assert off == replace(DEFAULTS, serving_gate_off=not serving)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, NOTHING),
        ({"rotate_certificates": True, "server_tls_bootstrap": True}, NOTHING),
        ({"rotate_certificates": False}, replace(NOTHING, rotate_certificates=False)),
        ({"server_tls_bootstrap": False}, replace(NOTHING, server_tls_bootstrap=False)),
        ({"feature_gates": {CLIENT_GATE: False}}, replace(NOTHING, rotate_certificates=False)),
        (
            {"feature_gates": {SERVING_GATE: False}},
            replace(NOTHING, server_tls_bootstrap=False, serving_gate_off=True),
        ),
        ({"feature_gates": {CLIENT_GATE: True, SERVING_GATE: True}}, NOTHING),
        (
            {"tls_cert_file": "/f", "tls_private_key_file": "/p", "node_ips": ("10.0.0.4",)},
            KubeletSettings(None, None, "/f", "/p", node_ips=("10.0.0.4",)),
        ),
    ],
)
def test_what_could_not_be_read_may_switch_it_off(flags: dict[str, object], expected: KubeletSettings) -> None:
    """A6: it does not switch on again what a flag switches off. Who could not be read is told, in so many words."""
    files = [KubeletConfiguration(True, True, "/c", "/k")]
    for words, more, told in (
        ("", "/a", "/a"),
        ("/u", "", "/u"),
        ("/u", "/a", "/u, /a"),
        ("u" * 399, "a", "u" * 399 + ","),
    ):
        known = replace(command(known=True, **flags), unread=words)
        assert effective(known, files, read=True, unread=more) == replace(expected, unread=told)


@pytest.mark.parametrize(
    ("content", "rotate"),
    [
        (b"KUBELET_FLAGS=--rotate-certificates", True),
        (b"KUBELET_FLAGS=--rotate-certificates=TRUE --v=2", True),
        (b"KUBELET_FLAGS=--rotate-certificates=true --rotate-certificates=false", False),
        (b'KUBELET_FLAGS="--v=2 --rotate-certificates=false"\r\n', False),
        (b"KUBELET_FLAGS=--v=2 \\\n --rotate-certificates=true \\\n --x=y\nOTHER=1", True),
        (b"KUBELET_FLAGS=--rotate-certificates=maybe", None),
        (b"KUBELET_FLAGS=--other='unbalanced --rotate-certificates=true", None),
        (b"KUBELET_FLAGS=", None),
        (b"#KUBELET_FLAGS=--rotate-certificates\nKUBELET_FLAGS=--v=2", None),
        (b"OTHER=--rotate-certificates\nKUBELET_FLAGS=$OTHER", None),
    ],
)
def test_the_line_is_read_however_it_is_written(content: bytes, rotate: bool | None) -> None:
    """Unquoted, quoted, over several lines, with CRLF; the last of a flag counts."""
    assert flags_of(content).flags.rotate_certificates is rotate


def test_windows_arguments_are_read_from_utf_16_as_powershell_writes_it() -> None:
    """`ConvertTo-Json | Out-File` of Windows PowerShell 5.1 gives UTF-16 with a byte order mark."""
    content = json.dumps({"Kubernetes": {"Kubelet": {"ConfigArgs": ["--rotate-certificates=true"]}}}, indent=4)
    encoded = b"\xff\xfe" + content.replace("\n", "\r\n").encode("utf-16-le")
    assert windows_arguments(encoded).words == ("--rotate-certificates=true",)


@given(st.binary(max_size=400))
def test_no_bytes_make_a_parser_fail_otherwise(content: bytes) -> None:
    """A parser answers or raises ValueError."""
    for parser in (kubelet_environment, kubelet_configuration, windows_arguments, instance_tags):
        for candidate in (content, b"KUBELET_FLAGS=" + content, b'{"kind":"KubeletConfiguration",' + content + b"}"):
            try:
                parser(candidate)
            except ValueError as error:
                assert "\n" not in str(error)
