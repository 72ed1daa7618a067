"""Systemd's files as systemd reads them (systemd.exec(5), systemd.service(5), src/basic/env-file.c)."""

import time
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.host.systemd import (
    ServiceUnit,
    StartCommand,
    command,
    environment_file,
    expanded,
    quoted_words,
    service_unit,
)

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
        (b"A=b", "b"),
        (b"A=", ""),
        (b"A=\\", ""),
        (b"A=\\\n", ""),
        (b"A=b\\\rc\n", "bc"),
        (b"A=\\  b \n", "  b"),
        (b"A= \t b\t\n", "b"),
        (b"A=b c  \\\n\n", "b c"),
        (b"A=  'b c ' \n", "b c "),
        (b"A='b\\'c'\n", "b\\c'"),
        (b"A=b'c d'\n", "b'c d'"),
        (b"A='b\nc'\n", "b\nc"),
        (b'A="b', "b"),
        (b'A="b\\', "b"),
        (b'A="\\$x\\`y\\\\z"', "$x`y\\z"),
        (b'A="b"c d', "bc d"),
        (b'A="b" "c" ', "bc"),
        (b"A=b=c\n", "b=c"),
        (b"A=b;c\n", "b;c"),
        (b"\r\n\t A=b\r\n", "b"),
        (b"A=\xff\n", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_an_environment_file_is_read_as_systemd_reads_it(content: bytes, value: str) -> None:
    """Quotes count at a value's beginning, a backslash continues a line, nothing is expanded."""
    assert environment_file(content)["A"] == value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", {}),
        (b"A=1\nB=2", {"A": "1", "B": "2"}),
        (b"A=1\r\rB=2\r", {"A": "1", "B": "2"}),
        (b"junk\nB=2\n", {"B": "2"}),
        (b"#A=1\nB=2\n  ;C=3\nD='4'\nE=5", {"B": "2", "D": "4", "E": "5"}),
        (b"A=1\n#", {"A": "1"}),
        (b"A='1'\nB=\"2\"\n", {"A": "1", "B": "2"}),
        (b"A=1 \\\n2\nB=3\n", {"A": "1 2", "B": "3"}),
        (b"A b=1\n1A=2\n_b9=3\n=4\n", {"_b9": "3"}),
        (b"A=\nB=2\n", {"A": "", "B": "2"}),
        (b"='\nA=1'\nB=2", {"B": "2"}),
        *((b"%c=1\n#" % letter, {chr(letter): "1"}) for letter in b"_" + ascii_letters.encode()),
    ],
)
def test_an_environment_file_assigns_on_each_line(content: bytes, expected: dict[str, str]) -> None:
    """Or not: what is no assignment is passed over with its line."""
    assert environment_file(content) == expected


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


@pytest.mark.parametrize(
    ("content", "assignments"),
    [
        (b"[Service]\r\nExecStart=/a\r\n", [("ExecStart", "/a")]),
        (b"[Service]\n  ExecStart = /a b \n", [("ExecStart", "/a b")]),
        (b"[Service]\nExecStart=/a=b\n", [("ExecStart", "/a=b")]),
        (b"[Service]\nExecStart=/a \\\n\n b\n", [("ExecStart", "/a")]),
        (b"[Service]\nExecStart=/a \\\n b\nEnvironment=C=d", [("ExecStart", "/a  b"), ("Environment", "C=d")]),
        (b"[Service]\nExecStart=/a \\\n# x\n; y\n b\\\n", [("ExecStart", "/a  b")]),
        (b"[Service]\nExecStart=/a\\", [("ExecStart", "/a")]),
        (b"[Service]\n#ExecStart=/a\n;ExecStart=/b\n\nEnvironmentFile=/c\n", [("EnvironmentFile", "/c")]),
        (
            b"[Service]\nExecStart=/a\n[Install]\nExecStart=/b\n[Service]\nEnvironment=",
            [("ExecStart", "/a"), ("Environment", "")],
        ),
        (b"[Service]\nexecstart=/a\nExecStartPre=/b\nRestart=always\n", []),
        (b"[service]\nExecStart=/a\n", []),
        (b"\n[Service]\n=x\nEnvironment\n", []),
    ],
)
def test_a_unit_is_read_line_by_line(content: bytes, assignments: list[tuple[str, str]]) -> None:
    """Of its [Service] section only what makes a command line is kept."""
    assert service_unit(content) == ServiceUnit(tuple(assignments))


def unit(*assignments: tuple[str, str]) -> ServiceUnit:
    return ServiceUnit(assignments)


