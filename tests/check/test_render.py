"""The forms of a report."""

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from exporter.check import render
from exporter.check.command import look_at_host
from exporter.check.render import as_json, as_markdown, as_table
from exporter.check.report import Report, Section, report
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.settings import Command, resolve
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import Authority

NOW = 1_795_000_000.0


def test_in_a_pipe_a_table_is_as_wide_as_it_needs_and_rich_is_imported_for_tables_only() -> None:
    assert (render.WIDEST, hasattr(render, "Console")) == (20_000, False)


def finding(severity: Severity, what: str = "It is so.") -> Finding:
    return Finding(
        severity,
        Subject(Kind.NODE, "aks-1"),
        what,
        (Step("Do this.", "kubectl get csr"),),
        "AksCertExpired",
        node="aks-1",
    )


def sample(*findings: Finding) -> Report:
    table = Section("Files", ("PATH", "WHAT"), (("/a/" + "long" * 20, "x|y"), ("/b", "ü")), "One note.", ("PATH",))
    return report("node aks-1", NOW, findings, (table, Section("Nothing", ("A",), (), "There is nothing.")))


@pytest.mark.parametrize(
    ("severities", "status", "verdict"),
    [
        ((), 0, "ok"),
        ((Severity.INFO,), 0, "ok"),
        ((Severity.WARNING, Severity.INFO), 1, "warning"),
        ((Severity.WARNING, Severity.UNKNOWN), 3, "unknown"),
        ((Severity.UNKNOWN,), 3, "unknown"),
        ((Severity.UNKNOWN, Severity.CRITICAL), 2, "critical"),
    ],
)
def test_the_worst_wins_and_unknown_is_never_hidden(
    severities: tuple[Severity, ...], status: int, verdict: str
) -> None:
    """The monitoring plugins' exit statuses."""
    found = sample(*(finding(severity) for severity in severities))
    assert (found.exit_status, found.verdict) == (status, verdict)


def test_what_the_report_is_about_is_not_said_again_with_each_finding() -> None:
    """A node's name is long, and is on top."""
    other = replace(finding(Severity.WARNING), subject=Subject(Kind.NODE, "aks-2"))
    text = as_markdown(sample(finding(Severity.CRITICAL), other))
    assert "* **critical**: It is so." in text
    assert "* **warning** aks-2: It is so." in text


def test_the_headline_says_how_many_of_each_where_they_differ() -> None:
    """Eight findings of which one is critical are not eight critical findings."""
    kinds = [Severity.CRITICAL, Severity.WARNING, Severity.WARNING, Severity.INFO]
    assert sample(*map(finding, kinds)).headline == "critical: 4 findings (1 critical, 2 warning, 1 info)"
    assert sample(*map(finding, kinds[1:3])).headline == "warning: 2 findings"
    assert sample(finding(Severity.INFO)).headline == "ok: 1 finding (1 info)"
    assert sample().headline == "ok"


def test_json_has_everything_and_one_object_for_each_row() -> None:
    """Parsed back it is the same report."""
    loaded = json.loads(as_json(sample(finding(Severity.WARNING))))
    assert loaded["exit_status"] == 1
    assert loaded["findings"][0]["runbook_url"].endswith("/AksCertExpired.md")
    assert loaded["sections"][0]["rows"][1] == {"PATH": "/b", "WHAT": "ü"}


def test_markdown_cannot_be_broken_by_what_it_shows() -> None:
    """A subject of a certificate may be anything."""
    text = as_markdown(sample(finding(Severity.CRITICAL, "a\n# heading | <b>`x`</b>")))
    assert "a # heading \\| \\<b\\>\\`x\\`\\</b\\>" in text
    assert "| /b | ü |" in text
    assert "x\\|y" in text


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_table_loses_nothing_however_narrow_the_terminal(
    columns: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell is cut, no line too long for a path that can be broken, no colour in a pipe, no Unicode in ASCII."""
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    alone = Section("Path", ("PATH",), (("long" * 40,),), wrapping=("PATH",))
    shown = sample(finding(Severity.UNKNOWN, "control \x1b[31m character"))
    stream.write(as_table(replace(shown, sections=(*shown.sections, alone)), stream))
    stream.seek(0)
    text = stream.read()
    assert "\x1b" not in text
    assert "long" * 40 in "".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= columns
    assert "unknown: 1 finding" in text


def test_the_alert_of_each_finding_stands_beside_it_and_its_runbook_is_a_link_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its words are those that paged."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    stream.write(as_table(sample(finding(Severity.CRITICAL)), stream))
    assert "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks/AksCertExpired.md" in (
        stream.getvalue()
    )
    monkeypatch.delenv("FORCE_COLOR")
    stream = io.StringIO()
    stream.write(as_table(sample(finding(Severity.CRITICAL)), stream))
    assert "critical  AksCertExpired\n" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_section_without_anything_to_say_is_left_out() -> None:
    """In the table and for a ticket."""
    empty = report("node aks-1", NOW, (), (Section("Sources", ("A",), ()),))
    stream = io.StringIO()
    stream.write(as_table(empty, stream))
    assert "Sources" not in stream.getvalue() + as_markdown(empty)


def test_a_table_that_needs_more_room_is_printed_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than cut."""
    monkeypatch.setenv("COLUMNS", "40")
    words = ("kubelet-serving", "2027-03-13", "2027-05-25", "permission_denied")
    stream = io.StringIO()
    stream.write(as_table(report("x", NOW, (), (Section("Wide", ("A", "B", "C", "D"), (words,)),)), stream))
    assert all(word in stream.getvalue() for word in words)


def test_json_is_what_its_schema_promises(tmp_path: Path) -> None:
    """For a node with findings, one without findings, and one that could not be looked at."""
    docs = Path(__file__).parents[2] / "docs"
    schemas = [json.loads((docs / f"{name}.schema.json").read_text("utf-8")) for name in ("check", "node-facts")]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    empty = tmp_path / "empty"
    empty.mkdir()
    authority = Authority.cluster(NOW)
    roots = [build(scenario(name), tmp_path / name, NOW, authority).root for name in ("healthy", "static-client")]
    for root in (*roots, empty):
        flags = {"host_root": str(root), "kubelet_address": ""}
        printed = as_json(look_at_host(resolve(Command.CHECK, flags, {})))
        for schema in schemas:
            jsonschema.validate(json.loads(printed), schema, format_checker=jsonschema.FormatChecker())
