"""The node page: what it says, that nothing in it can be injected, and that it needs no script, style or request."""

import re
from dataclasses import replace

import pytest

from exporter.facts.host.host_facts import FileFacts, HostFacts
from exporter.facts.source import SourceFacts, skipped
from exporter.facts.usability import Usability
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.host import host_findings
from exporter.pages.findings_list import findings_list, verdict
from exporter.pages.node_page import node_page
from exporter.pages.page import Tone, badge, table
from exporter.reason import FileStatus, Origin, Role, Source
from tests.pages.document import check, read
from tests.pages.example import NODE, NOW, broken, source, well


def page(facts: HostFacts, kubelet: SourceFacts) -> str:
    return node_page(facts, host_findings(facts, [kubelet], NOW), [kubelet], NOW)


PAGES = {
    "well": page(well(), source(up=True)),
    "broken": page(broken(), source(up=False)),
    "fresh": page(well(), source(up=None)),
    "blank": page(replace(well(), certificates=(), files=(), leftovers={}), source(up=True)),
}


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_a_page_is_well_formed_and_keeps_to_its_policy(html: str) -> None:
    check(html)


def test_a_healthy_node_is_said_to_be_well_with_its_dates() -> None:
    text = read(PAGES["well"]).text
    for words in (
        NODE,
        "All is ok",
        "Every place was looked at, and nothing needs to be done.",
        "Rotates in 155 days at the earliest.",
        "Rotates within 38 days.",
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        "a bootstrap token",
        "2026-11-24 06:00 UTC",
        "aks-cert-exporter 0.1.0",
    ):
        assert any(words in part for part in text), words
    assert "Findings" not in text


def test_a_port_that_was_left_out_on_purpose_is_no_place_that_was_looked_at() -> None:
    """A7: all is ok there as far as it goes, and how far that is stands beside it."""
    text = " ".join(read(page(well(), skipped(Source.KUBELET, "its address is set to nothing", on_purpose=True))).text)
    assert "All is ok" in text
    assert "Every place was looked at but the kubelet's port, and nothing needs to be done." in text


def test_a_broken_node_shows_the_worst_first_with_next_step_and_runbook() -> None:
    reader = read(PAGES["broken"])
    assert reader.text.index("2 critical findings") < reader.text.index("Findings")
    assert "Also 2 unknown, 3 warnings and 1 note." in reader.text
    words = [part for part in reader.text if part in {severity.value for severity in Severity}]
    assert words == sorted(words, key=[severity.value for severity in Severity].index)
    assert len(words) == 8
    links = [attributes["href"] for tag, attributes in reader.elements if tag == "a"]
    assert "runbooks/AksCertRotationOverdue" in links
    assert "Overdue for rotation by 22 days." in reader.text


def test_a_node_is_not_well_before_it_was_looked_at() -> None:
    text = read(PAGES["fresh"]).text
    assert "All is ok" not in text
    assert "Not everything has been looked at" in text
    assert "No first answer yet from: kubelet." in text


def test_a_node_without_a_readable_certificate_says_so() -> None:
    assert "None could be read: the files below say why." in read(PAGES["blank"]).text


def test_what_comes_from_the_node_is_text_and_never_markup() -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{0}%s"
    facts = well()
    hostile = replace(
        facts,
        node=attack,
        files=(FileFacts(Role.CLUSTER_CA, attack, FileStatus.MALFORMED, attack),),
        certificates=tuple(replace(seen, path=attack) for seen in facts.certificates if seen.origin is Origin.FILE),
    )
    kubelet = replace(source(up=False), last_error=attack)
    findings = (
        *host_findings(hostile, [kubelet], NOW),
        Finding(Severity.INFO, Subject(Kind.NODE, attack), attack, (Step(attack, attack),), "AksCertExpired", attack),
    )
    html = node_page(hostile, findings, [kubelet], NOW)
    reader = read(html)
    tags = [tag for tag, _ in reader.elements]
    assert "img" not in tags
    assert tags.count("script") == html.count("<script") == 1  # our own
    assert sum(attack in part for part in reader.text) >= 7


