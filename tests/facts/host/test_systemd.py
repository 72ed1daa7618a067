"""Systemd's files as systemd reads them (systemd.exec(5), systemd.service(5), src/basic/env-file.c)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.host.systemd import command, environment_file, quoted_words, service_unit

UNIT = b"""\
[Unit]
Description=Kubelet
[Service]
Restart=always
EnvironmentFile=/etc/default/kubelet
# a comment
ExecStartPre=/bin/bash /opt/azure/containers/kubelet.sh
ExecStart=/opt/bin/kubelet \\
        --enable-server \\
# a comment between the lines
; and another one
        --node-labels="${KUBELET_NODE_LABELS}" \\
        $KUBELET_TLS_BOOTSTRAP_FLAGS \\
        $KUBELET_CONFIG_FILE_FLAGS \\
        $KUBELET_FLAGS

[Install]
WantedBy=multi-user.target
"""
DROP_IN = b'[Service]\nEnvironment="KUBELET_CONFIG_FILE_FLAGS=--config /etc/default/kubeletconfig.json" A=b\n'


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"A=--x --y \n", "--x --y"),
        (b'A="--x --y"\n', "--x --y"),
        (b"A='--x' '--y'\n", "--x--y"),
        (b'A=--x="a b"\n', '--x="a b"'),
        (b"A=--x \\\n  --y\n", "--x   --y"),
        (b'A="--x \\\n--y"\n', "--x --y"),
        (b"A=one\nA=two", "two"),
        (b"  A = b\n", "b"),
        (b"A=\n", ""),
        (b"A=$B\nB=c\n", "$B"),
        (b"A=a\\\\b\r\n", "a\\b"),
        (b'A="a\\"b\\z"', 'a"b\\z'),
        (b"# A=no\n; A=no\nA=yes\n", "yes"),
        (b"A=a#b\n", "a#b"),
    ],
)
def test_an_environment_file_is_read_as_systemd_reads_it(content: bytes, value: str) -> None:
    """Quotes count at a value's beginning, a backslash continues a line, nothing is expanded."""
    assert environment_file(content)["A"] == value


@pytest.mark.parametrize("content", [b"export A=b\n", b"A\nB=c\n", b"\xef\xbb\xbfA=b\n", b"1A=b\n", b"", b"A"])
def test_a_line_that_assigns_nothing_is_passed_over(content: bytes) -> None:
    assert "A" not in environment_file(content)


def test_the_command_line_of_aks_is_put_together_from_unit_drop_in_and_environment_file() -> None:
    """`$NAME` splits into words, `${NAME}` stays one."""
    files = {"/etc/default/kubelet": {"KUBELET_NODE_LABELS": "a=b,c=d e", "KUBELET_FLAGS": "--x=1 --y='2 3'"}}
    started = command([service_unit(UNIT), service_unit(DROP_IN)], files)
    assert started.words == (
        "/opt/bin/kubelet",
        "--enable-server",
        "--node-labels=a=b,c=d e",
        "--config",
        "/etc/default/kubeletconfig.json",
        "--x=1",
        "--y=2 3",
    )
    assert started.missing_files == ()


def test_a_drop_in_may_replace_what_the_unit_says() -> None:
    """An empty assignment forgets the ones before; an environment file beats Environment=."""
    drop_in = service_unit(
        b"[Service]\nExecStart=\nExecStart=-/usr/bin/kubelet $A $$B ${C}x $NONE\n"
        b"EnvironmentFile=\nEnvironmentFile=-/none\nEnvironmentFile=/own\nEnvironment=A=unit C=c\nEnvironment=C 1=2\n"
    )
    started = command([service_unit(UNIT), drop_in], {"/own": {"A": "file"}})
    assert started.words == ("/usr/bin/kubelet", "file", "$B", "cx"), "a word that assigns nothing is passed over"
    assert command([service_unit(UNIT), drop_in], {}).missing_files == ("/own",)


@pytest.mark.parametrize(
    "content", [b"ExecStart=/bin/true\n", b"[Unit]\nExecStart=/x\n", b"[Service]\nno assignment\n"]
)
def test_a_line_out_of_place_is_passed_over(content: bytes) -> None:
    """Systemd warns of it, and goes on."""
    assert service_unit(content).assignments == ()


@pytest.mark.parametrize("content", [b"[Service]\n\xff\xfe", b"\x7fELF\x02\0"])
def test_what_is_no_text_is_no_unit_file(content: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        service_unit(content)


@pytest.mark.parametrize(
    "piece", [b"A=b\n", b"x", b'"', b"\\", b"A=x\\\n", b"$A ", b"Environment=A=b\n", b"EnvironmentFile=/a\n"]
)
def test_a_large_file_costs_no_more_than_its_size(piece: bytes) -> None:
    """A12: 256 KiB of anything are read in a moment, and not in the square of it."""
    content = piece * (256 * 1024 // len(piece))
    begin = time.process_time()
    environment_file(b"A=" + content)
    unit = service_unit(b"[Service]\nExecStart=" + content)
    command([unit], {})
    assert time.process_time() - begin < 5


@given(st.binary(max_size=200))
def test_no_bytes_end_a_parser(content: bytes) -> None:
    """They give variables, or assignments, or a ValueError; never another exception."""
    for name in environment_file(content):
        assert name.isidentifier()
    try:
        unit = service_unit(content)
    except ValueError:
        return
    command([unit], {})


@given(st.lists(st.text("ab\"' \\\t", min_size=1, max_size=6), max_size=5))
def test_words_that_are_quoted_come_back_whole(words: list[str]) -> None:
    """Whatever is in them."""
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    assert quoted_words(" ".join(quoted)) == words
