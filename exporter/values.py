"""Strings and YAML values in, the values that settings have out; ValueError where one cannot be."""

import re
from pathlib import Path

__all__ = [
    "address",
    "base",
    "directory",
    "duration",
    "link",
    "path",
    "port",
    "remote",
    "remote_or_none",
    "resource_id",
    "service",
    "service_place",
    "switch",
    "text",
    "url",
    "word",
]


HALF = re.compile("[\ud800-\udfff]")
"""Half of a character: JSON and YAML can write it, and no header, file or scrape can hold it."""


def text(value: object) -> str:
    """A string without control characters."""
    if not isinstance(value, str):
        raise ValueError("not a string")
    if any(ord(character) < 32 for character in value):
        raise ValueError("holds a control character")
    if re.search("[\ud800-\udc7f\udd00-\udfff]", value):  # those between are bytes of a path that is no text
        raise ValueError("holds half of a character")
    return value


class word:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, value: object) -> str:
        """The word, or ValueError."""
        if isinstance(value, bool):  # YAML reads true and false as such
            value = str(value).lower()
        if value not in self.words:
            raise ValueError(f"not one of {', '.join(self.words)}")
        return str(value)


def duration(value: object) -> float | None:
    """Seconds from `90d`, `12h`, `30m`, `45s`; the empty string is no duration."""
    if value == "":
        return None
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
    match = re.fullmatch(r"(\d{1,9})([smhdwy])", text(value))
    if match is None or int(match[1]) == 0:
        raise ValueError("not a duration such as 90d, 12h or 30m")
    return float(int(match[1]) * units[match[2]])


def address(value: object) -> tuple[str, int]:
    """HOST and port of `HOST:PORT`, `[IPv6]:PORT` or `:PORT` (all addresses)."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^\[\]:/@\s]*)):(\d{1,5})", text(value))
    if match is None or not 0 <= int(match[3]) <= 65535:
        raise ValueError("not HOST:PORT")
    return match[1] or match[2] or "0.0.0.0", int(match[3])  # noqa: S104 - what `:PORT` means


def remote(value: object) -> tuple[str, int]:
    """Like `address`, but a host must be named and the port is not 0."""
    host, port = address(value)
    if text(value).startswith(":") or port == 0:
        raise ValueError("not HOST:PORT")
    return host, port


def remote_or_none(value: object) -> tuple[str, int] | None:
    """HOST:PORT, or the empty string for none."""
    return None if value == "" else remote(value)


def path(value: object) -> Path | None:
    """A path; the empty string is no path."""
    return Path(text(value)) if value != "" else None


def port(value: object) -> int:
    """A TCP port, 1 to 65535."""
    number = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= 65535:
        raise ValueError("not a port")
    return int(number)


def service(value: object) -> tuple[str, str] | None:
    """Namespace and name of `NAMESPACE/NAME`; the empty string is none."""
    if value == "":
        return None
    name = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123 label, which both are
    if not re.fullmatch(f"{name}/{name}", text(value)):
        raise ValueError("not NAMESPACE/NAME")
    namespace, _, found = text(value).partition("/")
    return namespace, found


def service_place(value: object) -> tuple[tuple[str, str], tuple[str, int]]:
    """Namespace and name of a Service, and the host and port where it is, of `NAMESPACE/NAME=HOST:PORT`."""
    named, _, place = text(value).partition("=")
    found = service(named)
    if found is None:
        raise ValueError("not NAMESPACE/NAME=HOST:PORT")
    return found, remote(place)


def directory(value: object) -> Path:
    """An existing directory."""
    found = Path(text(value))
    if value == "" or not found.is_dir():  # the empty path would be where the process happens to be
        raise ValueError("not a directory")
    return found


def url(value: object) -> str:
    """An https URL without credentials; the empty string is none."""
    if value != "" and not re.fullmatch(r"https://[^\s/@?#]+(/[^\s?#]*)?", text(value)):
        raise ValueError("not an https:// URL")
    return text(value).rstrip("/")


def link(value: object) -> str:
    """The address of pages for people, without credentials; it may ask for something. The empty string is none."""
    if value != "" and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?(\?[^\s#]*)?", text(value)):
        raise ValueError("not an http:// or https:// address")
    return text(value)


def base(value: object) -> str:
    """Likewise, to which a name is added: it asks for nothing."""
    if "?" in (found := link(value)):
        raise ValueError("not an http:// or https:// address without a query")
    return found.rstrip("/")


def resource_id(value: object) -> str:
    """The Azure resource id of a managed cluster; the empty string is none."""
    form = (
        r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.ContainerService/managedClusters/[^/\s]+"
    )
    if value != "" and not re.fullmatch(form, text(value), re.IGNORECASE):
        raise ValueError(
            "not /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/NAME"
        )
    return text(value)


def switch(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise ValueError("not true or false")
