"""The three forms of one report, each compared whole (exporter.check.render)."""

import io
import json
import os
import re
from dataclasses import replace

import pytest

from exporter.check.render import as_json, as_markdown, as_table
from exporter.check.report import NotLookedAt, Report, Section, report
from exporter.findings import Finding, Kind, Severity, Step, Subject
from tests.check.known import NOW

URL = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks"


def findings() -> tuple[Finding, ...]:
    node = Subject(Kind.NODE, "aks-1")
    steps = (Step("Look *here*.", "kubectl get `x`"), Step("Wait for it, and then wait for it once more."))
    return (
        Finding(Severity.CRITICAL, node, "It ended…", steps, "AksCertExpired", "Nobody renewed it.", "aks-1"),
        Finding(Severity.UNKNOWN, Subject(Kind.NODE, "aks-2"), "It is “not” known.", ()),
        Finding(Severity.WARNING, Subject(Kind.CLUSTER, "c"), "So it is.", (Step("Do that."),)),
        Finding(Severity.INFO, Subject(Kind.CLUSTER, "c"), "So be it.", ()),
    )


def whole(*some: Finding) -> Report:
    tables = (
        Section("Empty", ("A",), ()),
        Section("First", ("A", "B"), (("aX|b", "long words in a cell"), ("", "2027-01-15"))),
        Section("Only words", (), (), "A *note*."),
        Section("Both", ("A",), (("x",),), "Below it."),
    )
    document = {"schema": 1, "nodes": "none"}
    return report("node aks-1", NOW, some or findings(), tables, (NotLookedAt("w", "h"),), document)


MARKDOWN = f"""\
# node aks-1: critical: 4 findings (1 critical, 1 unknown, 1 warning, 1 info)

Looked at 2027-01-15 08:00 UTC.

* **critical**: It ended… Nobody renewed it. ([AksCertExpired]({URL}/AksCertExpired.md))
  1. Look \\*here\\*.
     ```sh
     kubectl get `x`
     ```
  2. Wait for it, and then wait for it once more.
* **unknown** aks-2: It is “not” known.
* **warning** c: So it is.
  1. Do that.
* **info** c: So be it.

## First

| A | B |
|---|---|
| aX\\|b | long words in a cell |
|  | 2027-01-15 |

## Only words

A \\*note\\*.

## Both

| A |
|---|
| x |

Below it.

## Not looked at

| WHAT | TO LOOK AT IT |
|---|---|
| w | h |"""


def test_for_a_ticket_it_is_markdown() -> None:
    assert as_markdown(whole()) == MARKDOWN
    many = [
        Finding(Severity.WARNING, Subject(Kind.NODE, f"n{one}"), "It.", (), "A", node=f"n{one}") for one in "abcdef"
    ]
    one = report("cluster", NOW, many, ())
    (line,) = [line for line in as_markdown(one).splitlines() if line.startswith("*")]
    assert "● warning  na and 5 more nodes  A\nIt.\nThe same is wrong with nb, nc, nd and 2 more.\n\n" in printed(one)
    shown = "It. The same is wrong with nb, nc, nd and 2 more."
    assert line == f"* **warning** na and 5 more nodes: {shown} ([A]({URL}/A.md))"


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("a", ["```sh", "a", "```"]),
        ("a `b`", ["```sh", "a `b`", "```"]),
        ("a ``` b", ["````sh", "a ``` b", "````"]),
        ("`` ```` `", ["`````sh", "`` ```` `", "`````"]),
        ("a\nb", ["```sh", "a\\nb", "```"]),
        ("", []),
    ],
)
def test_nothing_in_a_command_ends_its_block(command: str, lines: list[str]) -> None:
    one = Finding(Severity.WARNING, Subject(Kind.NODE, "n"), "It.", (Step("Do.", command),))
    (_, after) = as_markdown(report("x", NOW, [one], ())).split("  1. Do.")
    assert after.splitlines()[1:] == [f"     {line}" for line in lines]


