"""A cluster's nodes and a filter in, the part of the page about them out: pools in figures, nodes worst first."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from markupsafe import Markup

from exporter.findings import Severity
from exporter.findings.node_status import NodeStatus, State, Trouble
from exporter.findings.wording import NOT_LOOKED_AT, OK
from exporter.pages.grafana import grafana_link
from exporter.pages.page import (
    NOTHING,
    SEVERITY_TONE,
    Cell,
    Column,
    Tone,
    badge,
    code,
    folded_table,
    icon,
    join,
    key_values,
    section,
    table,
)
from exporter.pages.selection import ATTENTION, CHOICES, EVERY, FINE, NO_POOL, PAGE, UNSEEN, Selection, selection
from exporter.pages.time_element import time_element
from exporter.reason import Observer, Rotation

__all__ = ["OBSERVER_WORDS", "node_section", "pool_counts"]

_WORD_TONE = {
    str(Severity.CRITICAL): Tone.CRITICAL,
    str(Severity.UNKNOWN): Tone.BLIND,
    str(Severity.WARNING): Tone.WARNING,
    NOT_LOOKED_AT: Tone.QUIET,
    OK: Tone.OK,
}
"""The words for a node, worst first. What nobody looked at is never green."""

POOLS = 10
"""Node pools whose counts are at the top of the page, the worst first."""

BADGES = {
    State.WAITING: "waits",
    State.REFUSED: "refused",
    State.CERTIFICATE: "certificate",
    State.NOT_READY: "not ready",
    State.UNKNOWN: "serving rotation unknown",
    State.OFF: "serving rotation off",
}

OBSERVER_WORDS = {
    Observer.NODE_AGENT: "the agent on the node",
    Observer.KUBELET: "its kubelet",
    Observer.NOBODY: "nobody",
}

Pools = Mapping[str, Sequence[NodeStatus]]


def node_section(
    node_statuses: Sequence[NodeStatus], query: Mapping[str, str], now: float, grafana: str = ""
) -> Markup:
    """The section. `node_statuses` worst first; `query` is the page's; `now` in Unix seconds.

    `grafana`: where it is; empty: there is none.
    """
    pools: dict[str, list[NodeStatus]] = defaultdict(list)
    for one in node_statuses:
        pools[one.pool].append(one)
    chosen = selection(query, pools)
    lead = f"{len(node_statuses):,} nodes: {_node_counts(node_statuses)}."
    parts = [_pool_table(pools), _form(pools, chosen), *_list(node_statuses, chosen, now, grafana)]
    return section("nodes", "Nodes", *parts, lead=lead)


def _node_counts(node_statuses: Sequence[NodeStatus]) -> str:
    """Such as `2 critical, 1 warning, 7 ok`."""
    counts = Counter(one.word for one in node_statuses)
    return ", ".join(f"{counts[word]:,} {word}" for word in _WORD_TONE if counts[word]) or "none"


def pool_counts(node_statuses: Sequence[NodeStatus]) -> Markup:
    """How many nodes of each pool are in which state, in a few lines for the top of the page."""
    pools: dict[str, Counter[str]] = defaultdict(Counter)
    for one in node_statuses:
        pools[one.pool][one.word] += 1
    rows = [
        Markup("<dt>{}</dt><dd>{}</dd>").format(
            _link(Selection(pool=pool), pool or "no pool", "nodes that need attention"),
            join(
                badge(tone, Markup('{:,}<span class="unseen"> {}</span>').format(counts[word], word))
                for word, tone in _WORD_TONE.items()
                if counts[word]
            ),
        )
        for pool, counts in [*pools.items()][:POOLS]
    ]
    rest = len(pools) - POOLS
    more = Markup('<p class="none"><a href="#nodes">{} more node pools, none worse</a></p>').format(rest)
    words = [word for word in _WORD_TONE if any(counts[word] for counts in pools.values())]
    legend = join(
        Markup('<span class="{}">{} {}</span>').format(_WORD_TONE[word], icon(_WORD_TONE[word]), word) for word in words
    )
    return Markup(
        '<div class="card panel pools"><h2>Nodes by pool</h2><dl>\n{}\n</dl>{}'
        '<p class="legend" aria-hidden="true">{}</p></div>'
    ).format(join(rows), more if rest > 0 else "", legend)


def _pool_table(pools: Pools) -> Markup:
    """The pools, those with the worst node first."""
    columns = ("Node pool", "Nodes", "Ready", "Waiting", "Serving rotation by label", "Kubelet")
    return folded_table(
        "Node pools",
        [Column(heading, "" if heading == "Node pool" else heading) for heading in columns],
        [_pool_row(pool, members) for pool, members in pools.items()],
        "node pools, none worse",
        compact=True,
    )


def _pool_row(pool: str, members: Sequence[NodeStatus]) -> tuple[Cell, ...]:
    here = Selection(pool=pool)
    there = [one.node for one in members if one.node is not None]
    ready = sum(node.ready is True for node in there)
    waiting = [one.troubles for one in members if any(t.state is State.WAITING for t in one.troubles)]
    rotation = Counter(node.serving_rotation for node in there)
    words = (
        (Rotation.ENABLED, Tone.QUIET, "on", ""),  # a label: nobody has seen it work
        (Rotation.DISABLED, Tone.INFO, "off", State.OFF.value),
        (Rotation.UNKNOWN, Tone.BLIND, "unknown", State.UNKNOWN.value),
    )
    all_ready = ready == len(there)
    told_ready = badge(Tone.OK if all_ready else Tone.WARNING, f"{ready:,} of {len(there):,}")
    return (
        _link(here.with_state(EVERY), pool or "no pool", "every node of it"),
        f"{len(members):,}",
        (told_ready if there else NOTHING)
        if all_ready
        else _link(here.with_state(State.NOT_READY.value), told_ready, f"not ready, {pool}"),
        _link(
            here.with_state(State.WAITING.value),
            badge(_worst_tone(waiting), f"{len(waiting):,}"),
            f"waiting, {pool}",
        )
        if waiting
        else Markup('<span class="none">none</span>'),
        join(
            _link(here.with_state(state), told, f"nodes of {pool}") if state else told
            for which, tone, word, state in words
            if (count := rotation[which])
            for told in [badge(tone, f"{word}: {count:,}")]
        ),
        ", ".join(sorted({node.kubelet_version for node in there if node.kubelet_version})),
    )


def _worst_tone(troubles: Sequence[Sequence[Trouble]]) -> Tone:
    severities = {one.severity for those in troubles for one in those if one.state is State.WAITING}
    return next((SEVERITY_TONE[one] for one in Severity if one in severities), Tone.INFO)


def _link(to: Selection, told: Cell, unseen: str) -> Markup:
    return Markup('<a href="{}">{}<span class="unseen">: {}</span></a>').format(to.link, told, unseen)


def _form(pools: Pools, chosen: Selection) -> Markup:
    """Plain HTML: it works with the keyboard and without a script."""
    by_name = sorted(pools)
    pool_options = [("", "all node pools", chosen.pool is None)]
    pool_options += [(one or NO_POOL, one or "no pool", chosen.pool == one) for one in by_name]
    state_options = [(state, words, chosen.state == state) for state, words in CHOICES.items()]
    reset = Markup('<a href="{}">Without a filter</a>').format(Selection().link) if chosen.filtered else ""
    steady = "" if chosen.refresh else Markup('<input type="hidden" name="refresh" value="0">')
    return Markup(
        '<form id="shown" class="card filter" method="get" action="#shown" role="search" '
        'aria-label="Which nodes to show">\n'
        '<p><label for="state">Nodes</label> <select id="state" name="state">{states}</select></p>\n'
        '<p><label for="pool">of<span class="unseen"> node pool</span></label> '
        '<select id="pool" name="pool">{pools}</select></p>\n'
        '<p><label for="q">named</label> <input type="search" id="q" name="q" value="{name}" '
        'placeholder="part of a name" maxlength="253" autocomplete="off"></p>\n'
        '<p>{steady}<button type="submit">Show</button> {reset}</p>\n</form>'
    ).format(name=chosen.name, steady=steady, pools=_options(pool_options), states=_options(state_options), reset=reset)


def _options(options: Sequence[tuple[str, str, bool]]) -> Markup:
    return join(
        Markup('<option value="{}"{}>{}</option>').format(value, Markup(" selected") if selected else "", words)
        for value, words, selected in options
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a list: from `start` to before `end`, counted from 0."""

    number: int
    pages: int
    start: int
    end: int


