"""JSON bytes in, the object out."""

import json

__all__ = ["json_object"]


def json_object(content: bytes) -> dict[object, object]:
    """The object. Raises ValueError with a message that quotes nothing of the bytes."""
    try:
        loaded = json.loads(content)  # tells UTF-8 and UTF-16 apart: PowerShell's Out-File writes the latter
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(loaded, dict):
        raise ValueError("not a JSON object")
    return loaded
