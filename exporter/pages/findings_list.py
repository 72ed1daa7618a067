"""Findings in, what a page says of them out: its verdict in one line, and the list with the worst first."""

from collections import Counter
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from exporter.findings import Finding, Severity, Step, runbook_url
from exporter.findings.gathered import Gathered, gathered
from exporter.pages.page import SEVERITY_TONE, Tone, badge, code, icon, join

__all__ = ["OWN_RUNBOOKS", "findings_list", "verdict"]

OWN_RUNBOOKS = "runbooks/"
"""Where the agents serve their runbooks, seen from their first page."""

FEW, OPEN, FOLDED = 6, 20, 200
"""Findings that are simply shown; that are to be seen at once; and that are in the page at all, behind those."""


def verdict(findings: Iterable[Finding], unanswered: Sequence[str]) -> Markup:
    """The page in one line: how much is wrong; or that all is ok, but only where all was looked at."""
    counts = Counter(finding.severity for finding in findings)
    worst, *others = [_count(counts[one], _NOUNS[one]) for one in Severity if counts[one]] or [""]
    told = f"Also {', '.join(others[:-1])}{' and ' if others[1:] else ''}{others[-1]}." if others else ""
    severity = next((one for one in Severity if counts[one] and one is not Severity.INFO), None)
    if severity is not None:
        tone, strong = SEVERITY_TONE[severity], worst
    elif unanswered:
        tone, strong = Tone.BLIND, "Not everything has been looked at yet"
    else:
        tone, strong = Tone.OK, "All is ok"
        told = "Every place was looked at, and nothing needs to be done."
        if worst:
            told += f" {worst} below."
    if unanswered:
        told = f"{told} No first answer yet from: {', '.join(unanswered)}.".lstrip()
    return Markup('<div class="verdict {}">{}<div><strong>{}</strong><span>{}</span></div></div>').format(
        tone, icon(tone), strong, told
    )


_NOUNS = {
    Severity.CRITICAL: "critical finding",
    Severity.UNKNOWN: "unknown",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 or noun == _NOUNS[Severity.UNKNOWN] else 's'}"


def findings_list(findings: Iterable[Finding], *, subject: str = "", runbooks: str = OWN_RUNBOOKS) -> Markup:
    """Findings, worst first. `subject` is the one the whole page is about, which then is not said each time.

    `runbooks`: the base of the links to them.
    """
    ordered = gathered(findings)
    if not ordered:
        return Markup('<p class="none">None.</p>')
    worse = sum(one.finding.severity is not Severity.INFO for one in ordered)
    # Among many, notes are folded where there is something to do; and no page is so bad that nobody can read it.
    shown = len(ordered) if len(ordered) <= FEW else min(worse or len(ordered), OPEN)
    parts = [_items(ordered[:shown], subject, runbooks)]
    if folded := ordered[shown:]:
        summary = _count(len(folded), "note" if shown == worse else "more finding")
        beyond = len(folded) - FOLDED
        more = Markup('<p class="none">And {} more, none worse than these.</p>').format(beyond) if beyond > 0 else ""
        rest = _items(folded[:FOLDED], subject, runbooks)
        parts.append(Markup('<details class="more"><summary>{}</summary>\n{}{}</details>').format(summary, rest, more))
    return join(parts)


def _items(entries: Sequence[Gathered], subject: str, runbooks: str) -> Markup:
    items = []
    for entry in entries:
        finding = entry.finding
        tone = SEVERITY_TONE[finding.severity]
        about = Markup('<span class="subject">{}</span>').format(entry.about) if entry.about != subject else Markup()
        link = Markup('<a href="{}">{}<span class="unseen"> runbook</span></a>').format(
            runbook_url(finding.alert, runbooks), finding.alert
        )
        more = " ".join(filter(None, (finding.why, entry.others_named)))
        why = Markup('<p class="why">{}</p>').format(more) if more else ""
        items.append(
            Markup(
                '<li class="card finding {}"><div class="meta">{}{}{}</div>'
                '<p class="what">{}</p>{}<ol class="next">{}</ol></li>'
            ).format(
                tone,
                badge(tone, finding.severity.value),
                about,
                link if finding.alert else "",
                finding.what,
                why,
                join(_step(one) for one in finding.next),
            )
        )
    return Markup('<ul class="findings">\n{}\n</ul>').format(join(items))


def _step(step: Step) -> Markup:
    command = Markup("<pre>{}</pre>").format(code(step.command)) if step.command else ""
    return Markup("<li>{}{}</li>").format(step.text, command)