def _list(node_statuses: Sequence[NodeStatus], chosen: Selection, now: float, grafana: str) -> Iterator[Markup]:
    shown = [one for one in node_statuses if chosen.takes(one)]
    notices = list(chosen.notices)
    pages = max(1, -(-len(shown) // PAGE))
    if chosen.page > pages:
        notices.append(f"There is no page {chosen.page}: this is the last.")
    number = min(chosen.page, pages)
    page = _Page(number, pages, (number - 1) * PAGE, min(number * PAGE, len(shown)))
    if notices:
        yield Markup('<div class="card notice" role="status">{}</div>').format(
            join(Markup("<p>{}</p>").format(one) for one in notices)
        )
    where = "" if chosen.pool is None else f" of {chosen.pool or 'no pool'}"
    named = f" with “{chosen.name}” in their name" if chosen.name else ""
    heading = f"Nodes{where}{named} {CHOICES[chosen.state]}"
    if not shown:
        yield Markup('<p class="empty">{}: none.</p>').format(heading)
    else:
        count = f": {len(shown):,}" if pages == 1 else f": {page.start + 1:,} to {page.end:,} of {len(shown):,}"
        yield table(
            heading + count,
            (Column("Node"), Column("Pool", "Pool"), Column("What is the matter")),
            (_row(one, now, grafana) for one in shown[page.start : page.end]),
            titled=True,
        )
    if pages > 1:
        yield _pager(chosen, page)
    if chosen.state == ATTENTION and not chosen.name:
        for words, state in (("Not looked at from here", UNSEEN), ("Ok, and not shown", FINE)):
            yield from _folded(node_statuses, chosen, words, state)


def _row(one: NodeStatus, now: float, grafana: str) -> tuple[Cell, ...]:
    node = one.node
    if node is None:
        about = Markup('<p class="none">It has no Node object yet.</p>')
    else:
        about = Markup('<details><summary>Details<span class="unseen"> of {}</span></summary>{}</details>').format(
            one.name,
            key_values(
                (
                    ("Kubelet", node.kubelet_version),
                    ("Node image", code(node.node_image_version) if node.node_image_version else ""),
                    ("System", node.os_sku or node.os),
                    ("Made", time_element(node.created, now)),
                    ("Who tells about it", OBSERVER_WORDS[one.observed_by]),
                    ("Ready", {True: "yes", False: "no", None: "not said yet"}[node.ready]),
                    ("Serving CA label", code(node.kubelet_serving_ca) if node.kubelet_serving_ca else "none"),
                )
            ),
        )
    state = badge(_WORD_TONE[one.word], "not looked at from here" if one.word == NOT_LOOKED_AT else one.word)
    troubles = join(_trouble(trouble) for trouble in one.troubles)
    if not troubles or one.word == NOT_LOOKED_AT:
        troubles = join((Markup('<p class="trouble">{}</p>').format(state), troubles))
    page = Markup('<a class="name" href="nodes/{}">{}</a>').format(quote(one.name, safe=""), one.name)
    way = Markup('<p class="none">{}</p>').format(grafana_link(grafana, one.name)) if grafana else Markup()
    return (
        join((page, way)) if node else Markup('<span class="name">{}</span>').format(one.name),
        one.pool or ("no pool" if node else "not known yet"),
        join((troubles, about)),
    )


def _trouble(trouble: Trouble) -> Markup:
    tone = Tone.BLIND if trouble.state is State.UNKNOWN else SEVERITY_TONE[trouble.severity]
    return Markup('<p class="trouble">{} {}</p>').format(badge(tone, BADGES[trouble.state]), trouble.what)


def _pager(chosen: Selection, page: _Page) -> Markup:
    links = []
    if page.number > 1:
        link = replace(chosen, page=page.number - 1).link
        links.append(Markup('<a rel="prev" href="{}">Previous {} nodes</a>').format(link, PAGE))
    links.append(Markup("<span>Page {} of {}</span>").format(page.number, page.pages))
    if page.number < page.pages:
        link = replace(chosen, page=page.number + 1).link
        links.append(Markup('<a rel="next" href="{}">Next {} nodes</a>').format(link, PAGE))
    return Markup('<nav class="pager" aria-label="Pages of nodes">{}</nav>').format(join(links))


def _folded(node_statuses: Sequence[NodeStatus], chosen: Selection, words: str, state: str) -> Iterator[Markup]:
    """What is not listed: how many nodes are in this state, pool by pool, and the way to them."""
    those = Selection(chosen.pool, state)
    counts = Counter(one.pool for one in node_statuses if those.takes(one))
    if not counts:
        return
    ways = (
        Markup('<li><a href="{}">{}: {}<span class="unseen"> {}</span></a></li>').format(
            Selection(pool, state).link, pool or "no pool", f"{count:,}", words.lower()
        )
        for pool, count in counts.most_common()
    )
    yield Markup('<div class="folded"><p>{}: {}</p>\n<ul>{}</ul></div>').format(
        words, f"{counts.total():,}", join(ways)
    )
