"""Findings to the last field for many states at a fixed moment: `python -m tests.findings.kept` writes them again.

They are in tests/findings/kept/, so that a review shows what people will read otherwise: how bad, about what, from when
and until when, why, and what to do in which order.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from exporter.agents.node.agent import node_agent
from exporter.facts.chain import distrust
from exporter.facts.cluster import ClusterFacts
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.kube.kubeconfig_trust import KubeconfigTrust
from exporter.facts.kubeconfig import ServerTrust
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts, SourceLedger, skipped
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate
from exporter.findings import Finding
from exporter.findings.cluster import cluster_findings
from exporter.findings.commands import machine
from exporter.findings.formatting import utc_time
from exporter.findings.host import host_findings
from exporter.findings.kubeconfig import kubeconfig_findings
from exporter.findings.kubelet_certificate import DatedCertificate, date_findings
from exporter.findings.observed import observed_findings
from exporter.findings.signing import signing_findings
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Reason,
    Role,
    Rotation,
    RotationReason,
    RotationState,
    Source,
)
from exporter.settings import Command, resolve
from simulation.node.scenarios import SCENARIOS, scenario
from simulation.node.simulated_node import build
from simulation.pki import DAY, YEAR, Authority, Credential
from tests.findings.azure_states import azure_states
from tests.findings.cluster_states import CA, HOUR, MINUTE, NODE, changed_clusters, read
from tests.findings.coming_states import cluster_lines, host_lines
from tests.findings.endpoint_states import endpoint_states
from tests.findings.node_states import compared_states, told_states
from tests.findings.signing_states import T0, signing_states
from tests.pages.example import NOW
from tests.pages.fleet import fleet

FOLDER = Path(__file__).parent / "kept"
HOST = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"
KUBELET = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)

States = Iterator[tuple[str, Iterable[Finding]]]


def _texts() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "dates.txt", lambda: _written(_dates())
    yield "scenarios.txt", lambda: _written(_scenarios())
    yield "nodes.txt", lambda: _written(_nodes())
    yield "kubeconfigs.txt", lambda: _written(_kubeconfigs())
    yield "clusters.txt", lambda: _written(_clusters())
    yield "azure.txt", lambda: _written(azure_states())
    yield "endpoints.txt", lambda: _written((name, cluster_findings(one, (), NOW)) for name, one in endpoint_states())
    yield "signing.txt", lambda: _written((name, signing_findings(one, T0)) for name, one in signing_states())
    yield "told.txt", lambda: _written((name, observed_findings(one, now)) for name, one, now in told_states())
    yield "compared.txt", lambda: _written((name, observed_findings(one, now)) for name, one, now in compared_states())
    yield "coming.txt", _lines


def _lines() -> str:
    """What comes, and the state of each node and its certificates."""
    groups: list[Iterator[tuple[str, Iterator[str]]]] = [
        ((one.name, host_lines(host_of(one.name), NOW)) for one in SCENARIOS),
        (
            (name, cluster_lines(one, NOW))
            for name, one in (("a few", fleet(60, 4)), ("a broken few", fleet(3, broken=True)))
        ),
        ((name, cluster_lines(one, now)) for name, one, now in (*told_states(), *compared_states())),
        ((name, cluster_lines(one, T0)) for name, one in signing_states()),
    ]
    parts = [f"== {name}\n" + "".join(f"{line}\n" for line in lines) for group in groups for name, lines in group]
    return "\n".join(parts).replace(NODE, "NODE")


def _written(states: States) -> str:
    told: set[str] = set()
    parts = [
        f"== {name}\n{''.join(_told(one, told) for one in found) or 'nothing' + chr(10)}" for name, found in states
    ]
    # Serial numbers are others each time.
    return re.sub(r"serial number is [0-9a-f]+", "serial number is …", "\n".join(parts).replace(NODE, "NODE"))


def _told(one: Finding, told: set[str]) -> str:
    """A command is written out where it comes for the first time."""
    since, until = (utc_time(moment) if moment is not None else "-" for moment in (one.since, one.until))
    about = f"{one.subject.kind} {one.subject.name}; {one.node or '-'}; {one.role or '-'}"
    lines = [f"{one.severity} {one.alert or '-'}: {about}; {since} to {until}", f"  {one.what}"]
    lines += [f"  because: {one.why}"] if one.why else []
    for step in one.next:
        whole = f"  * {step.text}" + (f"\n    $ {step.command}" if step.command else "")
        again = f"  * {step.text[:40]}… $ {step.command[:40]}…"
        lines.append(again if whole in told and len(again) < len(whole) else whole)
        told.add(whole)
    return "\n".join(lines) + "\n"


def _dates() -> States:
    """A certificate of a hundred days at each moment that matters."""
    moments = {
        "not yet valid for 2 hours": -2 * HOUR,
        "not yet valid for 2 minutes": -2 * MINUTE,
        "in its 79th day": 79 * DAY - HOUR,
        "at its deadline": 88 * DAY,
        "an hour past its deadline": 88 * DAY + HOUR,
        "in its 92nd day": 92 * DAY - HOUR,
        "in its last hours": 100 * DAY - 2 * HOUR,
        "at its end": 100 * DAY,
        "ended": 101 * DAY,
    }
    for role in KUBELET:
        for rotation in (Rotation.ENABLED, Rotation.DISABLED, Rotation.UNKNOWN):
            for bootstraps in (True, False):
                deadline = NOW + 88 * DAY if rotation is Rotation.ENABLED else None
                one = DatedCertificate(role, f"{role} certificate", NOW, NOW + 100 * DAY, rotation, deadline)
                for name, age in moments.items():
                    this = machine(NODE, windows=not bootstraps)
                    found = list(date_findings(this, one, NOW + age, bootstraps=bootstraps))
                    if bootstraps or name == "ended":
                        way = "" if bootstraps else ", and without a way to bootstrap"
                        yield f"{role}, rotation {rotation}, {name}{way}", found
    undated = DatedCertificate(Role.KUBELET_SERVING, "serving one", None, NOW + DAY, Rotation.DISABLED, None)
    yield "of which only the end is known", list(date_findings(machine(NODE), undated, NOW, bootstraps=True))


@cache
def host_of(name: str) -> HostFacts:
    with tempfile.TemporaryDirectory() as directory:
        node = build(scenario(name), Path(directory) / "host", NOW, CA, name=NODE)
        flags = {"host_root": str(node.root), "node_name": NODE, "kubelet_address": ""}
        if name.startswith("windows"):
            flags["paths_preset"] = "aks-windows"
        return node_agent(resolve(Command.CHECK, flags, {})).look()


def _scenarios() -> States:
    for one in SCENARIOS:
        host = host_of(one.name)
        yield f"{one.name}, now", host_findings(host, (), NOW)
        yield f"{one.name}, in half a year under a policy", host_findings(host, (), NOW + 180 * DAY, max_age=90 * DAY)


def _nodes() -> States:
    """A healthy node with one thing changed."""
    host = host_of("healthy")
    yield "healthy", host_findings(host, (_up(Source.KUBELET),), NOW)
    for windows in (False, True):
        this = replace(host, windows=windows)
        kind = "Windows" if windows else "Linux"
        for status in FileStatus:
            files = (
                FileFacts(
                    Role.KUBELET_CLIENT, "/etc/a file", status, "of what" if status is FileStatus.MALFORMED else ""
                ),
                FileFacts(Role.APISERVER_COPY, "/etc/copy", status),
                FileFacts(Role.CLUSTER_CA, "/etc/ca.crt", status),
            )
            yield f"{kind}, files are {status}", host_findings(replace(this, files=files), (), NOW)
        for name, source in _sources():
            yield f"{kind}, the kubelet's port {name}", host_findings(this, (source,), NOW)
        unread = replace(this, settings_unread="/etc/default/kubelet: permission denied")
        yield f"{kind}, settings are unread", host_findings(unread, (), NOW)
        told = (FileFacts(Role.KUBELET_CLIENT, "/etc/default/kubelet", FileStatus.PERMISSION_DENIED, ""),)
        yield f"{kind}, settings are unread and their file says so", host_findings(replace(unread, files=told), (), NOW)
    for trust in (None, *ServerTrust):
        yield f"trusts {trust}", host_findings(replace(host, server_trust=trust), (), NOW)
    for usability in Usability:
        for origin in Origin:
            for role in (*KUBELET, Role.CLUSTER_CA):
                changed = replace(host, usability={(role, origin): usability})
                yield f"{role} by {origin} is {usability}", host_findings(changed, (), NOW)
    both = dict.fromkeys([(Role.KUBELET_CLIENT, origin) for origin in Origin], Usability.WRONG_USAGE)
    yield "both copies are of no use", host_findings(replace(host, usability=both), (), NOW)
    yield from _rotations(host)
    yield from _served(host)


def _rotations(host: HostFacts) -> States:
    none: dict[Evidence, bool] = {}
    conflict = {Evidence.KUBECONFIG: True, Evidence.KUBELET_CONFIG: True, Evidence.FILE: False}
    for role in KUBELET:
        others = tuple(one for one in host.rotation if one.role is not role)
        for state in RotationState:
            for evidence in (none, conflict):
                one = RotationFacts(role, state, RotationReason.NOT_CONFIGURED, evidence)
                changed = replace(host, rotation=(one, *others), files=(_absent(role), _absent(Role.CLUSTER_CA)))
                name = f"{role} is {state}, {'in conflict' if evidence else 'of one mind'}, and its file is absent"
                yield name, host_findings(changed, (), NOW)
        for reason in RotationReason:
            for state in (RotationState.DISABLED, RotationState.WAITING):
                changed = replace(host, rotation=(RotationFacts(role, state, reason, {}), *others))
                yield f"{role} is {state} since {reason}", host_findings(changed, (), NOW)
    for method in BootstrapMethod:
        yield f"bootstraps by {method}", host_findings(replace(host, bootstrap_method=method), (), NOW)


def _absent(role: Role) -> FileFacts:
    return FileFacts(role, f"/etc/{role}", FileStatus.NOT_FOUND, "")


def _served(host: HostFacts) -> States:
    """What the kubelet serves is not what lies there; and signers."""

    def seen(role: Role, origin: Origin, made: Credential, issued: bool | None, rotation: Rotation) -> SeenCertificate:
        return SeenCertificate(role, origin, "/x", rotation, read(made), issued)

    old, new = CA.kubelet_serving(NODE, NOW - 300 * DAY), CA.kubelet_serving(NODE, NOW - DAY)
    wire = seen(Role.KUBELET_SERVING, Origin.WIRE, old, True, Rotation.ENABLED)
    file = seen(Role.KUBELET_SERVING, Origin.FILE, new, True, Rotation.ENABLED)
    rest = tuple(one for one in host.certificates if one.role is not Role.KUBELET_SERVING)
    for name, certificates_, word in (
        ("another than the file", (*rest, file, wire), False),
        ("another than a file that is not read", (*rest, wire), False),
        ("the file", (*rest, file, wire), True),
        ("something", (*rest, file, wire), None),
    ):
        changed = replace(host, certificates=certificates_, served_matches_file=word)
        yield f"the kubelet serves {name}", host_findings(changed, (), NOW)
    for role in KUBELET:
        for rotation in Rotation:
            for issued in (True, False, None):
                one = seen(role, Origin.FILE, new, issued, rotation)
                others = tuple(each for each in host.certificates if each.role is not role)
                changed = replace(host, certificates=(one, *others), usability={})
                yield (
                    f"{role}, rotation {rotation}, signed by the cluster's CA: {issued}",
                    host_findings(changed, (), NOW),
                )
    for left in (179, 29, -1):
        ending = SeenCertificate(
            Role.CLUSTER_CA,
            Origin.FILE,
            "/x",
            Rotation.NONE,
            read(Authority("ca", NOW - YEAR, NOW + left * DAY)),
            None,
        )
        others = tuple(one for one in host.certificates if one.role is not Role.CLUSTER_CA)
        yield f"the CA ends in {left} days", host_findings(replace(host, certificates=(*others, ending)), (), NOW)


def _up(source: Source) -> SourceFacts:
    ledger = SourceLedger(source)
    ledger.success(NOW)
    return ledger.facts()


def _sources() -> Iterator[tuple[str, SourceFacts]]:
    yield "answers", _up(Source.KUBELET)
    yield "was not asked yet", SourceLedger(Source.KUBELET).facts()
    yield "is not looked at on purpose", skipped(Source.KUBELET, "it is switched off", on_purpose=True)
    yield "is not looked at", skipped(Source.KUBELET, "HOST_IP is not set", on_purpose=False)
    for reason in (Reason.NO_CERTIFICATE, Reason.REFUSED):
        ledger = SourceLedger(Source.KUBELET)
        ledger.failure(reason, f"it is {reason}")
        yield f"fails: {reason}", ledger.facts()


def _trust(
    served: Credential | None, authorities: tuple[Certificate, ...] | None, client: Credential | None = None
) -> KubeconfigTrust:
    chain = read(served) if served else ()
    return KubeconfigTrust(
        context="aks1",
        server=f"https://{HOST}:443",
        server_name=HOST,
        authorities=authorities,
        chain=chain,
        untrusted=distrust(chain, authorities, HOST, NOW) if chain and authorities else None,
        client=read(client) if client else (),
    )


def _kubeconfigs() -> States:
    rotated = Authority.cluster(NOW - DAY, number=1)
    inspection = Authority("Contoso TLS Inspection", NOW - YEAR, NOW + 9 * YEAR, number=2)
    good, trusted = CA.apiserver((HOST,), NOW - 60), read(CA)
    for name, served in {
        "good": good,
        "rotated": rotated.apiserver((HOST,), NOW - 60),
        "another cluster": rotated.apiserver(("other-dns.hcp.westeurope.azmk8s.io",), NOW - 60),
        "intercepted": inspection.apiserver((HOST,), NOW - 60),
        "another name": CA.apiserver(("other-dns.hcp.westeurope.azmk8s.io",), NOW - 60),
        "ended": CA.apiserver((HOST,), NOW - 3 * YEAR),
    }.items():
        yield f"served: {name}", kubeconfig_findings(_trust(served, trusted), NOW)
        through = replace(_trust(served, trusted), through="http://proxy:3128")
        yield f"served through a proxy: {name}", kubeconfig_findings(through, NOW)
    yield "not verified", kubeconfig_findings(replace(_trust(good, None), insecure=True), NOW)
    yield "not verified, and nothing seen", kubeconfig_findings(replace(_trust(None, None), insecure=True), NOW)
    plain = replace(_trust(None, None), tls=False, server="http://127.0.0.1:8001")
    yield "plain HTTP", kubeconfig_findings(plain, NOW)
    for name, begin, end in (
        ("fresh", -30 * DAY, 700 * DAY),
        ("old", -700 * DAY, 30 * DAY),
        ("older", -725 * DAY, 5 * DAY),
        ("ended", -731 * DAY, -DAY),
        ("not yet valid", HOUR, 730 * DAY),
    ):
        client = CA.issue("masterclient", NOW + begin, NOW + end, organization="system:masters")
        yield f"client: {name}", kubeconfig_findings(_trust(good, trusted, client), NOW)
        yield (
            f"client under a policy: {name}",
            kubeconfig_findings(_trust(good, trusted, client), NOW, max_age=90 * DAY),
        )
    yield "client: a serving certificate", kubeconfig_findings(_trust(good, trusted, good), NOW)
    for left in (179, 29, -1):
        ending = read(Authority("ca", NOW - 700 * DAY, NOW + left * DAY))
        yield f"its CA ends in {left} days", kubeconfig_findings(_trust(None, ending), NOW)
        yield f"its CA ends in {left} days, and is known", kubeconfig_findings(_trust(None, ending), NOW, known=ending)


def _clusters() -> States:
    for name, facts in (
        ("a few", fleet(60, 4)),
        ("all of them", fleet(40, 40, broken=True)),
        ("one", fleet(1, broken=True)),
    ):
        for later in (0.0, 20 * MINUTE, 200 * DAY):
            found = cluster_findings(facts, (), NOW + later)
            yield f"{name} after {later / HOUR:.1f} hours", found[:12]
    for source in Source:
        yield f"{source} fails", cluster_findings(ClusterFacts(), (_failed(source, Reason.TIMEOUT),), NOW)
    for reason in Reason:
        yield f"nodes fail: {reason}", cluster_findings(ClusterFacts(), (_failed(Source.NODES, reason),), NOW)
    forbidden = _failed(Source.LEASES, Reason.FORBIDDEN, 'leases is forbidden: x in the namespace "kube-system"')
    yield "a right of one namespace is missing", cluster_findings(ClusterFacts(), (forbidden,), NOW)
    for name, facts in changed_clusters():
        yield name, cluster_findings(facts, (), NOW)


def _failed(source: Source, reason: Reason, words: str = "it said so") -> SourceFacts:
    ledger = SourceLedger(source)
    ledger.success(NOW - HOUR)
    ledger.failure(reason, words)
    return ledger.facts()


TEXTS = dict(_texts())
"""By file name what writes the findings of each state."""


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")
