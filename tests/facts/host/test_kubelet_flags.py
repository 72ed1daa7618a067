"""A kubelet's command line as the kubelet reads it (spf13/pflag, cmd/kubelet/app/server.go)."""

import re

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


SWITCHES = re.findall(
    r"\S+",
    """
    add-dir-header allow-privileged alsologtostderr anonymous-auth authentication-token-webhook cgroups-per-qos
    contention-profiling cpu-cfs-quota enable-controller-attach-detach enable-debugging-handlers enable-load-reader
    enable-server exit-on-lock-contention experimental-allocatable-ignore-eviction
    experimental-check-node-capabilities-before-mount fail-swap-on help keep-terminated-pod-volumes
    kernel-memcg-notification local-storage-capacity-isolation logtostderr make-iptables-util-chains one-output
    protect-kernel-defaults really-crash-for-testing redirect-container-streaming register-node register-schedulable
    rotate-certificates rotate-server-certificates runonce seccomp-default serialize-image-pulls skip-headers
    skip-log-headers version
    """,
)


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_word_behind_a_boolean_of_the_kubelet_is_not_its_value(switch: str) -> None:
    """A6: cmd/kubelet/app/options. Behind any other flag it may be."""
    for form in (switch, switch.replace("-", "_")):
        assert kubelet_flags([f"--{form}", "--config=/c"]).config == "/c"
        with pytest.raises(ValueError, match=r"\Aa word that is no flag\Z"):
            kubelet_flags([f"--{form}", "value"])
        with pytest.raises(ValueError, match=r"\A--config may be the value of the flag before it\Z"):
            kubelet_flags([f"--x{form}", "--config=/c"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-- x", "a word that is no flag follows --"),
        ("--x=1 -- x", "a word that is no flag follows --"),
        ("---x", "a flag without a name"),
        ("--=x", "a flag without a name"),
        ("--_x", "a flag without a name"),
        ("--x --cert-dir=/c", "--cert-dir may be the value of the flag before it"),
        ("--x --feature_gates=A=true", "--feature-gates may be the value of the flag before it"),
        ("-v --rotate_certificates", "--rotate-certificates may be the value of the flag before it"),
        ("--cert-dir", "--cert-dir has no value"),
        ("--config /a --cert-dir", "--cert-dir has no value"),
        ("--feature-gates", "--feature-gates has no value"),
        ("--rotate-certificates=yes", "--rotate-certificates is neither true nor false"),
        ("--rotate-server-certificates=", "--rotate-server-certificates is neither true nor false"),
        ("--config=-----BEGIN", "--config is not a path"),
        ("--config=/a-----b", "--config is not a path"),
        ("--config=$X", "--config: a variable has no value"),
        ("--cert-dir $X", "--cert-dir: a variable has no value"),
        ("--feature-gates=A", "--feature-gates: a gate has no value"),
        ("--feature-gates=A=true,B", "--feature-gates: a gate has no value"),
        ("--feature-gates=A=maybe", "--feature-gates is neither true nor false"),
        ("$X", "a variable in the flags has no value"),
        ("--x $X", "a variable in the flags has no value"),
        ("x", "a word that is no flag"),
        ("x --y", "a word that is no flag"),
        ("-", "a word that is no flag"),
        ("--x=1 y", "a word that is no flag"),
        ("--x 1 y", "a word that is no flag"),
        ("--config /a y", "a word that is no flag"),
        ("--config --x y", "a word that is no flag"),
        ("-v=1 y", "a word that is no flag"),
        ("-vv y", "a word that is no flag"),
        ("-config=/a", "a long flag with one dash"),
        ("-cert_dir=/a", "a long flag with one dash"),
        ("-rotate-certificates", "a long flag with one dash"),
        ("-feature-gates=A=true", "a long flag with one dash"),
    ],
)
def test_what_the_kubelet_does_not_start_with_is_told(line: str, message: str) -> None:
    """A6: by the flag at fault, and by nothing else of the line."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        kubelet_flags(line.split())
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], KubeletFlags()),
        (["--config=/a$b"], KubeletFlags(config="/a$b")),
        (["--config=--x"], KubeletFlags(config="--x")),
        (["--config", ""], KubeletFlags(config="")),
        (["--config=/a=b"], KubeletFlags(config="/a=b")),
        (["--x", "-", "--config=/a"], KubeletFlags(config="/a")),
        (["--x", "y", "--config=/a"], KubeletFlags(config="/a")),
        (["--x", "ab", "--config=/a"], KubeletFlags(config="/a")),
        (["--x=y", "--config=/a"], KubeletFlags(config="/a")),
        (["--config", "--x", "--cert-dir=/c"], KubeletFlags(config="--x", cert_dir="/c")),
        (["--config", "-v", "--cert-dir=/c"], KubeletFlags(config="-v", cert_dir="/c")),
        (["-v", "2", "--config=/a"], KubeletFlags(config="/a")),
        (["-v=2", "--config=/a"], KubeletFlags(config="/a")),
        (["-vx", "--config=/a"], KubeletFlags(config="/a")),
        (["--x", "y", "-vx"], KubeletFlags()),
        (["-h", "--", "--"][:2], KubeletFlags()),
        (["--rotate-certificates", "--config=/a", "--"], KubeletFlags(rotate_certificates=True, config="/a")),
        (["--node-ip", "10.0.0.4"], KubeletFlags(node_ips=("10.0.0.4",))),
        (["--node-ip"], KubeletFlags()),
        (["--node-ip=a,,b"], KubeletFlags(node_ips=("a", "b"))),
        (["--node-ip=$A,b,-c"], KubeletFlags(node_ips=("b",))),
        (["--node-ip", "--x"], KubeletFlags()),
        (["--node-ip=a", "--node-ip=b"], KubeletFlags(node_ips=("b",))),
        (["--feature-gates= A = true ,B=0"], KubeletFlags(feature_gates={"A": True, "B": False})),
        (["--feature-gates="], KubeletFlags()),
        (["--feature-gates", "A=true", "--config=/a"], KubeletFlags(feature_gates={"A": True}, config="/a")),
    ],
)
def test_words_that_look_alike_are_told_apart(words: list[str], expected: KubeletFlags) -> None:
    """A6: a value may look like a flag, a variable or nothing."""
    assert kubelet_flags(words) == expected


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
        ("", []),
        (" \t ", []),
        (" a\tb  c ", ["a", "b", "c"]),
        ('"a\tb c"d', ["a\tb cd"]),
        ('a"" ""', ["a", ""]),
        (r"\a \\b", [r"\a", r"\\b"]),
        (r'\" \\" \\\"', ['"', '\\ \\"']),
        (r'"\\\\" x', ["\\\\", "x"]),
        ('"never closed', ["never closed"]),
        ("a\nb", ["a\nb"]),
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
