"""The page's query in, which nodes to show out; and the links that lead on from there, with a filter kept."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from exporter.findings.node_status import NodeStatus, State
from exporter.findings.wording import NOT_LOOKED_AT, OK

__all__ = ["ATTENTION", "CHOICES", "EVERY", "FINE", "NO_POOL", "PAGE", "UNSEEN", "Selection", "selection"]

PAGE = 50
"""Nodes on one page: what can be looked over, and some 50 KiB however large the cluster is."""

ATTENTION, UNSEEN, FINE, EVERY = "attention", "not-looked-at", "ok", "all"
CHOICES = {
    ATTENTION: "that need attention",
    State.WAITING.value: "that wait for a certificate",
    State.REFUSED.value: "that were refused a certificate",
    State.CERTIFICATE.value: "whose certificates need attention",
    State.NOT_READY.value: "that are not ready",
    State.UNKNOWN.value: "whose serving rotation is unknown",
    State.OFF.value: "whose serving rotation is off",
    UNSEEN: "that are not looked at from here",
    FINE: "that are ok",
    EVERY: "in any state",
}
"""Words of the query's `state`, and how they go on after `Nodes`; the first is what a page without one shows."""

NO_POOL = "-"
"""In the query, in a pool's place, for nodes without one; no pool can have this name (AKS: letters and digits)."""

NAME = 253
"""Longest part of a name that is looked for: as long as a whole name may be (RFC 1123)."""

SHOWN = 40
"""Characters of a word that is not known, as it is told back."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter. `pool` is None for all of them."""

    pool: str | None = None
    state: str = ATTENTION
    name: str = ""
    """Part of a node's name, whatever its case."""
    page: int = 1
    refresh: bool = True
    """Whether the page is loaded again by itself."""
    notices: tuple[str, ...] = ()
    """What of the query was not understood, in whole sentences."""

    def takes(self, one: NodeStatus) -> bool:
        """Whether a node is to be shown."""
        if self.pool is not None and one.pool != self.pool:
            return False
        if self.name and self.name.lower() not in one.name.lower():
            return False
        match self.state:
            case "all":
                return True
            case "ok":
                return one.word == OK
            case "not-looked-at":
                return one.word == NOT_LOOKED_AT
            case "attention":
                return bool(one.troubles)
            case state:
                return any(trouble.state == state for trouble in one.troubles)

    @property
    def filtered(self) -> bool:
        """Whether it is another than that of a page without a query."""
        return self.pool is not None or self.state != ATTENTION or bool(self.name)

    def with_pool(self, pool: str | None) -> "Selection":
        """The first page of another pool."""
        return replace(self, pool=pool, page=1)

    def with_state(self, state: str) -> "Selection":
        """The first page of another state."""
        return replace(self, state=state, page=1)

    @property
    def link(self) -> str:
        """A relative address, for who reads the page through a proxy with a path of its own."""
        fields = {}
        if self.pool is not None:
            fields["pool"] = self.pool or NO_POOL
        if self.name:
            fields["q"] = self.name
        if not self.refresh:
            fields["refresh"] = "0"
        if self.state != (EVERY if self.name else ATTENTION):
            fields["state"] = self.state
        if self.page > 1:
            fields["page"] = str(self.page)
        return f"?{urlencode(fields)}#shown"


def selection(query: Mapping[str, str], pools: Collection[str]) -> Selection:
    """The filter of a query. A word that is not known selects nothing and is told back; other fields are ignored."""
    found, notices = Selection(refresh=query.get("refresh") != "0"), []
    if name := query.get("q", "").strip():
        # Whoever looks for a node wants to see it, whatever its state.
        found = replace(found, name=name[:NAME], state=EVERY)
    if wanted := query.get("pool", ""):
        pool = "" if wanted == NO_POOL else wanted
        if pool in pools:
            found = replace(found, pool=pool)
        else:
            notices.append(f"There is no node pool {_told(wanted)}: all pools are shown.")
    if state := query.get("state", ""):
        if state in CHOICES:
            found = replace(found, state=state)
        else:
            notices.append(f"There is no state {_told(state)}: it is one of {', '.join(CHOICES)}.")
    if page := query.get("page", ""):
        if re.fullmatch(r"[0-9]{1,6}", page) and int(page) > 0:
            found = replace(found, page=int(page))
        else:
            notices.append(f"There is no page {_told(page)}: this is the first.")
    return replace(found, notices=tuple(notices))


def _told(word: str) -> str:
    return f"“{word if len(word) <= SHOWN else word[: SHOWN - 1] + '…'}”"
