"""A page's parts in, the whole HTML document out: title and icon with the verdict, refresh, header and footer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from markupsafe import Markup

from exporter import __version__
from exporter.findings.formatting import utc_time
from exporter.pages.page import SHAPES, Cell, Tone, join
from exporter.pages.style import SCRIPT, STYLE
from exporter.pages.time_element import iso_time

__all__ = ["REFRESH", "Frame", "document"]

REFRESH = 60
"""Seconds after which a page of facts is loaded again: by then a scrape would have seen what is new."""

_COLOURS = {
    Tone.OK: "#2e9e58",
    Tone.INFO: "#0b57a8",
    Tone.WARNING: "#d98a00",
    Tone.BLIND: "#7d4fd0",
    Tone.CRITICAL: "#d0302a",
    Tone.QUIET: "#586270",
}
"""Of the icon, on any browser's tab bar."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the body."""

    heading: str
    over: str
    """A line before the heading."""
    now: float
    """When the facts were looked at, in Unix seconds."""
    lead: Cell = ""
    """A sentence below the heading."""
    verdict: tuple[Tone, str] | None = None
    """The worst state as a tone and one word, for title and icon."""
    contents: tuple[tuple[str, str], ...] = ()
    """Names and headings of sections, for a page long enough to need them."""
    root: str = ""
    """The way to the agent's first page, relative, so that it also works behind a proxy's path."""
    query: Mapping[str, str] | None = field(default=None)
    """The page's query, where it is to be loaded again by itself; `refresh=0` in it switches that off."""


def document(frame: Frame, body: Iterable[Markup]) -> str:
    """The whole document."""
    tone, word = frame.verdict or (Tone.INFO, "")
    ways = join(Markup('<li><a href="#{}">{}</a></li>').format(name, heading) for name, heading in frame.contents)
    nav = Markup('<nav class="contents" aria-label="On this page"><ul>\n{}\n</ul></nav>\n').format(ways) if ways else ""
    meta, switch = _refresh(frame)
    return str(
        Markup("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
{meta}<title>{word}{heading} · aks-cert-exporter</title>
<link rel="icon" href="{icon}">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><div class="page">
<p class="over">{over}</p>
<h1>{heading}</h1>
{lead}{nav}</div></header>
<main id="content" tabindex="-1"><div class="page">
<p id="age" class="card notice" role="status" hidden></p>
{body}
</div></main>
<footer><div class="page">
<span>aks-cert-exporter {version}</span>
<span>Looked at <time datetime="{iso}">{moment}</time></span>
{switch}<a href="{root}metrics">Metrics</a>
<a href="{root}facts">Facts as JSON</a>
<a href="{root}runbooks/">Runbooks</a>
</div></footer>
<script>{script}</script>
</body>
</html>
""").format(
            meta=meta,
            word=f"{word} · " if word else "",
            icon=_icon(tone),
            heading=frame.heading,
            over=frame.over,
            lead=Markup('<p class="lead">{}</p>\n').format(frame.lead) if frame.lead else "",
            nav=nav,
            style=Markup(STYLE),  # noqa: S704 - our own constants, and escaped they would not match their hashes
            script=Markup(SCRIPT),  # noqa: S704
            body=join(body),
            version=__version__,
            root=frame.root,
            iso=iso_time(frame.now),
            moment=utc_time(frame.now),
            switch=switch,
        )
    )


def _refresh(frame: Frame) -> tuple[Markup, Markup]:
    """The element that loads the page again, and the link that switches it off or on."""
    if frame.query is None:
        return Markup(), Markup()
    others = {name: value for name, value in frame.query.items() if name != "refresh"}
    if frame.query.get("refresh") == "0":
        link = Markup('<a href="?{}">Load it again every minute</a>\n').format(urlencode(others))
        return Markup(), link
    stop = Markup('<a href="?{}">Stop loading it again every minute</a>\n').format(urlencode(others | {"refresh": "0"}))
    return Markup('<meta http-equiv="refresh" content="{}">\n').format(REFRESH), stop


def _icon(tone: Tone) -> str:
    """The tone's shape as an image inside the page."""
    shape = str(SHAPES[tone]).replace('class="mark"', 'fill="none" stroke="#fff" stroke-width="1.8"')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="{_COLOURS[tone]}">{shape}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"
