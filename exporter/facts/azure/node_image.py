"""Node image versions: the word in, its date out. Two forms on Linux, a third on Windows."""

import datetime as dt
import re

__all__ = ["SERVING_ROTATION_IMAGE", "image_date"]

SERVING_ROTATION_IMAGE = dt.date(2025, 1, 12)
"""202501.12.0: pools made from a snapshot of an older image have no kubelet serving certificate rotation (AKS page on
certificate rotation; the image is the first whose provisioning scripts wait for the signed certificate)."""

_FORMS = (
    # AKSUbuntu-2204gen2containerd-202501.12.0
    re.compile(r"(?<!\d)(?P<year>\d{4})(?P<month>\d{2})\.(?P<day>\d{2})\.\d+$"),
    # AKSUbuntu-2404gen2containerd-2025.06.02, AKSUbuntu:1604:2020.03.11
    re.compile(r"(?<!\d)(?P<year>\d{4})\.(?P<month>\d{2})\.(?P<day>\d{2})$"),
    # AKSWindows-2022-containerd-gen2-20348.3091.250117
    re.compile(r"(?<!\d)\d{5}\.\d+\.(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})$"),
)


def image_date(version: str) -> dt.date | None:
    """The day in a node image version, or None where there is none to be read."""
    for form in _FORMS:
        if match := form.search(version.strip()):
            year = int(match["year"])
            try:
                return dt.date(year if year > 99 else 2000 + year, int(match["month"]), int(match["day"]))
            except ValueError:
                return None
    return None
