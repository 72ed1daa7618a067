"""The stylesheet: its colours can be read in both schemes, and the policy allows it and nothing else."""

import base64
import hashlib
import re

import pytest

from exporter.pages.style import POLICY, SCRIPT, STYLE

TONES = ("ok", "info", "warning", "blind", "critical")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_of_level_aa(colours: dict[str, str]) -> None:
    pairs = [(text, ground) for text in ("text", "quiet", "link") for ground in ("ground", "surface")]
    pairs += [(tone, ground) for tone in TONES for ground in (f"{tone}-ground", "surface")]
    pairs += [("text", f"{tone}-ground") for tone in TONES] + [("quiet", "sunken")]
    poor = {pair: round(value, 2) for pair in pairs if (value := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert poor == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_that_mean_something_stand_out(colours: dict[str, str]) -> None:
    pairs = [("lived", "sunken"), ("focus", "ground"), ("focus", "surface"), *((tone, "sunken") for tone in TONES)]
    poor = {pair: round(value, 2) for pair in pairs if (value := contrast(colours[pair[0]], colours[pair[1]])) < 3}
    assert poor == {}


def test_both_schemes_define_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(re.findall(r"var\(--([a-z-]+)\)", STYLE)) - {"tone", "tone-ground"} <= set(LIGHT)


def test_the_policy_names_stylesheet_and_script_by_their_hashes() -> None:
    for kind, content in (("style", STYLE), ("script", SCRIPT)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_the_script_fetches_nothing() -> None:
    assert not re.search(r"fetch\(|XMLHttpRequest|import|WebSocket|eval|innerHTML|</", SCRIPT)


def test_the_stylesheet_fetches_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "</" not in STYLE
