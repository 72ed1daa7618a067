"""Nobody reads a riddle at night: words that no native SRE would write come back in none of what people read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.generated import ROOT

RIDDLES = {
    "only X, not X alone": r"(?<!let )(?<!left )\balone\b(?!,? it)",
    "absent, as expected": r"\brightly so\b",
    "is, not stands": r"\bstands?\b(?!-| for\b| still\b)",
    "has been … since": r"\b(?:is|are) (?:\w+ )?(?:unanswered|silent|pending|waiting|overdue|down|open|away) since\b",
    "says, names, reports": r"\btells? of\b",
    "ok, or what it is": r"\b(?:is|are) well\b(?!-)|\bnot well\b|\ball well\b|[\"`]well[\"`]",
    "costly, slow": r"\bdear\b",
    "nobody else approves it": r"\bnobody else does it\b",
    "minimum log level": r"\bleast severe\b",
    "unknown, as a verdict": r"[\"`]could not look[\"`]",
}
"""What to write instead, and the expression that finds the relapse."""
READ = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**/*.md",
    "exporter/**/*.py",
    "simulation/**/*.py",
    "tools/**/*.py",
    "benchmarks/**/*.py",
    "Makefile",
    "pyproject.toml",
    "helm/aks-cert-exporter/values.yaml",
    "helm/aks-cert-exporter/README.md",
    "helm/aks-cert-exporter/templates/NOTES.txt",
    "helm/aks-cert-exporter/files/rules/*.yaml",
    "helm/aks-cert-exporter/files/alertmanager/*.yaml",
    "tests/findings/*.py",
    "tests/judgement/*.py",
    "tests/rules/*.py",
)


def texts() -> Iterator[Path]:
    for pattern in READ:
        yield from sorted(one for one in ROOT.glob(pattern) if "node_modules" not in one.parts)


def riddles(text: str) -> list[str]:
    """Each relapse with its line."""
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}: {instead}"
        for instead, expression in RIDDLES.items()
        for match in re.finditer(expression, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("file", list(texts()), ids=lambda file: str(file.relative_to(ROOT)))
def test_what_people_read_is_plain(file: Path) -> None:
    assert riddles(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "AKS renews it on RBAC clusters alone.",
        "It is not there, and rightly so.",
        "The key stands in the file.",
        "A request is unanswered since Monday.",
        "The agent tells of it.",
        "All of them are well.",
        'Exit status 0 is "well".',
        "A dear call.",
    ],
)
def test_a_riddle_is_found(sentence: str) -> None:
    assert riddles(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "RESOURCE_GROUP stands for the name.",
        "Deployments stand still.",
        "It has been unanswered since Monday.",
        "A well-known path.",
        "It works as well.",
    ],
)
def test_plain_words_pass(sentence: str) -> None:
    assert riddles(sentence) == []
