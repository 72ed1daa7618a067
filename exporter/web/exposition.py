"""Metric families in, the bytes of a scrape out: Prometheus text 0.0.4 or OpenMetrics 1.0.0, gzipped where wanted."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.exposition import generate_latest as text
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.registry import Collector

from exporter.web.negotiation import Format, exposition_format

__all__ = ["Format", "Payload", "compressed", "exposition_format", "payload", "render"]

GZIP_LEVEL = 1
"""The default level needs three times as long for a tenth fewer bytes."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of a scrape and how to declare it. `encoding` is `gzip` or empty."""

    body: bytes
    content_type: str
    encoding: str = ""


class _Families(Collector):
    """What prometheus_client's encoders take."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Family]:
        yield from self._families


def payload(families: Iterable[Family], accept: str, *, gzipped: bool) -> Payload:
    """The families for a client with this Accept header."""
    form = exposition_format(accept)
    body = render(families, form)
    return Payload(compressed(body), form.value, "gzip") if gzipped else Payload(body, form.value)


def render(families: Iterable[Family], form: Format) -> bytes:
    """The families in one format.

    prometheus_client's own choice by Accept header knows no q-values, echoes any version a client asks for, and with
    `escaping=dots` doubles the underscores of names that need no escaping at all.
    """
    if form is Format.TEXT:
        return text(_Families(families))
    # The bytes are the same for names that need no escaping, and take a third less time: it looks at them as a whole.
    encoded: bytes = openmetrics(_Families(families), ALLOWUTF8)  # type: ignore[no-untyped-call]  # it has no types
    return encoded


def compressed(body: bytes) -> bytes:
    """The bytes as gzip, the same for the same bytes."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
