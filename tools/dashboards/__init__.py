"""Grafana's dashboards from panels as data: dashboards/*.json, and the copies that the chart carries.

A small builder of our own (panel.py what a panel is, grafana.py how Grafana writes it), not grafana-foundation-sdk. The
SDK's builders mirror Grafana's JSON, one setter for each of its hundreds of options, so a panel's title, question and
advice would drown among thirty lines of presentation repeated for each panel; its releases are tied to one Grafana
version each and carry an epoch that pip's ranges pass by; and a picture, a test and the documentation want to read the
panels as well, which the SDK's builders do not give back. Its models know the whole schema, though, so a test parses
what is built here with them.
"""

from functools import partial

from tools.dashboards.azure import AZURE
from tools.dashboards.blind import BLIND
from tools.dashboards.breaks import BREAKS
from tools.dashboards.control import CONTROL_PLANE
from tools.dashboards.document import documented
from tools.dashboards.events import EVENTS as FLEET_EVENTS
from tools.dashboards.grafana import as_text
from tools.dashboards.node import EVENTS, ROWS
from tools.dashboards.panel import Dashboard, Variable
from tools.dashboards.requests import REQUESTS
from tools.dashboards.rotation import ROTATION
from tools.dashboards.wrong import WRONG
from tools.generated import Generated

__all__ = ["DASHBOARDS", "FLEET", "FOLDERS", "GENERATED", "NODE"]

FOLDERS = ("dashboards", "helm/aks-cert-exporter/files/dashboards")
"""A user imports from the first; the chart can read no file outside itself, and links are dropped by some packers."""

CLUSTER = Variable(name="cluster", label="Cluster", query="label_values(akscert_build_info, cluster)")
POOL = Variable(name="pool", label="Node pool", query='label_values(akscert_node_info{cluster=~"$cluster"}, agentpool)')
SOME_NODE = Variable(
    name="node",
    label="Node",
    query='query_result(max by (node) (akscert_node_info{cluster=~"$cluster", agentpool=~"$pool"})'
    ' or max by (node) (akscert_rotation_state{cluster=~"$cluster"} unless on (cluster, node)'
    ' akscert_node_info{cluster=~"$cluster", agentpool!~"$pool"}))',
    regex='/node="([^"]+)"/',
    several=False,
)

FLEET = Dashboard(
    uid="akscert-fleet",
    title="AKS certificates: fleet",
    description="Is certificate rotation on, is it working, and what breaks when: a whole AKS cluster, or several.",
    variables=(CLUSTER, POOL),
    rows=(WRONG, BREAKS, ROTATION, REQUESTS, CONTROL_PLANE, AZURE, BLIND),
    events=FLEET_EVENTS,
)
NODE = Dashboard(
    uid="akscert-node",
    title="AKS certificates: node",
    description="Everything that is known of the certificates of one AKS node and of their rotation.",
    variables=(CLUSTER, POOL, SOME_NODE),
    rows=ROWS,
    events=(*EVENTS, *FLEET_EVENTS),
)
DASHBOARDS = {"fleet": FLEET, "node": NODE}

GENERATED = (
    *documented(DASHBOARDS),
    *(
        Generated(f"{folder}/{name}.json", partial(as_text, dashboard))
        for folder in FOLDERS
        for name, dashboard in DASHBOARDS.items()
    ),
)
