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
    windows_command,
)
from exporter.facts.host.kubelet_configuration import KubeletConfiguration, kubelet_configuration, merged
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


def test_a_file_without_the_line_is_malformed() -> None:
    """No KUBELET_FLAGS is not the same as no flags."""
    with pytest.raises(ValueError, match="no KUBELET_FLAGS"):
        kubelet_environment(b"KUBELET_NODE_LABELS=a=b\n")


def test_a_false_value_left_out_of_the_configuration_is_false() -> None:
    """The kubelet's configuration is written with omitempty."""
    nothing = kubelet_configuration(b'{"kind":"KubeletConfiguration"}')
    assert effective(KubeletCommand(), [nothing], read=True) == KubeletSettings(False, False, "", "")
    content = b'{"kind":"KubeletConfiguration","serverTLSBootstrap":true,"rotateCertificates":true}'
    assert kubelet_configuration(content) == KubeletConfiguration(True, True)
    assert kubelet_configuration(b"kind: KubeletConfiguration\nrotateCertificates: true\n").rotate_certificates is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"kind":"Config"}',
        b"\xff\xfe\x00",
        b'{"kind":"KubeletConfiguration","rotateCertificates":"yes"}',
        b'{"kind":"KubeletConfiguration","tlsCertFile":7}',
        b'{"kind":"KubeletConfiguration","featureGates":{"A":"true"}}',
        b'{"kind":"KubeletConfiguration","apiVersion":"v1"}',
        b"[" * 50_000,
        b'{"kind":"KubeletConfiguration","x":' + b"[" * 20_000,
    ],
)
def test_junk_in_place_of_the_configuration_is_one_line_of_error(content: bytes) -> None:
    """Whatever it is, it is a ValueError with a message that fits a line."""
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        kubelet_configuration(content)


def test_flags_override_the_configuration() -> None:
    """As in the kubelet, for each setting on its own."""
    flags = KubeletCommand(KubeletFlags(server_tls_bootstrap=False))
    found = effective(flags, [KubeletConfiguration(True, True, "/x.crt")], read=True)
    assert found == KubeletSettings(True, False, "/x.crt", "")
    assert effective(KubeletCommand(), [], read=False) == KubeletSettings()


@given(st.lists(st.builds(KubeletConfiguration, *[st.none() | st.booleans()] * 2, st.none() | st.sampled_from("ab"))))
def test_the_last_file_that_names_a_setting_decides_it(files: list[KubeletConfiguration]) -> None:
    """A6: whatever comes before it."""
    result = KubeletConfiguration()
    for one in files:
        result = merged(result, one)
    for name in ("rotate_certificates", "server_tls_bootstrap", "tls_cert_file"):
        said = [value for one in files if (value := getattr(one, name)) is not None]
        assert getattr(result, name) == (said[-1] if said else None)


@pytest.mark.parametrize("below", [True, False])
def test_windows_arguments_stand_in_the_cluster_configuration(below: bool) -> None:
    """As a list of flags, beside the switch of secure TLS bootstrapping."""
    kubelet: dict[str, object] = {
        "ConfigArgs": ["--rotate-certificates=true", "--rotate-server-certificates=true", "--cert-dir=c:\\k\\pki"]
    }
    loaded: dict[str, object] = {"Kubernetes": {"Kubelet": kubelet}}
    if below:
        kubelet["SecureTLSBootstrapArgs"] = {"Enabled": True}
    else:
        loaded["SecureTLSBootstrapArgs"] = {"Enabled": "true"}
    found = windows_arguments(b"\xef\xbb\xbf" + json.dumps(loaded).encode().replace(b"\n", b"\r\n"))
    assert found.secure_tls_bootstrapping
    command = windows_command(Read("", FileStatus.OK, found))
    flags = KubeletFlags(rotate_certificates=True, server_tls_bootstrap=True, cert_dir="c:\\k\\pki")
    assert command == KubeletCommand(flags, known=True)


def test_windows_arguments_are_read_from_utf_16_as_powershell_writes_it() -> None:
    """`ConvertTo-Json | Out-File` of Windows PowerShell 5.1 gives UTF-16 with a byte order mark."""
    content = json.dumps({"Kubernetes": {"Kubelet": {"ConfigArgs": ["--rotate-certificates=true"]}}}, indent=4)
    encoded = b"\xff\xfe" + content.replace("\n", "\r\n").encode("utf-16-le")
    assert windows_arguments(encoded).words == ("--rotate-certificates=true",)


def test_of_the_instance_metadata_only_the_tags_are_kept() -> None:
    """In their order, since AKS goes by the first that matches."""
    content = {"compute": {"customData": "secret", "tagsList": [{"name": "a", "value": "b"}, {"name": "c"}]}}
    assert instance_tags(json.dumps(content).encode()) == (("a", "b"), ("c", ""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, r"no Kubernetes\.Kubelet"),
        ({"Kubernetes": []}, r"no Kubernetes\.Kubelet"),
        ({"Kubernetes": {"Kubelet": "--x"}}, r"no Kubernetes\.Kubelet"),
        ({"Kubernetes": {"Kubelet": {"ConfigArgs": {"--x": 1}}}}, "not a list of strings"),
        ({"Kubernetes": {"Kubelet": {"ConfigArgs": ["--x", 1]}}}, "not a list of strings"),
    ],
)
def test_a_windows_configuration_of_another_form_says_nothing(content: object, words: str) -> None:
    """A6: and what it lacks is told."""
    with pytest.raises(ValueError, match=words):
        windows_arguments(json.dumps(content).encode())


def test_windows_arguments_may_be_one_line_and_the_kubelet_may_refuse_them() -> None:
    """A6: a kubelet that does not start with its flags was started with others."""
    line = {"Kubernetes": {"Kubelet": {"ConfigArgs": "--rotate-certificates=true"}}}
    found = windows_arguments(json.dumps(line).encode())
    assert found.words == ("--rotate-certificates=true",)
    refused = windows_command(Read("", FileStatus.OK, replace(found, words=("--rotate-certificates=maybe",))))
    assert refused.unread.startswith("the kubelet would not start with its flags: ")
    assert windows_command(Read("", FileStatus.OK, replace(found, words=()))) == KubeletCommand(KubeletFlags())
    assert windows_command(None).unread == ""
    assert windows_command(Read("k.json", FileStatus.MALFORMED)).unread == "k.json"


@pytest.mark.parametrize("content", [{}, {"compute": []}, {"compute": {}}, {"compute": {"tagsList": "a:b"}}])
def test_an_answer_without_tags_is_none(content: object) -> None:
    with pytest.raises(ValueError, match="no compute"):
        instance_tags(json.dumps(content).encode())


@given(st.binary(max_size=400))
def test_no_bytes_make_a_parser_fail_otherwise(content: bytes) -> None:
    """A parser answers or raises ValueError."""
    for parser in (kubelet_environment, kubelet_configuration, windows_arguments, instance_tags):
        for candidate in (content, b"KUBELET_FLAGS=" + content, b'{"kind":"KubeletConfiguration",' + content + b"}"):
            try:
                parser(candidate)
            except ValueError as error:
                assert "\n" not in str(error)
