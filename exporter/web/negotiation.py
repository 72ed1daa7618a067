"""Accept and Accept-Encoding headers in, what to send out (RFC 9110 §12.4 and §12.5)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

__all__ = ["Coding", "Format", "coding", "exposition_format"]


class Format(StrEnum):
    """The exposition formats on offer; the value is the content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Coding(StrEnum):
    """The content codings on offer. NONE: the client accepts none of them."""

    GZIP = "gzip"
    IDENTITY = "identity"
    NONE = "none"


_OFFERS: dict[Format, tuple[str, str, str]] = {
    Format.TEXT: ("text", "plain", "0.0.4"),
    Format.OPENMETRICS: ("application", "openmetrics-text", "1.0.0"),
}

ITEMS = 64
"""Most elements of a header that are looked at."""

_QVALUE = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


KEPT_LENGTH = 512
"""Characters of a header whose meaning is kept: a scraper sends the same one every time, a stranger may send any."""


def exposition_format(accept: str) -> Format:
    """The format that the client likes best; text where it has no word, no preference, or knows neither.

    To refuse a client that accepts neither would help nobody: every Prometheus library answers with text then.
    """
    return _kept_format(accept) if len(accept) <= KEPT_LENGTH else _format(accept)


def coding(accept_encoding: str) -> Coding:
    """Gzip where the client accepts it and likes it no less than plain bytes."""
    return _kept_coding(accept_encoding) if len(accept_encoding) <= KEPT_LENGTH else _coding(accept_encoding)


def _format(accept: str) -> Format:
    weights = {offer: _weight(offer, accept) for offer in Format}
    return Format.OPENMETRICS if weights[Format.OPENMETRICS] > weights[Format.TEXT] else Format.TEXT


def _coding(accept_encoding: str) -> Coding:
    weights: dict[str, float] = {}
    for name, parameters in _elements(accept_encoding):
        weights.setdefault("gzip" if name == "x-gzip" else name, _quality(parameters))
    anything_else = weights.get("*")
    gzip = weights.get("gzip", anything_else or 0.0)
    # Plain bytes need no mention to be acceptable; unmentioned they are what is left when nothing better is.
    identity = weights.get("identity", 0.0005 if anything_else is None or anything_else > 0 else 0.0)
    if gzip > 0 and gzip >= identity:
        return Coding.GZIP
    return Coding.IDENTITY if identity > 0 else Coding.NONE


_kept_format, _kept_coding = lru_cache(maxsize=32)(_format), lru_cache(maxsize=32)(_coding)


def _weight(offer: Format, accept: str) -> float:
    """The quality of the most specific media range that an offer falls under, 0 for none."""
    kind, subtype, version = _OFFERS[offer]
    best = (-1, 0.0)
    for media_range, parameters in _elements(accept):
        # Prometheus 3 adds escaping=…: names here need none, so every scheme gives the same bytes.
        wanted = parameters.get("version")
        if media_range == f"{kind}/{subtype}" and wanted in {None, version}:
            specific = 3 if wanted else 2
        elif media_range == f"{kind}/*":
            specific = 1
        elif media_range == "*/*":
            specific = 0
        else:
            continue
        best = max(best, (specific, _quality(parameters)))
    return best[1]


def _elements(header: str) -> list[tuple[str, dict[str, str]]]:
    """Elements of a list header with their parameters, all in lower case."""
    found = []
    for element in header.lower().split(",", ITEMS)[:ITEMS]:
        name, *rest = (part.strip() for part in element.split(";"))
        parameters: dict[str, str] = {}
        for parameter in rest:
            key, _, value = parameter.partition("=")
            parameters.setdefault(key.strip(), value.strip().strip('"'))
        if name:
            found.append((name, parameters))
    return found


def _quality(parameters: Mapping[str, str]) -> float:
    """The q parameter from 0 to 1; 1 without it, 0 where it is not a qvalue: what is not clear is not wanted."""
    text = parameters.get("q", "1")
    return float(text) if _QVALUE.fullmatch(text) else 0.0
