"""What breaks when: which events a node and a cluster have, and how they are shown."""

from dataclasses import replace

from exporter.facts.cluster import ClusterFacts
from exporter.facts.node_document import NodeDocument, ToldRotation
from exporter.facts.node_observation import NodeObservation
from exporter.findings.cluster_timeline import cluster_events
from exporter.findings.timeline import RETIREMENT, YEAR, Event, coming, host_events, node_rotations
from exporter.pages.timeline_section import timeline_section
from exporter.reason import Observer, Origin, Role
from tests.pages.document import read
from tests.pages.example import NODE, NOW, broken, well
from tests.pages.fleet import fleet

DAY = 86400.0


def test_a_node_has_its_rotations_and_the_ends_of_what_nothing_renews() -> None:
    told = [(one.what, one.breaks) for one in coming(host_events(well(), NOW), NOW)]
    assert told == [
        ("The kubelet renews its serving certificate", False),
        ("The kubelet renews its client certificate", False),
    ]
    late = {one.what: one for one in host_events(broken(), NOW)}
    assert late["The kubelet client certificate ends; it is overdue for rotation"].breaks
    assert late["The kubelet serving certificate ends; nothing renews it"].breaks
    assert any(one.at == RETIREMENT for one in late.values())


def test_only_what_the_kubelet_holds_and_the_cluster_s_ca_come_to_an_end() -> None:
    """A copy of the API server's certificate on a node, or what is served beside its file, is no event of its own."""
    host = well()
    client = next(one for one in host.certificates if one.role is Role.KUBELET_CLIENT)
    beside = [replace(client, role=Role.APISERVER_COPY), replace(client, origin=Origin.WIRE)]
    more = replace(host, certificates=(*host.certificates, *beside))
    assert list(host_events(more, NOW)) == list(host_events(host, NOW))


def test_only_the_coming_year_is_shown_in_its_order_and_what_has_begun_is() -> None:
    def event(at: float, until: float | None = None) -> Event:
        return Event(NOW + at * DAY, "x", "y", False, None if until is None else NOW + until * DAY)

    events = [event(400), event(9), event(-1), event(-5, 3), event(-5, -1), event(2)]
    assert [(one.at - NOW) / DAY for one in coming(events, NOW)] == [-5, 2, 9]


def test_what_comes_soon_is_told_with_its_time() -> None:
    """G14: a window of two minutes would read `2026-11-24 to 2026-11-24`."""
    events = [Event(NOW + 3600, "x", "y", False, NOW + 3720), Event(NOW + 7200, "z", "y", True)]
    text = " ".join(read(timeline_section(events, NOW)).text)
    assert "2026-11-24 07:00 UTC to 2026-11-24 07:02 UTC" in text
    assert "2026-11-24 08:00 UTC" in text
    far = [Event(NOW + 30 * DAY, "x", "y", False, NOW + 40 * DAY), Event(NOW + 50 * DAY, "z", "y", True)]
    assert "UTC to" not in " ".join(read(timeline_section(far, NOW)).text)


def test_the_rotations_of_many_nodes_are_one_event_for_each_month() -> None:
    windows = [
        (f"n{number}", Role.KUBELET_CLIENT, NOW + number * DAY, NOW + (number + 70) * DAY) for number in range(40)
    ]
    found = coming(node_rotations(windows), NOW)
    assert [one.about for one in found] == ["7 nodes", "31 nodes", "2 nodes"]
    assert found[0].what == "Kubelets renew their client certificates"
    assert found[0].until == NOW + 76 * DAY


def test_a_cluster_has_its_cas_its_bundles_and_what_nodes_tell() -> None:
    rotation = (ToldRotation("kubelet-client", "enabled", NOW + 5 * DAY, NOW + 9 * DAY), ToldRotation("new-role", "x"))
    document = NodeDocument(NODE, (), rotation, b"")
    node = replace((fleet(1, 1).nodes or ())[0], name=NODE)
    facts = replace(
        fleet(1, 1),
        nodes=(node,),
        observations={NODE: NodeObservation(Observer.NODE_AGENT, document)},
    )
    whats = {one.what: one for one in cluster_events(facts, NOW)}
    assert whats["The kubelet renews its client certificate"].until == NOW + 9 * DAY
    assert whats["The cluster CA ends; only a rotation of all certificates renews it"].breaks
    assert "The last CA of its caBundle ends" in whats
    assert any(one.at == RETIREMENT for one in whats.values())
    assert coming(cluster_events(ClusterFacts(), NOW), NOW) == ()


def test_the_section_says_in_words_what_the_strip_shows() -> None:
    events = [
        Event(NOW + 3 * DAY, "It ends", "here", True),
        Event(NOW - DAY, "It is renewed", "there", False, NOW + DAY),
    ]
    html = str(timeline_section(events, NOW))
    text = read(f"<main>{html}</main>").text
    for words in ("It ends", "breaks", "in 3 days", "It is renewed", "by itself", "2026-11-23 to 2026-11-25", "2027"):
        assert words in text, words
    assert html.count('class="mark warning"') == 1
    assert str(timeline_section([Event(NOW + YEAR + DAY, "late", "", True)], NOW)) == ""