def late(name: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(severity, Subject(Kind.NODE, name), "It is late.", (Step("Wait."),))


def test_a_finding_about_something_else_names_it() -> None:
    finding = late("node-2")
    assert "node-2" in findings_list([finding], subject="node-1")
    assert "node-2" not in findings_list([finding], subject="node-2")
    assert "None." in findings_list([])


@pytest.mark.parametrize(
    ("warnings", "notes", "opened", "summary"),
    [(2, 4, 6, ""), (2, 5, 2, "5 notes"), (0, 7, 7, ""), (30, 2, 20, "12 more findings"), (6, 1, 6, "1 note")],
)
def test_among_many_findings_the_notes_are_folded_and_the_worst_stay_in_sight(
    warnings: int, notes: int, opened: int, summary: str
) -> None:
    severities = [Severity.INFO] * notes + [Severity.WARNING] * warnings
    html = str(findings_list([late(f"node-{n}", one) for n, one in enumerate(severities)]))
    shown, _, folded = html.partition("<details")
    assert (shown.count('<li class="card'), folded.count('<li class="card')) == (opened, warnings + notes - opened)
    assert f"<summary>{summary}</summary>" in folded or not summary
    assert bool(folded) == bool(summary)


@pytest.mark.parametrize(
    ("many", "said"), [(1000, "And 780 more, none worse than these."), (221, "And 1 more,"), (220, "")]
)
def test_what_nobody_can_read_is_counted(many: int, said: str) -> None:
    html = findings_list([late(f"webhook {n}") for n in range(many)])
    assert html.count('<li class="card') == 220
    assert said in html
    assert ("none worse than these" in html) is bool(said)


@pytest.mark.parametrize(
    ("severities", "unanswered", "expected"),
    [
        ((), (), "ok: All is ok. Every place was looked at, and nothing needs to be done."),
        (
            (Severity.INFO,),
            (),
            "ok: All is ok. Every place was looked at, and nothing needs to be done. 1 note below.",
        ),
        ((), ("azure",), "blind: Not everything has been looked at. No first answer yet from: azure."),
        (
            (Severity.INFO,),
            ("azure",),
            "blind: Not everything has been looked at. 1 note below. No first answer yet from: azure.",
        ),
        ((Severity.WARNING,), ("azure", "csrs"), "warning: 1 warning. No first answer yet from: azure, csrs."),
        ((Severity.UNKNOWN, Severity.WARNING), (), "blind: 1 unknown. Also 1 warning."),
        (
            (Severity.CRITICAL, Severity.CRITICAL, Severity.UNKNOWN, Severity.WARNING, Severity.INFO),
            (),
            "critical: 2 critical findings. Also 1 unknown, 1 warning and 1 note.",
        ),
    ],
)
def test_the_verdict_is_the_worst_and_never_hides_what_was_not_looked_at(
    severities: tuple[Severity, ...], unanswered: tuple[str, ...], expected: str
) -> None:
    found = verdict([late("a", severity) for severity in severities], unanswered)
    assert f"{found.tone}: {found.strong}. {found.told}" == expected
    assert f'<div class="verdict {found.tone}">' in found.banner
    assert f"<strong>{found.strong}</strong> <span>{found.told}</span>" in found.banner


def test_nodes_that_nobody_tells_about_keep_the_verdict_from_being_ok() -> None:
    """A8."""
    found = verdict([], (), unseen=1_234)
    assert (found.tone, found.word) == (Tone.BLIND, "not looked at")
    assert found.told == "Nobody tells about the certificates of 1,234 nodes."
    assert verdict([late("a")], (), unseen=1).word == "warning"


def test_every_tone_has_a_shape_of_its_own() -> None:
    assert len({badge(tone, "same").replace(tone, "") for tone in Tone}) == len(Tone)


def test_a_row_with_the_wrong_number_of_cells_is_an_error() -> None:
    from exporter.pages.page import Column

    with pytest.raises(ValueError):
        table("A table", (Column("one"), Column("two")), [("only one",)])


def test_overdue_is_a_state_with_its_date_and_is_never_green() -> None:
    """B12, G4: "on" in green is not shown beside a certificate that is overdue, has ended or cannot be used."""
    html = PAGES["broken"]
    assert "on, overdue since 2026-11-02" in read(html).text
    host = well()
    client = host.certificates[0]
    ended = replace(
        host,
        certificates=(
            replace(client, bundle=(replace(client.certificate, not_after=NOW - 60),)),
            *host.certificates[1:],
        ),
    )
    unusable = replace(host, usability={(Role.KUBELET_CLIENT, Origin.FILE): Usability.ANOTHER_NODE})
    for facts in (ended, unusable):
        page = node_page(facts, host_findings(facts, [], NOW), (), NOW)
        client_card = re.search(r'(?s)<article class="card certificate" aria-label="kubelet client.*?</article>', page)
        assert client_card is not None
        assert '<span class="badge critical">' in client_card[0]
        assert '<div class="life critical">' in client_card[0]
        row = re.search(r'(?s)<th scope="row" role="rowheader">kubelet client certificate</th>.*?</tr>', page)
        assert row is not None
        assert "badge ok" not in row[0]
    assert "no: another node" in read(node_page(unusable, (), (), NOW)).text
