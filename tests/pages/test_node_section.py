"""The nodes of a large cluster: the worst first, the others folded, a filter that keeps to the page's query."""

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.cluster import ClusterFacts
from exporter.facts.node_observation import NodeObservation
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.cluster import cluster_findings
from exporter.findings.node_status import NodeStatus, State, node_statuses
from exporter.findings.wording import NOT_LOOKED_AT
from exporter.pages.cluster_page import cluster_page
from exporter.pages.selection import CHOICES, PAGE, Selection, selection
from exporter.reason import Observer, Rotation
from tests.pages.document import check, read
from tests.pages.example import NOW
from tests.pages.fleet import fleet

BY = (Observer.NODE_AGENT, Observer.KUBELET, Observer.NOBODY)


def observed(cluster: ClusterFacts) -> ClusterFacts:
    """Of the nodes, one third each by its agent, by its kubelet and by nobody."""
    names = [node.name for node in cluster.nodes or ()]
    return replace(cluster, observations={name: NodeObservation(BY[number % 3]) for number, name in enumerate(names)})


FLEET = observed(fleet(1000))
STANDINGS = node_statuses(FLEET, NOW, cluster_findings(FLEET, (), NOW))


def page(_cluster: ClusterFacts = FLEET, /, **query: str) -> str:
    html = cluster_page(_cluster, cluster_findings(_cluster, (), NOW), (), NOW, query=query)
    check(html)
    return html


def names(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="nodes/[^"]*">([^<]*)</a>', html)


def captions(html: str) -> list[str]:
    return re.findall(r'<caption class="title">([^<]*)</caption>', html)


def links(html: str) -> list[str]:
    found = [attributes.get("href") or "" for tag, attributes in read(html).elements if tag == "a"]
    return [one for one in found if one.startswith("?") and one.endswith("#shown")]


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))


def test_a_page_without_a_query_shows_the_worst_and_folds_the_others() -> None:
    html = page()
    troubled = [one.name for one in STANDINGS if one.troubles]
    assert names(html) == troubled[:PAGE]
    assert f"Nodes that need attention: 1 to 50 of {len(troubled)}" in captions(html)
    for words, word in (("Not looked at from here", NOT_LOOKED_AT), ("Ok, and not shown", "ok")):
        assert f"{words}: {sum(one.word == word for one in STANDINGS)}" in read(html).text


@pytest.mark.parametrize("state", CHOICES)
def test_each_state_shows_the_nodes_that_are_in_it(state: str) -> None:
    def expected(one: NodeStatus) -> bool:
        match state:
            case "all":
                return True
            case "attention":
                return bool(one.troubles)
            case "ok" | "not-looked-at":
                return one.word == state.replace("-", " ")
        return state in {trouble.state.value for trouble in one.troubles}

    wanted = [one.name for one in STANDINGS if expected(one)]
    html = page(state=state)
    assert names(html) == wanted[:PAGE]
    assert (f"Nodes {CHOICES[state]}: none." in read(html).text) == (not wanted)


def test_what_nobody_looked_at_is_never_green() -> None:
    """A8: a node of which only the label is known is not ok, in its row and in the counts of its pool."""
    cluster = ClusterFacts(nodes=(replace(fleet(1, 1).nodes[0], serving_rotation=Rotation.ENABLED),))  # type: ignore[index]
    html = page(cluster, state="all")
    assert node_statuses(cluster, NOW)[0].word == NOT_LOOKED_AT
    green = re.findall(r'<span class="badge ok">.*?</svg>(.*?)</span>', html)
    assert green == ["1 of 1"]  # its Ready condition, which somebody looked at
    assert "All is ok" not in read(html).text
    assert "Not everything has been looked at" in read(html).text
    assert "not looked at from here" in read(html).text


def test_a_node_whose_agent_and_kubelet_do_not_answer_is_not_looked_at() -> None:
    """A8: the finding says unknown; the node's state says why."""
    name = next(one.name for one in STANDINGS if one.word == NOT_LOOKED_AT and not one.troubles)
    unseen = Finding(
        Severity.UNKNOWN, Subject(Kind.NODE, name), "Nobody.", (Step("Go."),), "AksCertNodeNotObserved", node=name
    )
    assert next(one.word for one in node_statuses(FLEET, NOW, [unseen]) if one.name == name) == NOT_LOOKED_AT


def test_a_node_that_is_observed_and_has_no_trouble_is_ok() -> None:
    words = {one.observed_by: one.word for one in STANDINGS if not one.troubles}
    assert words == {Observer.NODE_AGENT: "ok", Observer.KUBELET: "ok", Observer.NOBODY: NOT_LOOKED_AT}


def test_what_its_agent_tells_is_a_trouble_of_the_node() -> None:
    name = next(one.name for one in STANDINGS if one.word == "ok")
    ended = Finding(
        Severity.CRITICAL, Subject(Kind.NODE, name), "It has ended.", (Step("Go."),), "AksCertExpired", node=name
    )
    status = next(one for one in node_statuses(FLEET, NOW, [ended]) if one.name == name)
    assert (status.word, status.troubles[0].state, status.troubles[0].what) == (
        "critical",
        State.CERTIFICATE,
        "It has ended.",
    )


