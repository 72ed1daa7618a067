"""Whole pages, as they were looked at and kept: cluster_page, node_page and told_node_page.

With all that they are made of: azure_section, control_plane_section, endpoint_section, timeline_section, node_section,
findings_list, source_table, lifetime, selection, grafana, time_element, frame, page and style.
"""

from collections.abc import Callable

import pytest

from tests.pages.document import check
from tests.pages.kept import FOLDER, pages, shown

PAGES = dict(pages())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was_kept(name: str) -> None:
    page: Callable[[], str] = PAGES[name]
    html = page()
    check(html)
    assert shown(html) == (FOLDER / f"{name}.html").read_text(encoding="utf-8"), "look: python -m tests.pages.kept"


def test_nothing_is_kept_that_is_no_page() -> None:
    assert {one.stem for one in FOLDER.iterdir()} == set(PAGES)
