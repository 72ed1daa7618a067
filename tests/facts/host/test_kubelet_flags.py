"""A kubelet's command line as the kubelet reads it (spf13/pflag, cmd/kubelet/app/server.go)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.host.kubelet_flags import KubeletFlags, kubelet_flags, windows_words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--rotate-certificates", KubeletFlags(rotate_certificates=True)),
        ("--rotate-certificates=false", KubeletFlags(rotate_certificates=False)),
        ("--rotate_certificates=F", KubeletFlags(rotate_certificates=False)),
        ("--rotate-certificates --rotate-certificates=0", KubeletFlags(rotate_certificates=False)),
        ("--rotate_server_certificates=t", KubeletFlags(server_tls_bootstrap=True)),
        ("--config /a --config=/b", KubeletFlags(config="/b")),
        ("--config-dir /d --cert_dir /c", KubeletFlags(config_dir="/d", cert_dir="/c")),
        ("--config --rotate-certificates", KubeletFlags(config="--rotate-certificates")),
        ("--kubeconfig=/k --bootstrap-kubeconfig /b", KubeletFlags(kubeconfig="/k", bootstrap_kubeconfig="/b")),
        ("--tls-cert-file= --tls-private-key-file=/k", KubeletFlags(tls_cert_file="", tls_private_key_file="/k")),
        ("-v 2 --hostname-override name --rotate-certificates", KubeletFlags(rotate_certificates=True)),
        ("--enable-server --rotate-certificates=false", KubeletFlags(rotate_certificates=False)),
        ("--config --x --rotate-certificates", KubeletFlags(config="--x", rotate_certificates=True)),
        ("--node-ip=10.224.0.4", KubeletFlags(node_ips=("10.224.0.4",))),
        ("--node-ip 10.224.0.4,fd00::4 --config=/c", KubeletFlags(config="/c", node_ips=("10.224.0.4", "fd00::4"))),
        ("--node_ip=$HOST", KubeletFlags()),
        ("--node-ip=", KubeletFlags()),
        ("--feature-gates=A=true,B=false", KubeletFlags(feature_gates={"A": True, "B": False})),
        ("--feature-gates A=true --feature_gates=A=F,B=1", KubeletFlags(feature_gates={"A": False, "B": True})),
    ],
)
def test_flags_are_read_as_pflag_reads_them(line: str, expected: KubeletFlags) -> None:
    """A6: underscores are dashes, a value behind `=` or in the next word, the last of a flag counts, gates add up."""
    assert kubelet_flags(line.split()) == expected


PATHS = {
    "config": "config",
    "config-dir": "config_dir",
    "kubeconfig": "kubeconfig",
    "bootstrap-kubeconfig": "bootstrap_kubeconfig",
    "cert-dir": "cert_dir",
    "tls-cert-file": "tls_cert_file",
    "tls-private-key-file": "tls_private_key_file",
    "dynamic-config-dir": "dynamic_config_dir",
}
BOOLEANS = {"rotate-certificates": "rotate_certificates", "rotate-server-certificates": "server_tls_bootstrap"}


@pytest.mark.parametrize(("flag", "name"), PATHS.items())
@pytest.mark.parametrize("form", ["--{}=/p", "--{} /p"])
def test_a_path_stands_behind_its_flag_or_in_the_next_word(flag: str, name: str, form: str) -> None:
    """A6: with dashes and with underscores, and nothing else is said by it."""
    expected = KubeletFlags(**{name: "/p"})  # type: ignore[arg-type]
    assert kubelet_flags(form.format(flag).split()) == expected
    assert kubelet_flags(form.format(flag.replace("-", "_")).split()) == expected


@pytest.mark.parametrize(("flag", "name"), BOOLEANS.items())
def test_a_boolean_takes_every_word_that_go_takes(flag: str, name: str) -> None:
    """strconv.ParseBool."""
    for word in ("1", "t", "T", "TRUE", "true", "True"):
        assert kubelet_flags([f"--{flag}={word}"]) == KubeletFlags(**{name: True})  # type: ignore[arg-type]
    for word in ("0", "f", "F", "FALSE", "false", "False"):
        assert kubelet_flags([f"--{flag}={word}"]) == KubeletFlags(**{name: False})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "--rotate-certificates false",
        "--rotate-certificates=",
        "--rotate-certificates=yes",
        "--rotate-certificates=$X",
        "--foo $OTHER",
        "$OTHER",
        "${OTHER}",
        "--config",
        "--config=$X",
        "--cloud-provider=external stray",
        "--enable-server stray",
        "--hostname-override --rotate-certificates",
        "-v --rotate-certificates",
        "---config=/a",
        "--=x",
        "-",
        "-rotate-certificates=true",
        "-- --rotate-certificates=true",
        "--config=-----BEGIN",
        "--feature-gates=RotateKubeletServerCertificate",
        "--feature-gates=RotateKubeletServerCertificate=maybe",
    ],
)
def test_a_line_that_the_kubelet_refuses_is_no_word_on_anything(line: str) -> None:
    """A6: it is not what a running kubelet was started with."""
    with pytest.raises(ValueError, match=r"\w"):
        kubelet_flags(line.split())


def test_a_line_may_end_its_flags_and_gates_may_have_empty_places() -> None:
    """As pflag and component-base take them."""
    line = "--rotate-certificates --feature-gates=,RotateKubeletServerCertificate=false, --"
    assert kubelet_flags(line.split()) == kubelet_flags(line.replace("=,", "=").replace(", --", "").split())
    assert kubelet_flags(["--"]) == KubeletFlags()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"--cert-dir=c:\k\pki --x", [r"--cert-dir=c:\k\pki", "--x"]),
        (r'--a="c:\Program Files\x" b', [r"--a=c:\Program Files\x", "b"]),
        (r"a\\\"b c\\", [r"a\"b", r"c\\"]),
        (r'"a b\\" ""', ["a b\\", ""]),
    ],
)
def test_a_windows_line_keeps_its_backslashes(line: str, words: list[str]) -> None:
    """As a Go program gets its arguments on Windows."""
    assert windows_words(line) == words


@given(st.lists(st.text("-=abcgX_$ ", max_size=12), max_size=6))
def test_no_words_end_the_parser(words: list[str]) -> None:
    """They give flags or a ValueError."""
    try:
        assert isinstance(kubelet_flags(words), KubeletFlags)
    except ValueError as error:
        assert "\n" not in str(error)
