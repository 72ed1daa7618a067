"""A list page by page, without a server: what is between two pages."""

import time
from collections.abc import Mapping

from exporter.sources.kube.listing import PAUSE, listing


def test_after_a_page_that_brings_nothing_the_next_is_waited_for() -> None:
    """As of a server that filters what it has: at full speed it would be asked for nothing again and again."""
    pages = [
        b'{"metadata": {"continue": "a"}, "items": []}',
        b'{"metadata": {"resourceVersion": "7"}, "items": [1]}',
    ]

    def body(path: str, query: Mapping[str, str], largest: int) -> bytearray:
        return bytearray(pages.pop(0))

    began = time.monotonic()
    found = listing(body, "/api/v1/nodes", int, page=500, whole=60)
    assert time.monotonic() - began >= PAUSE
    assert (found, found.version) == ([1], "7")
