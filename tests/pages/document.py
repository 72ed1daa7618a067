"""Reads a page: its text, that its elements nest, that everybody can use it, and that it keeps to its own policy."""

import re
from html.parser import HTMLParser

from exporter.pages.style import SCRIPT, STYLE

VOID = {"meta", "link", "br", "circle", "path", "rect", "line", "input"}


class Reader(HTMLParser):
    """Collects the text and the elements, and fails where they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"} and data.strip():
            self.text.append(data.strip())


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def check(html: str) -> None:
    """Well-formed, with its landmarks, names and headings; no request, no script and style but the one of each."""
    reader = read(html)
    tags = [tag for tag, _ in reader.elements]
    assert html.startswith("<!doctype html>\n")
    assert [tags.count(tag) for tag in ("h1", "main", "header", "footer", "title")] == [1, 1, 1, 1, 1]
    assert ("html", {"lang": "en"}) in reader.elements
    assert re.findall(r"<style>(.*?)</style>", html, re.DOTALL) == [STYLE]
    assert re.findall(r"<script>(.*?)</script>", html, re.DOTALL) == [SCRIPT]
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.elements:
        assert tag not in {"iframe", "img", "object", "embed", "base"}
        if tag == "link":
            assert attributes["rel"] == "icon"
            assert (attributes["href"] or "").startswith("data:image/svg+xml,")
        assert not {"style", "src"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
        if tag == "th":
            assert attributes.get("scope") in {"row", "col"}
        if tag == "select" or (tag == "input" and attributes["type"] != "hidden"):
            assert ("label", {"for": attributes["id"]}) in reader.elements
        if tag == "nav":
            assert attributes.get("aria-label")
        if tag == "a" and (attributes["href"] or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids
