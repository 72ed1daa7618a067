"""The tags in a cached instance metadata answer: instance_metadata.py and json_object.py of exporter/facts/host."""

import json

import pytest

from exporter.facts.host.instance_metadata import instance_tags
from exporter.facts.host.json_object import json_object


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], ()),
        ([{"name": "a", "value": "b"}, {"name": "c", "value": "d"}], (("a", "b"), ("c", "d"))),
        ([{"name": "c"}, {"value": "d"}, {}], (("c", ""), ("", "d"), ("", ""))),
        ([{"name": 1, "value": True}, "a:b", None, {"name": "e", "value": "f"}], (("1", "True"), ("e", "f"))),
    ],
)
def test_of_the_instance_metadata_only_the_tags_are_kept(tags: object, expected: tuple[tuple[str, str], ...]) -> None:
    """In their order, since AKS goes by the first that matches."""
    content = {"compute": {"customData": "secret", "tagsList": tags}, "tagsList": [{"name": "x"}]}
    assert instance_tags(json.dumps(content).encode()) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no compute section"),
        ({"compute": []}, "no compute section"),
        ({"compute": {}}, "no compute.tagsList"),
        ({"compute": {"tagsList": "a:b"}}, "no compute.tagsList"),
        ({"compute": {"tagsList": None, "tags": "a:b"}}, "no compute.tagsList"),
        ([], "not a JSON object"),
    ],
)
def test_an_answer_without_tags_is_none(content: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        instance_tags(json.dumps(content).encode())
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"secret", "not JSON"),
        (b"\xff\xff", "not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_what_is_no_object_is_told_without_a_word_of_it(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        json_object(content)
    assert (str(raised.value), raised.value.__cause__) == (message, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_an_object_is_read_in_the_encodings_of_powershell(encoding: str) -> None:
    assert json_object('{"ä": [1]}'.encode(encoding)) == {"ä": [1]}
