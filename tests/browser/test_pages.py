"""The pages in a real browser: light, dark and narrow, by keyboard only, and with nothing that the policy refuses.

Pictures of what was seen are kept in .cache/browser.
"""

import itertools
from pathlib import Path

import pytest

from tools.browser import Browser, Tab

PICTURES = Path(__file__).parents[2] / ".cache/browser"
LOOKS = {"light": (1100, False), "dark": (1100, True), "phone": (390, False), "phone-dark": (390, True)}
NARROWEST = 320
"""WCAG 2.2, 1.4.10: what a page of 1280 pixels has at four times the size."""
PAGES = {
    "cluster": "",
    "cluster-filtered": "?pool=pool7&state=off&page=2#shown",
    "cluster-misunderstood": "?pool=none&state=worse&page=x",
    "node": "?which=node",
    "broken-node": "?which=broken-node",
}
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.unseen, .skip, thead, svg') && e.getClientRects().length)
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
  .map(e => e.tagName + '.' + e.className)
"""


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read_in_every_look_and_nothing_complains(
    site: str, chromium: Browser, page: str, look: str
) -> None:
    width, dark = LOOKS[look]
    tab = chromium.tab(width, 900, dark=dark)
    tab.open(site + PAGES[page])
    PICTURES.mkdir(parents=True, exist_ok=True)
    tab.picture(PICTURES / f"{page}-{look}.png")
    assert tab.complaints == []
    assert tab.requests == [(site + PAGES[page]).partition("#")[0]]
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value(TOO_WIDE) == []
    ground = tab.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(14, 18, 22)" if dark else "rgb(246, 247, 249)")


@pytest.mark.parametrize("page", PAGES)
def test_the_same_facts_are_drawn_with_the_same_bytes(site: str, chromium: Browser, page: str, tmp_path: Path) -> None:
    drawn = []
    for name in ("once.png", "again.png"):
        tab = chromium.tab(1100, 900)
        tab.open(site + PAGES[page])
        tab.picture(tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_scrolling_to_the_side_at_four_times_its_size(site: str, chromium: Browser, page: str) -> None:
    tab = chromium.tab(NARROWEST, 700)
    tab.open(site + PAGES[page])
    assert tab.value("document.documentElement.scrollWidth") == NARROWEST
    assert tab.value(TOO_WIDE) == []


@pytest.mark.parametrize("page", PAGES)
def test_all_that_can_be_used_has_a_name_and_headings_go_down_step_by_step(
    site: str, chromium: Browser, page: str
) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(site + PAGES[page])
    nodes = tab.order("Accessibility.getFullAXTree")["nodes"]
    assert isinstance(nodes, list)
    named = {"link", "button", "combobox", "region", "navigation", "search", "table", "DisclosureTriangle"}
    used = [(one["role"]["value"], one.get("name", {}).get("value")) for one in nodes if "role" in one]
    assert {role for role, _ in used} >= {"link", "region", "table", "main", "banner", "contentinfo"}
    assert [role for role, name in used if role in named and not name] == []
    levels = tab.value("[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))")
    assert isinstance(levels, list)
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_what_the_policy_refuses_is_seen_here(site: str, chromium: Browser) -> None:
    """Else the tests above would prove nothing."""
    tab = chromium.tab(1100, 900)
    tab.open(f"{site}?which=spoiled")
    words = " ".join(tab.complaints)
    assert "style" in words
    assert "a.example" in words


def focused(tab: Tab) -> str:
    """The text of what has the focus, with what only a screen reader says."""
    return str(tab.value("(document.activeElement.textContent || '').trim()"))


def holder(tab: Tab) -> str:
    """What has the focus, as `<summary id="x"> its text`, for a test that looked for something else."""
    element = "document.activeElement"
    return f"<{tab.value(f'{element}.localName')} id={tab.value(f'{element}.id')!r}> {focused(tab)[:80]}"


def tab_to(tab: Tab, text: str, most: int = 250) -> None:
    """Press Tab until that text has the focus, which then must be seen."""
    passed = []
    for _ in range(most):
        tab.key("Tab")
        passed.append(focused(tab))
        if passed[-1] == text:
            assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"no way by keyboard to {text!r}; in turn these had the focus: {passed}")


def test_the_first_tab_leads_past_the_header(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(site)
    tab_to(tab, "Skip to the content", most=1)
    assert tab.value("document.activeElement.getBoundingClientRect().left >= 0"), holder(tab)
    tab.key("Enter")
    assert tab.value("document.activeElement.id") == "content", holder(tab)


def test_a_pool_can_be_chosen_by_keyboard_alone(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(site)
    tab_to(tab, "pool7: every node of it")
    tab.follow()
    assert tab.value("location.search + location.hash") == "?pool=pool7&state=all#shown"
    caption = tab.value("document.querySelector('caption.title').textContent")
    assert str(caption).startswith("Nodes of pool7 in any state: 1 to 50 of ")
    tab_to(tab, "Next 50 nodes")
    tab.follow()
    assert tab.value("location.search") == "?pool=pool7&state=all&page=2"


def test_the_form_works_by_keyboard_and_without_a_script(site: str, chromium: Browser) -> None:
    tab = chromium.tab(390, 800)
    tab.order("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(site)
    passed: list[str] = []
    while tab.value("document.activeElement.id") != "state":
        assert len(passed) < 100, f"no way by keyboard to the state's menu; in turn these had the focus: {passed}"
        tab.key("Tab")
        passed.append(holder(tab))
    tab.key("ArrowDown")
    tab_to(tab, "Show", most=3)
    tab.follow()
    assert tab.value("location.search + location.hash") == "?state=waiting&pool=&q=#shown"
    assert tab.value("document.querySelector('#state').value") == "waiting"
    top = tab.value("document.querySelector('#shown').getBoundingClientRect().top")
    assert isinstance(top, int | float)
    assert abs(top) < 60


def test_a_note_that_is_folded_opens_by_keyboard(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(site)
    tab_to(tab, "1 note")
    tab.key("Enter")
    assert tab.value("document.activeElement.parentElement.open") is True, holder(tab)


def test_the_first_screen_has_the_verdict_four_findings_and_the_counts_by_pool(site: str, chromium: Browser) -> None:
    """At 1280 by 800, as on a laptop."""
    tab = chromium.tab(1280, 800)
    tab.open(site)
    parts = "['.verdict', '.finding:nth-child(4)', '.pools']"
    bottoms = tab.value(f"{parts}.map(one => document.querySelector(one).getBoundingClientRect().bottom)")
    assert isinstance(bottoms, list)
    assert max(bottoms) <= 800


def test_a_command_is_copied_by_keyboard(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(f"{site}?which=broken-node")
    commands = tab.value("document.querySelectorAll('pre > code').length")
    assert commands == tab.value("document.querySelectorAll('pre > button.copy').length") != 0
    tab.value("document.addEventListener('copy', () => { window.copied = String(getSelection()); }) || 0")
    tab.value("Object.defineProperty(window, 'isSecureContext', {value: false}) && 0")
    tab_to(tab, "Copy")
    tab.key("Enter")
    command = tab.value("document.activeElement.previousElementSibling.textContent")
    assert tab.value("window.copied") == command, holder(tab)
    assert tab.complaints == []


def test_without_a_script_commands_are_there_and_buttons_are_not(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.order("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(f"{site}?which=broken-node")
    assert tab.value("document.querySelectorAll('pre > code').length") != 0
    assert tab.value("document.querySelectorAll('button.copy').length") == 0


def test_a_node_can_be_found_by_its_name(site: str, chromium: Browser) -> None:
    tab = chromium.tab(1100, 900)
    tab.open(f"{site}?q=pool3-26535897-vmss00001#shown")
    caption = str(tab.value("document.querySelector('caption.title').textContent"))
    assert caption == "Nodes with “pool3-26535897-vmss00001” in their name in any state: 16"
    assert str(tab.value("document.querySelector('a.name').getAttribute('href')")).startswith("nodes/aks-pool3-")
