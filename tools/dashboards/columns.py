"""Columns and links that several tables have, and the words for a cell without a value."""

from tools.dashboards.panel import (
    RUNBOOKS,
    Cell,
    Column,
    Word,
)
from tools.dashboards.words import UNKNOWN

__all__ = [
    "BEGAN",
    "CLUSTER",
    "DEADLINE",
    "ENDS",
    "LINKED",
    "NOBODY",
    "NODE",
    "NODE_LINK",
    "NO_DATE",
    "NO_NUMBER",
    "RUNBOOK_LINK",
]

NODE_LINK = (
    "/d/akscert-node?${datasource:queryparam}&var-cluster=${__data.fields.of}&var-node=${__value.raw}"
    "&${__url_time_range}"
)
RUNBOOK_LINK = f"{RUNBOOKS}/${{__value.raw}}.md"
ENDS, BEGAN = "akscert_certificate_not_after_timestamp_seconds", "akscert_certificate_not_before_timestamp_seconds"
DEADLINE = "akscert_rotation_deadline_timestamp_seconds"

NOBODY = (Word("? *", "", UNKNOWN),)
NODE = Column(
    "node",
    "node",
    cell=Cell.TEXT,
    words=NOBODY,
    width=300,
    link=NODE_LINK,
    link_title="Everything about ${__value.raw}",
)
"""Wide enough for the 33 characters of a node in a scale set; a longer name is whole in the cell's own view."""
CLUSTER = Column("cluster", "cluster", width=90)
LINKED = Column("of", "of", hidden=True)
NO_NUMBER = (Word("NaN", "–", "text"),)
NO_DATE = (Word("0..1e12", "–", "text"), *NO_NUMBER)
"""A rule's value where it has no date to tell."""
