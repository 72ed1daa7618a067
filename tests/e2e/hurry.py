"""The shipped rule files, mechanically hurried: the same alerts with seconds for minutes. Text in, text out."""

import re

__all__ = ["hurried"]

LOOKBACK = "20s"
"""In place of five and fifteen minutes: a scrape every two seconds, and some missed."""


def hurried(text: str) -> str:
    """Each `for` is two seconds, each look back twenty. Thresholds stay, for the certificates are real."""
    text = re.sub(r"^(\s+for:) \w+$", r"\1 2s", text, flags=re.MULTILINE)
    text = re.sub(r"\[(5m|15m)\]", f"[{LOOKBACK}]", text)
    return text.replace("[1d:15m]", "[10m:5s]").replace("[7d:2m]", "[10m:1s]")