@pytest.mark.parametrize(
    ("units", "files", "words", "missing"),
    [
        ([], {}, (), ()),
        ([unit(("ExecStart", "/a b"))], {}, ("/a", "b"), ()),
        ([unit(("ExecStart", "/a"), ("ExecStart", "/b"))], {}, ("/b",), ()),
        ([unit(("ExecStart", "/a")), unit(("ExecStart", ""))], {}, (), ()),
        *(([unit(("ExecStart", f"{prefix}/a"))], {}, ("/a",), ()) for prefix in "@-:+!|"),
        ([unit(("ExecStart", "+!!-/a -b"))], {}, ("/a", "-b"), ()),
        ([unit(("ExecStart", "X/a"))], {}, ("X/a",), ()),
        ([unit(("ExecStart", "/a $B"), ("Environment", "B=1 C=2"))], {}, ("/a", "1"), ()),
        ([unit(("ExecStart", "/a $B"), ("Environment", '"B=1 2" C=3'))], {}, ("/a", "1", "2"), ()),
        (
            [unit(("ExecStart", "/a $B$C ${C}"), ("Environment", "B=1"), ("Environment", "C=2"))],
            {},
            ("/a", "$B$C", "2"),
            (),
        ),
        ([unit(("ExecStart", "/a $B"), ("Environment", "B=1"), ("Environment", "B=2"))], {}, ("/a", "2"), ()),
        ([unit(("ExecStart", "/a $B"), ("Environment", "B=1"), ("Environment", ""))], {}, ("/a",), ()),
        ([unit(("ExecStart", "/a $B"), ("Environment", "B 1B=2 =3"))], {}, ("/a",), ()),
        (
            [unit(("ExecStart", "/a $B"), ("EnvironmentFile", "/e"), ("Environment", "B=1"))],
            {"/e": {"B": "2"}},
            ("/a", "2"),
            (),
        ),
        ([unit(("ExecStart", "/a $B"), ("EnvironmentFile", "-/e"))], {"/e": {"B": "2"}}, ("/a", "2"), ()),
        ([unit(("EnvironmentFile", "-/e"), ("EnvironmentFile", "/f"))], {}, (), ("/f",)),
        ([unit(("EnvironmentFile", "/e"), ("EnvironmentFile", "/f"))], {"/e": {}}, (), ("/f",)),
        ([unit(("EnvironmentFile", "/e"), ("EnvironmentFile", ""), ("EnvironmentFile", "/f"))], {}, (), ("/f",)),
        (
            [unit(("ExecStart", "$B"), ("EnvironmentFile", "/e"), ("EnvironmentFile", "/f"))],
            {"/e": {"B": "1"}, "/f": {"B": "2"}},
            ("2",),
            (),
        ),
    ],
)
def test_a_command_line_is_what_the_last_assignments_make_of_it(
    units: list[ServiceUnit], files: dict[str, dict[str, str]], words: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert command(units, files) == StartCommand(words, missing)


def test_a_command_line_is_not_shown() -> None:
    """It may hold a token."""
    assert repr(StartCommand(("--token=secret",), ("/e",))) == "StartCommand(missing_files=('/e',))"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$A", ["1", "2 3"]),
        ("${A}", ["1 '2 3'"]),
        ("x$A", ["x$A"]),
        ("x${A}y${B}", ["x1 '2 3'yb"]),
        ("$B.", ["$B."]),
        ("$$", ["$"]),
        ("$$A", ["$A"]),
        ("$$${B}", ["$b"]),
        ("${1}", ["${1}"]),
        ("${_}", [""]),
        ("$NONE", []),
        ("$", ["$"]),
        ("", [""]),
    ],
)
def test_a_variable_becomes_words_only_where_it_is_a_word(word: str, expected: list[str]) -> None:
    """systemd.service(5), command lines."""
    assert expanded([word, "z"], {"A": "1 '2 3'", "B": "b"}) == [*expected, "z"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\r", []),
        ("a  b\tc\nd\re", ["a", "b", "c", "d", "e"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b c'd", ["ab cd"]),
        ("'a\"b' \"c'd\"", ['a"b', "c'd"]),
        ("''", [""]),
        ("a\\ b", ["a b"]),
        ("\\'a b", ["'a", "b"]),
        ("'a\\'b'", ["a'b"]),
        ("a\\\\ b", ["a\\", "b"]),
        ("a\\", ["a"]),
        ("'a b", ["a b"]),
    ],
)
def test_words_are_held_together_by_quotes_and_backslashes(text: str, words: list[str]) -> None:
    assert quoted_words(text) == words


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


@pytest.mark.parametrize(
    ("content", "message"), [(b"[Service]\n\xff\xfe", "not UTF-8"), (b"\x7fELF\x02\0", "not a text")]
)
def test_what_is_no_text_is_no_unit_file(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match="not") as raised:
        service_unit(content)
    assert (str(raised.value), raised.value.__cause__) == (message, None)


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