def test_for_a_program_it_is_json() -> None:
    """The document of /facts, and beside it what only a look says; in its order, and with two spaces."""
    text = as_json(whole(findings()[2]))
    step = {"text": "Do that.", "command": None}
    expected = {
        "schema": 1,
        "nodes": "none",
        "subject": "node aks-1",
        "verdict": "warning",
        "exit_status": 1,
        "findings": [
            {
                "alert": None,
                "severity": "warning",
                "subject": {"kind": "cluster", "name": "c"},
                "node": None,
                "role": None,
                "since": None,
                "until": None,
                "what": "So it is.",
                "why": None,
                "next": [step],
                "runbook_url": None,
            }
        ],
        "not_looked_at": [{"what": "w", "how": "h"}],
        "sections": [
            {"title": "Empty", "rows": [], "note": None},
            {
                "title": "First",
                "rows": [{"A": "aX|b", "B": "long words in a cell"}, {"A": "", "B": "2027-01-15"}],
                "note": None,
            },
            {"title": "Only words", "rows": [], "note": "A *note*."},
            {"title": "Both", "rows": [{"A": "x"}], "note": "Below it."},
            {"title": "Not looked at", "rows": [{"WHAT": "w", "TO LOOK AT IT": "h"}], "note": None},
        ],
    }
    assert text == json.dumps(expected, indent=2)


def test_of_each_node_json_has_what_is_severe_enough() -> None:
    def told(*severities: str) -> list[dict[str, str]]:
        return [{"severity": one} for one in severities]

    nodes = [{"node": "a", "findings": told("critical", "warning", "unknown", "info")}, {"node": "b", "findings": []}]
    whole = report("c", NOW, (), (), (), {"nodes": nodes}).shown(Severity.WARNING, quiet=False)
    kept = [{"node": "a", "findings": told("critical", "warning", "unknown")}, nodes[1]]
    assert json.loads(as_json(whole))["nodes"] == kept


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("ü€😀", "ü€😀"),
        ("\x1b", "\\u001b"),
        ("\ud800", "\\ud800"),
        ("\x85", "\\u0085"),
        ("\u202e", "\\u202e"),
        ("\U000e0001", "\\udb40\\udc01"),
    ],
)
def test_what_cannot_be_printed_is_escaped_in_json(cell: str, written: str) -> None:
    text = as_json(report("c", NOW, (), (Section("T", ("A",), ((cell,),)),)))
    assert f'"A": "{written}"' in text
    assert json.loads(text)["sections"][0]["rows"] == [{"A": cell}]


PLAIN = """\
node aks-1
Looked at 2027-01-15 08:00 UTC.
critical: 4 findings (1 critical, 1 unknown, 1 warning, 1 info)

● critical  AksCertExpired
It ended…
Nobody renewed it.
1. Look *here*.
   kubectl get `x`
2. Wait for it, and then wait for it once more.

● unknown  aks-2
It is “not” known.

● warning  c
So it is.
1. Do that.

● info  c
So be it.

Runbooks: https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks/

First
A     B
──────────────────────────
aX|b  long words in a cell
      2027-01-15

Only words
A *note*.

Both
A
─
x
Below it.

Not looked at
WHAT  TO LOOK AT IT
───────────────────
w     h
"""


def printed(shown: Report, encoding: str = "utf-8", terminal: bool = False) -> str:
    class Stream(io.TextIOWrapper):
        def isatty(self) -> bool:
            return terminal

    return as_table(shown, Stream(io.BytesIO(), encoding=encoding))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of the terminal."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_in_a_pipe_it_is_plain_text_and_no_line_is_broken() -> None:
    assert printed(whole()) == PLAIN
    long = "word " * 3000
    assert long.strip() in printed(report("x", NOW, (), (Section("T", ("A",), ((long.strip(),),), "", ("A",)),)))


def test_where_there_is_only_ascii_it_is_drawn_with_that() -> None:
    expected = PLAIN
    for ours, typed in (("●", "*"), ("…", "..."), ("“", '"'), ("”", '"'), ("─", "-")):
        assert ours in PLAIN
        expected = expected.replace(ours, typed)
    assert printed(whole(), "ascii") == expected
    assert printed(whole(), "latin-1") == expected


