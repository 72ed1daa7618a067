"""A cached instance metadata answer in, the tags that the node was made with out; nothing else of it is kept."""

from exporter.facts.host.json_object import json_object

__all__ = ["Tags", "instance_tags"]

Tags = tuple[tuple[str, str], ...]


def instance_tags(content: bytes) -> Tags:
    """Name and value of the tags (`compute.tagsList`). Raises ValueError when the bytes are no such answer."""
    compute = json_object(content).get("compute")
    if not isinstance(compute, dict):
        raise ValueError("no compute section")
    tags = compute.get("tagsList")
    if not isinstance(tags, list):
        raise ValueError("no compute.tagsList")
    return tuple((str(tag.get("name", "")), str(tag.get("value", ""))) for tag in tags if isinstance(tag, dict))
