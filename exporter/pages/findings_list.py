"""Findings in, what a page says of them out: its verdict in one line, and the list with the worst first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from exporter.findings import Finding, Severity, Step, runbook_url
from exporter.findings.formatting import names_listed
from exporter.findings.gathered import Gathered, gathered
from exporter.findings.wording import NOT_LOOKED_AT, OK, verdict_word
from exporter.pages.page import SEVERITY_TONE, Tone, badge, code, icon, join

__all__ = ["OWN_RUNBOOKS", "Verdict", "findings_list", "verdict"]

OWN_RUNBOOKS = "runbooks/"
"""Where the agents serve their runbooks, seen from their first page."""

FEW, OPEN, FOLDED = 6, 20, 200
"""Findings that are simply shown; that are to be seen at once; and that are in the page at all, behind those."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A page in one line."""

    tone: Tone
    word: str
    """`ok`, `warning`, `critical`, `unknown`, or that not everything was looked at."""
    strong: str
    told: str

    @property
    def banner(self) -> Markup:
        """As the page has it."""
        return Markup('<div class="verdict {}">{}<div><strong>{}</strong> <span>{}</span></div></div>').format(
            self.tone, icon(self.tone), self.strong, self.told
        )


def verdict(
    findings: Iterable[Finding],
    unanswered: Sequence[str],
    unseen: int = 0,
    seen: str = "Every place was looked at",
    unreached: int = 0,
) -> Verdict:
    """How much is wrong; or that all is ok, but only where all was looked at.

    `unanswered`: sources without a first answer. `unseen`: nodes of whose certificates nobody tells. `seen`: what was
    looked at, as the beginning of a sentence. `unreached`: addresses that the API server calls and nobody here reaches.
    """
    counts = Counter(finding.severity for finding in findings)
    worst, *others = [_count(counts[one], _NOUNS[one]) for one in Severity if counts[one]] or [""]
    told = f"Also {names_listed(others)}." if others else ""
    severity = next((one for one in Severity if counts[one] and one is not Severity.INFO), None)
    if severity is not None:
        tone, word, strong = SEVERITY_TONE[severity], verdict_word(severity), worst
    elif unanswered or unseen or unreached:
        tone, word, strong = Tone.BLIND, NOT_LOOKED_AT, "Not everything has been looked at"
        told = ""
    else:
        tone, word, strong = Tone.OK, OK, "All is ok"
        told = f"{seen}, and nothing needs to be done."
    if worst and severity is None:
        told += f" {worst} below."
    if unseen:
        told += f" Nobody tells about the certificates of {_count(unseen, 'node')}."
    if unreached:
        several = f"{unreached:,} addresses" if unreached > 1 else "One address"
        told += f" {several} that the API server calls could not be seen from here."
    if unanswered:
        told += f" No first answer yet from: {', '.join(unanswered)}."
    return Verdict(tone, word, strong, told.lstrip())


_NOUNS = {
    Severity.CRITICAL: "critical finding",
    Severity.UNKNOWN: "unknown",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 or noun == _NOUNS[Severity.UNKNOWN] else 's'}"


def findings_list(
    findings: Iterable[Finding],
    *,
    subject: str = "",
    runbooks: str = OWN_RUNBOOKS,
    nodes: str | None = None,
    unfolded: bool = True,
) -> Markup:
    """Findings, worst first. `subject` is the one the whole page is about, which then is not said each time.

    `runbooks`: the base of the links to them. `nodes`: where the pages of nodes are, None where there are none.
    `unfolded`: cause and next steps are to be seen at once, else behind a click, so that more findings fit.
    """
    look = _Look(subject, runbooks, nodes, unfolded)
    ordered = gathered(findings)
    if not ordered:
        return Markup('<p class="none">None.</p>')
    worse = sum(one.finding.severity is not Severity.INFO for one in ordered)
    # Among many, notes are folded where there is something to do; and no page is so bad that nobody can read it.
    shown = len(ordered) if len(ordered) <= FEW else min(worse or len(ordered), OPEN)
    parts = [_items(ordered[:shown], look)]
    if folded := ordered[shown:]:
        summary = _count(len(folded), "note" if shown == worse else "more finding")
        beyond = len(folded) - FOLDED
        more = Markup('<p class="none">And {} more, none worse than these.</p>').format(beyond) if beyond > 0 else ""
        rest = _items(folded[:FOLDED], look)
        parts.append(Markup('<details class="more"><summary>{}</summary>\n{}{}</details>').format(summary, rest, more))
    return join(parts)


@dataclass(frozen=True, slots=True)
class _Look:
    subject: str
    runbooks: str
    nodes: str | None
    unfolded: bool


def _items(entries: Sequence[Gathered], look: _Look) -> Markup:
    return Markup('<ul class="findings">\n{}\n</ul>').format(join(_item(entry, look) for entry in entries))


def _item(entry: Gathered, look: _Look) -> Markup:
    finding = entry.finding
    tone = SEVERITY_TONE[finding.severity]
    about = Markup('<span class="subject">{}</span>').format(_about(entry, look)) if entry.about != look.subject else ""
    link = Markup('<a href="{}">{}<span class="unseen"> runbook</span></a>').format(
        runbook_url(finding.alert, look.runbooks), finding.alert
    )
    more = " ".join(filter(None, (finding.why, entry.others_named)))
    why = Markup('<p class="why">{}</p>').format(more) if more else ""
    steps = Markup('{}<ol class="next">{}</ol>').format(why, join(_step(one) for one in finding.next))
    if not look.unfolded:
        steps = Markup(
            '<details><summary>Cause and next steps<span class="unseen">: {}</span></summary>{}</details>'
        ).format(entry.about, steps)
    return Markup('<li class="card finding {}"><div class="meta">{}{}{}</div><p class="what">{}</p>{}</li>').format(
        tone,
        badge(tone, finding.severity.value),
        about,
        link if finding.alert else "",
        finding.what,
        steps,
    )


def _about(entry: Gathered, look: _Look) -> Markup | str:
    """What it is about; a node leads to its own page."""
    if look.nodes is None or not entry.finding.node:
        return entry.about
    name = str(entry.finding.subject)
    page = Markup('<a href="{}{}">{}</a>').format(look.nodes, quote(entry.finding.node, safe=""), name)
    return Markup("{}{}").format(page, entry.about.removeprefix(name))


def _step(step: Step) -> Markup:
    command = Markup("<pre>{}</pre>").format(code(step.command)) if step.command else ""
    return Markup("<li>{}{}</li>").format(step.text, command)
