"""One mapping of a YAML file: its values key by key, and the words for what is wrong."""

from pathlib import Path

import pytest

from exporter.settings import SettingsError
from exporter.web.yaml_mapping import YamlMapping, clean, shown, text, texts, truth

FILE = Path("web.yml")


def said(call: object) -> str:
    with pytest.raises(SettingsError) as caught:
        call()  # type: ignore[operator]
    return str(caught.value)


def test_values_are_taken_once() -> None:
    section = YamlMapping(FILE, "top", {"a": "1", "b": "2"})
    assert section.take("a", text, "none") == "1"
    assert section.take("a", text, "none") == "none"
    assert section.content == {"b": "2"}
    assert said(section.end) == "web.yml: unknown key top.b"
    assert section.take("b", text, "") == "2"
    section.end()


def test_the_given_mapping_is_left_as_it_is() -> None:
    given = {"a": "1"}
    YamlMapping(FILE, "", given).take("a", text, "")
    assert given == {"a": "1"}


@pytest.mark.parametrize(("name", "where"), [("", "a"), ("top", "top.a")])
def test_what_is_wrong_is_said_with_file_and_key(name: str, where: str) -> None:
    def section() -> YamlMapping:
        return YamlMapping(FILE, name, {"a": None, "b\n": 1})

    assert said(lambda: section().fail("a", "words")) == f"web.yml: {where}: words"
    assert said(lambda: section().take("a", text, "")) == f"web.yml: {where}: has no value"
    assert said(lambda: section().mapping("a")) == f"web.yml: {where}: is there and empty: fill it in or leave it out"
    other = section()
    assert said(lambda: other.take("b\n", text, "")).endswith(": not a string: 1")
    del other.content["a"]
    other.content["b\n"] = 1
    assert said(other.end) == f"web.yml: unknown key {where[:-1]}b"


def test_without_a_key_the_mapping_is_named() -> None:
    assert said(lambda: YamlMapping(FILE, "", []).end()) == "web.yml: not a mapping: []"
    assert said(lambda: YamlMapping(FILE, "top", "x").end()) == "web.yml: top: not a mapping: 'x'"
    assert said(lambda: YamlMapping(FILE, "top", {1: 2}).end()) == "web.yml: top: a key is not a string: 1"


def test_a_mapping_below_is_named_after_both() -> None:
    section = YamlMapping(FILE, "top", {"a": {"b": 1}, "c": {}})
    below = section.mapping("a")
    assert (below.name, below.content, below.file) == ("top.a", {"b": 1}, FILE)
    assert section.mapping("a").content == {}  # taken already: as one that is not there
    assert said(lambda: section.mapping("c")).endswith("top.c: is there and empty: fill it in or leave it out")
    assert said(lambda: YamlMapping(FILE, "", {"a": [1]}).mapping("a")) == "web.yml: a: not a mapping: [1]"
    assert YamlMapping(FILE, "", {}).mapping("a").name == "a"


@pytest.mark.parametrize("control", ["\x00", "\n", "\t", "\x1f", "\x7f"])
def test_a_text_holds_no_control_character(control: str) -> None:
    with pytest.raises(ValueError, match=r"^holds a control character$"):
        text(f"a{control}b")


@pytest.mark.parametrize("half", [chr(0xD800), chr(0xDFFF)], ids=("first", "last"))
def test_a_text_can_be_written(half: str) -> None:
    """YAML's escapes make others, which are no path and no name."""
    with pytest.raises(ValueError, match=r"^holds half of a character$"):
        text(f"a{half}b")


def test_values_are_of_their_kind() -> None:
    assert text(" ~ä") == " ~ä"
    assert texts([]) == ()
    assert texts(["a", "b"]) == ("a", "b")
    assert (truth(True), truth(False)) == (True, False)
    for parse, value, words in (
        (text, 1, "not a string: 1"),
        (text, None, "not a string: None"),
        (texts, ("a",), r"not a list: \('a',\)"),
        (texts, ["a", 1], "not a string: 1"),
        (truth, 0, "not true or false: 0"),
        (truth, "true", "not true or false: 'true'"),
    ):
        with pytest.raises(ValueError, match=f"^{words}$"):
            parse(value)


def test_what_is_shown_is_short_and_on_one_line() -> None:
    assert shown("x" * 58) == repr("x" * 58)
    assert shown("x" * 59) == f"'{'x' * 58}…"
    assert len(shown("x" * 70)) == 60
    assert shown({"a": {"b": {"c": {}}}}) == "{'a': {'b': {...}}}"
    assert shown("x" * 200) == f"'{'x' * 37}...{'x' * 18}…"
    assert shown(b"x" * 200) == f"b'{'x' * 36}...{'x' * 18}…"
    assert shown(10**100) == f"{'1' + '0' * 37}...{'0' * 19}"[:59] + "…"
    assert clean(" a\n\tb\x00c  d ") == "a b c d"