def test_a_node_is_found_by_part_of_its_name_whatever_its_state() -> None:
    wanted = [one.name for one in STANDINGS if "vmss00003" in one.name]
    html = page(q=" VMSS00003 ")
    assert names(html) == wanted[:PAGE]
    assert 'name="q" value="VMSS00003"' in html
    assert all("q=VMSS00003" in link for link in re.findall(r'rel="next" href="([^"]*)"', html))
    assert names(page(q="vmss00003", pool="pool3")) == [name for name in wanted if "pool3" in name][:PAGE]
    assert "Nodes with “<b>” in their name in any state: none." in read(page(q="<b>")).text


def test_the_page_is_loaded_again_by_itself_unless_that_is_switched_off() -> None:
    on, off = page(pool="pool7"), page(pool="pool7", refresh="0")
    assert '<meta http-equiv="refresh" content="60">' in on
    assert 'href="?pool=pool7&amp;refresh=0"' in on
    assert "http-equiv" not in off
    assert 'href="?pool=pool7"' in off
    assert all("refresh=0" in link for link in re.findall(r'rel="next" href="([^"]*)"', off))
    assert '<input type="hidden" name="refresh" value="0">' in off


def test_every_node_is_on_exactly_one_page_and_the_links_lead_through_them_with_the_filter_kept() -> None:
    seen: list[str] = []
    query: dict[str, str] = {"state": "all", "pool": "pool3"}
    while True:
        html = page(**query)
        seen += names(html)
        following = re.search(r'<a rel="next" href="([^"]*)"', html)
        if following is None:
            break
        query = query_of(following[1].replace("&amp;", "&"))
        assert (query["state"], query["pool"]) == ("all", "pool3")
    assert seen == [one.name for one in STANDINGS if one.pool == "pool3"]
    assert re.search(r'<a rel="prev" href="\?pool=pool3&amp;state=all&amp;page=2#shown"', html)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"pool": "<b>nope"}, "There is no node pool “<b>nope”: all pools are shown."),
        ({"state": "worse"}, f"There is no state “worse”: it is one of {', '.join(CHOICES)}."),
        ({"page": "0"}, "There is no page “0”: this is the first."),
        ({"page": "٣"}, "There is no page “٣”: this is the first."),
        ({"page": "99"}, "There is no page 99: this is the last."),
        ({"pool": "x" * 500}, f"There is no node pool “{'x' * 39}…”: all pools are shown."),
    ],
    ids=["pool", "state", "page zero", "other digits", "beyond the last", "a long word"],
)
def test_a_word_that_is_not_known_is_told_back_and_selects_nothing(query: dict[str, str], words: str) -> None:
    html = page(**query)
    assert words in read(html).text
    assert len(names(html)) in {PAGE, len([one for one in STANDINGS if one.troubles]) % PAGE}


def test_what_is_chosen_stands_in_the_form_and_can_be_left() -> None:
    html = page(pool="pool7", state="off", other="field")
    assert re.findall(r'<option value="([^"]*)" selected>', html) == ["off", "pool7"]
    assert '<a href="?#shown">Without a filter</a>' in html
    assert "Without a filter" not in page()
    assert not any("other" in link for link in links(html))


def test_every_link_of_the_section_is_understood_by_the_page_it_leads_to() -> None:
    for cluster in (FLEET, fleet(30, 2, broken=True)):
        pools = {one.pool for one in node_statuses(cluster, NOW)}
        found = {link for query in ({}, {"state": "ok"}) for link in links(page(cluster, **query))}
        assert len(found) >= len(pools)
        for link in found:
            assert selection(query_of(link), pools).notices == ()
            assert urlsplit(link).fragment == "shown"


def test_nodes_without_a_pool_can_be_chosen_too() -> None:
    """Karpenter's have none, and what asks for its first certificate has none yet."""
    assert selection({"pool": "-"}, {"", "a"}) == Selection(pool="")
    assert Selection(pool="", state="all").link == "?pool=-&state=all#shown"


@given(st.dictionaries(st.sampled_from(["pool", "state", "page", "q", "refresh", "x"]), st.text()))
def test_any_query_is_answered(query: Mapping[str, str]) -> None:
    found = selection(query, {"pool1", ""})
    assert found.page >= 1
    assert found.state in CHOICES
    assert selection(query_of(found.link), {"pool1", ""}) == replace(found, notices=())


def test_a_large_and_broken_cluster_makes_no_large_page() -> None:
    """Some 250 KiB, of which each node that is not shown costs nothing."""
    html = page(fleet(3000, 100, broken=True))
    assert len(html.encode()) < 300 * 1024
    assert len(names(html)) == PAGE
    assert "88 more node pools, none worse" in read(html).text


def test_every_state_has_words() -> None:
    assert {state.value for state in State} < set(CHOICES)
