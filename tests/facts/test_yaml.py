"""YAML as Kubernetes' Go programs read it; the forms that kubectl was asked about are in tests/kubectl."""

import pytest

from exporter.facts.host.kubelet_configuration import kubelet_configuration
from exporter.facts.yaml import MOST_REPEATED, document


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("y", True),
        ("N", False),
        ("Off", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("2026-13-45", "2026-13-45"),
        ("=", "="),
        ("0x1F", 31),
        ("-0b1_0", -2),
        ("017", 15),
        ("0o17", 15),
        ("08", 8.0),
        ("1e3", 1000.0),
        ("._5", "._5"),
        ("10.0.0.1", "10.0.0.1"),
        ("0xfffffffffffffffff", "0xfffffffffffffffff"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!other x", "x"),
        ("!other {b: [1]}", {"b": [1]}),
        ("!!python/name:os.system x", "x"),
        ("!!binary aGVsbG8=", "hello"),
    ],
)
def test_a_value_is_what_go_makes_of_it(written: str, value: object) -> None:
    """A6, B3: goyaml.v2, resolve.go."""
    found = document(f"a: {written}\n".encode())
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_aliases_are_read_as_far_as_they_go() -> None:
    """A6: a kubelet reads them too; the last of one name counts, and merge keys do what they do."""
    assert document(b"a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\nf: &x 3\ng: *x\n") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2},
        "f": 3,
        "g": 3,
    }


LONG = b"a: &a [" + b"x," * (MOST_REPEATED // 2) + b"]\n"


@pytest.mark.parametrize(
    "content",
    [
        b"a: &a [*a]\n",
        b"a: &a {b: {c: *a}}\n",
        b"a: *gone\n",
        LONG + b"b: [*a, *a, *a]\n",
        b"a: .inf\n",
        b"a: -.Inf\n",
        b"a: .nan\n",
        b"a: !!bool maybe\n",
        b"a: !!binary '*'\n",
        b"[x]: 1\n",
        b"\xff\xfea",
        b"\xff",
    ],
)
def test_what_go_refuses_is_one_line(content: bytes) -> None:
    """A6, B3."""
    with pytest.raises(ValueError, match=r"\A[^\n]{1,200}\Z"):
        document(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_settings_of_a_kubelet_are_read_as_it_reads_them(encoding: str) -> None:
    """A6: `y` and `on` are true to it, and a file that PowerShell wrote is one."""
    written = (
        "kind: KubeletConfiguration\nrotateCertificates: y\nserverTLSBootstrap: &on on\n"
        "featureGates: {RotateKubeletServerCertificate: *on}\n"
    )
    found = kubelet_configuration(written.encode(encoding))
    assert (found.rotate_certificates, found.server_tls_bootstrap) == (True, True)
    assert found.feature_gates == {"RotateKubeletServerCertificate": True}
