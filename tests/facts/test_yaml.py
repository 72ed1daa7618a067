"""YAML as Kubernetes' Go programs read it; the forms that kubectl was asked about are in tests/kubectl."""

import pytest

from exporter.facts.host.kubelet_configuration import kubelet_configuration
from exporter.facts.yaml import MOST_REPEATED, decoded, document


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
        *((word, True) for word in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]),
        *((word, False) for word in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]),
        *((word, word) for word in ["yEs", "tRue", "oN", "nO", "fAlse", "oFF", "yy", "nn", "yes!", "Tru"]),
        *((word, None) for word in ("~", "null", "Null", "NULL")),
        *((word, word) for word in ("nULL", "nul", "~~")),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", -(2.0**63)),
        ("+5", 5),
        ("-017", -15),
        ("+0x1f", 31),
        ("0b102", "0b102"),
        ("1_000", 1000),
        ("1_000.5", 1000.5),
        ("-.5", -0.5),
        (".5e-1", 0.05),
        ("5.", 5.0),
        ("+1.5E+2", 150.0),
        ("1e999", "1e999"),
        ("-1e999", "-1e999"),
        ("1.5.5", "1.5.5"),
        ("+", "+"),
        (".", "."),
        (".5_0", ".5_0"),
        (".info", ".info"),
        ("!!int '0x10'", 16),
        ("!!float '1'", 1),
        ("!!bool 'on'", True),
        ("!!null x", None),
        ("!!str", ""),
        ("!!seq [1, [2]]", [1, [2]]),
        ("!!map {b: {c: 1}}", {"b": {"c": 1}}),
        ("!!set {b: 1}", {"b": 1}),
        ("!other [1, {b: y}]", [1, {"b": True}]),
        ("!!binary 'aGVs bG8='", "hello"),
        ("!!binary /w==", "\ufffd"),
        ("{<<: {b: 1, c: 2}, b: 3}", {"b": 3, "c": 2}),
        ("{<<: [{b: 1}, {b: 2, c: 3}]}", {"b": 1, "c": 3}),
        ("<<<", "<<<"),
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "neither UTF-8 nor UTF-16"),
        (b"\xff\xfea", "neither UTF-8 nor UTF-16"),
        (b"[" * 500, "nested too deep"),
        (b"a: &s3cret [*s3cret]", "not YAML: an anchor holds itself"),
        (b"a: 1\nb: *s3cret", "not YAML: line 2: found undefined alias …"),
        (b"a: .inf", "not YAML: infinity and NaN are not JSON"),
        (b"a: +.INF", "not YAML: infinity and NaN are not JSON"),
        (b"a: -.Inf", "not YAML: infinity and NaN are not JSON"),
        (b"a: .nan", "not YAML: infinity and NaN are not JSON"),
        (b"a: .NaN", "not YAML: infinity and NaN are not JSON"),
        (b"a: .NAN", "not YAML: infinity and NaN are not JSON"),
        (b"a: !!bool maybe", "not YAML: neither true nor false"),
        (b"a: !!binary '*'", "not YAML: a value cannot be one"),
        (b"a: !!binary 'aGVsbG8'", "not YAML: a value cannot be one"),
        (b'a: "\\U00110000"', "not YAML: a value cannot be one"),
        (b'a: "\\UFFFFFFFF"', "not YAML: a value cannot be one"),
        (b"\n\n[x]: 1", "not YAML: line 3: found unhashable key"),
        (b"a: b: c", "not YAML: line 1: mapping values are not allowed here"),
        (b"a: !!int [1]", "not YAML: line 1: expected a scalar node, but found sequence"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_its_words(content: bytes, message: str) -> None:
    """B3: a token may be where a name should."""
    with pytest.raises(ValueError, match=r"\A") as caught:
        document(content)
    assert str(caught.value) == message


def listed(items: int) -> bytes:
    """A list that is there as `a`, and stands for one value more than its items."""
    return b"a: &a [" + b"x," * items + b"]\n"


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        (listed(MOST_REPEATED - 1) + b"b: *a\n", True),
        (listed(MOST_REPEATED) + b"b: *a\n", False),
        (listed(99) + b"b: [" + b"*a," * 100 + b"]", True),
        (listed(99) + b"b: [" + b"*a," * 100 + b"]\nc: &c x\nd: *c", False),
        (b"a: &a {k: [" + b"x," * 97 + b"]}\nb: [" + b"*a," * 100 + b"]", True),
        (b"a: &a {k: [" + b"x," * 98 + b"]}\nb: [" + b"*a," * 100 + b"]", False),
    ],
)
def test_aliases_stand_for_so_many_values_and_no_more(content: bytes, fits: bool) -> None:
    """A list, a mapping of a key and a list, a word: each counts with all that is in it."""
    assert MOST_REPEATED == 10_000
    if fits:
        assert isinstance(document(content), dict)
        return
    with pytest.raises(ValueError, match=r"\Anot YAML: too much is repeated by aliases\Z"):
        document(content)


def test_an_anchor_may_be_used_beside_itself_and_taken_again() -> None:
    """Its name is free again when what it names is complete."""
    assert document(b"- &a [1]\n- [*a, *a]\n- &a {b: &b 2}\n- [*a, *b]\n") == [[1], [[1], [1]], {"b": 2}, [{"b": 2}, 2]]


def test_only_the_first_document_is_read() -> None:
    assert [document(text) for text in (b"", b"---\n", b"a: 1\n---\n}{", b"1\n...\n2")] == [None, None, {"a": 1}, 1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_utf_8_or_says_that_it_is_utf_16(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    assert document(f"{mark}a: ä€".encode(encoding)) == {"a": "ä€"}
    assert decoded(f"{mark}ä".encode(encoding)) == "ä"


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