@pytest.mark.parametrize(
    ("severity", "style", "verdict"),
    [
        (Severity.CRITICAL, "1;31", "\x1b[1;31mcritical: 1 finding"),
        (Severity.UNKNOWN, "1;35", "\x1b[1;35munknown: 1 finding"),
        (Severity.WARNING, "1;33", "\x1b[1;33mwarning: 1 finding"),
        (Severity.INFO, "36", "\x1b[1;32mok: 1 finding (1 info)"),
    ],
)
def test_on_a_terminal_it_is_coloured_by_how_bad_it_is(severity: Severity, style: str, verdict: str) -> None:
    one = Finding(severity, Subject(Kind.CLUSTER, "c"), "So it is.", (Step("Do.", "do"),), "AksCertExpired")
    found = printed(report("cluster d", NOW, [one], ()), terminal=True)
    assert re.sub("id=[0-9]+", "id=", found) == (
        "\x1b[1mcluster d\x1b[0m\n"
        "Looked at 2027-01-15 08:00 UTC.\n"
        f"{verdict}\x1b[0m\n"
        "\n"
        f"\x1b[{style}m● {severity}\x1b[0m\x1b[1;{style.removeprefix('1;')}m  c\x1b[0m\x1b[{style}m  \x1b[0m"
        f"\x1b]8;id=;{URL}/AksCertExpired.md\x1b\\\x1b[{style}mAksCertExpired\x1b[0m\x1b]8;;\x1b\\\n"
        "So it is.\n"
        "\x1b[1m1. \x1b[0mDo.\n"
        "\x1b[32m   do\x1b[0m\n"
        "\n"
        f"\x1b[2mRunbooks: \x1b[0m\n\x1b[2m{URL}/\x1b[0m\n"
    )
    bare = replace(one, alert="")
    assert "\x1b]8;" not in printed(report("cluster d", NOW, [bare], ()), terminal=True)
    assert "Runbooks" not in printed(report("cluster d", NOW, [bare], ()), terminal=True)
    assert "\x1b[1;32mok\x1b[0m" in printed(report("cluster d", NOW, (), ()), terminal=True)


def test_tables_have_their_titles_and_headings_drawn_apart_on_a_terminal() -> None:
    found = printed(whole(), terminal=True)
    assert "\x1b[1;4mFirst\x1b[0m\n" in found
    assert "\x1b[1mA  " in found
    assert "\x1b[2mA *note*.\x1b[0m" in found


def test_a_terminal_is_as_wide_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences and cells are broken; a command is not, for it is copied."""
    monkeypatch.setenv("COLUMNS", "30")
    command = "kubectl get certificatesigningrequests --all"
    one = Finding(
        Severity.WARNING, Subject(Kind.CLUSTER, "c"), "A sentence of quite some words.", (Step("Do.", command),)
    )
    table = Section(
        "T", ("A", "B"), (("some words that wrap here", "x"),), "A note of quite some words below it.", ("A",)
    )
    assert printed(report("x", NOW, [one], [table])) == (
        "x\n"
        "Looked at 2027-01-15 08:00\n"
        "UTC.\n"
        "warning: 1 finding\n"
        "\n"
        "● warning  c\n"
        "A sentence of quite some\n"
        "words.\n"
        "1. Do.\n"
        f"   {command}\n"
        "\n"
        "T\n"
        "A                          B\n"
        "────────────────────────────\n"
        "some words that wrap here  x\n"
        "A note of quite some words\n"
        "below it.\n"
    )
    assert os.environ["COLUMNS"] == "30"


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    """Neither rich's own nor a name of an emoji, in headings and cells and sentences."""
    section = Section("[b]T[/b]", ("[red]A[/]", ":warning:"), (("[i]x[/i]", ":smile: 10.0.0.1"),), "[u]n[/u] 7")
    one = Finding(Severity.WARNING, Subject(Kind.CLUSTER, "[b]c[/b]"), "[i]It[/i] :smile: 7.", (Step("[b]", "[i]"),))
    found = printed(report("[b]s[/b]", NOW, [one], [section]), terminal=True)
    for text in (
        "[b]T[/b]",
        "[red]A[/]",
        ":warning:",
        "[i]x[/i]",
        ":smile: 10.0.0.1",
        "[u]n[/u] 7",
        "[i]It[/i] :smile: 7.",
    ):
        assert text in found
    assert "\x1b[2m[u]n[/u] 7\x1b[0m" in found
    assert "\nLooked at 2027-01-15 08:00 UTC.\n" in found


def test_letters_that_take_two_columns_are_not_cut() -> None:
    text = printed(report("s", NOW, (), (Section("T", ("A", "B"), (("名前名前", "x"),)),)))
    assert "\n名前  x\n名前\n" in text
