"""The name of an alert in, the page with its runbook out; without a name, the list of all runbooks."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from exporter.findings import PUBLIC_RUNBOOKS
from exporter.pages.frame import Frame, document
from exporter.pages.page import join
from exporter.pages.runbooks import runbook_names, runbook_text
from exporter.pages.style import html_document
from exporter.web.document import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["runbook_document"]

_MEANING = re.compile(r"^## Meaning\n+(.*?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)


def runbook_document(name: str, now: float) -> Document | None:
    """The page; None: there is no such runbook. `now` in Unix seconds."""
    if not name:
        return html_document(_index(now))
    text = runbook_text(name)
    return None if text is None else html_document(_runbook(text, now))


def _index(now: float) -> str:
    names = runbook_names()
    items = (
        Markup('<li><a href="{}">{}</a><br>{}</li>').format(name, name, _meaning(runbook_text(name) or ""))
        for name in names
    )
    body = Markup('<ul class="card panel runbooks">\n{}\n</ul>').format(join(items))
    return document(Frame("Runbooks", "AKS certificates", now, "One for each alert.", root="../"), (body,))


def _meaning(text: str) -> str:
    """The first sentence of the section that says what the alert means, without marks."""
    found = _MEANING.search(text)
    words = " ".join(found[1].split()) if found else ""
    return re.sub(r"[`*]", "", words.split(". ", 1)[0].removesuffix(".") + "." if words else "")


def _runbook(text: str, now: float) -> str:
    title, _, rest = text.partition("\n")
    body = Markup('<article class="card panel runbook">\n{}</article>').format(_html(rest))
    lead = Markup('<a href="./">All runbooks</a>')
    heading = title.removeprefix("# ").strip()
    return document(Frame(heading, "AKS certificates · runbook", now, lead, root="../"), (body,))


def _html(text: str) -> Markup:
    """Markdown as HTML. Raw HTML in it stays text."""
    from markdown_it import MarkdownIt  # of no use to whoever opens no runbook

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    _adapted(tokens)
    rendered: str = reader.renderer.render(tokens, reader.options, {})
    return Markup(rendered)  # noqa: S704 - our own files, and whatever is in them was escaped


def _adapted(tokens: "Sequence[Token]") -> None:
    """Let links to other documents lead to where everybody can read them, and give column headings their scope."""
    for token in tokens:
        target = token.attrGet("href")
        if isinstance(target, str) and target.startswith("../"):
            token.attrSet("href", PUBLIC_RUNBOOKS.removesuffix("runbooks/") + target.removeprefix("../"))
        if token.type == "th_open":
            token.attrSet("scope", "col")
        _adapted(token.children or ())
