"""What an agent says of a node, read off its metrics and its page, and where that differs from what is true."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from exporter.reason import BootstrapMethod, FileStatus, Origin, Role, RotationReason, RotationState
from simulation.node.scenarios import Expected, State

__all__ = ["ToldState", "mismatches", "strangers", "told_state"]

WELL = {FileStatus.OK, FileStatus.NOT_EXPECTED}


@dataclass(frozen=True, slots=True)
class ToldState:
    """One node in its agent's words. None: the agent does not say."""

    client: State | None
    serving: State | None
    bootstrap: BootstrapMethod | None
    files: frozenset[tuple[Role, FileStatus]]
    not_after: Mapping[tuple[Role, Origin], float]
    authorities: frozenset[str]
    """Fingerprints of the cluster CAs on the node."""
    alerts: frozenset[str]


def told_state(metrics: str, page: str) -> ToldState:
    """Read an exposition in the text format and the page's findings."""
    states: dict[str, State] = {}
    bootstrap = None
    files, authorities = set(), set()
    not_after: dict[tuple[Role, Origin], float] = {}
    for family in text_string_to_metric_families(metrics):
        for name, labels, value, *_ in family.samples:
            match name:
                case "akscert_rotation_state":
                    states[labels["role"]] = RotationState(labels["state"]), RotationReason(labels["reason"])
                case "akscert_bootstrap_info":
                    bootstrap = BootstrapMethod(labels["method"])
                case "akscert_file_status" if labels["role"] in set(Role):  # not of what is no certificate
                    if (status := FileStatus(labels["status"])) in WELL:
                        continue
                    files.add((Role(labels["role"]), status))
                case "akscert_certificate_not_after_timestamp_seconds":
                    not_after[Role(labels["role"]), Origin(labels["origin"])] = value
                case "akscert_certificate_info" if labels["role"] == Role.CLUSTER_CA:
                    authorities.add(labels["fingerprint_sha256"])
    return ToldState(
        client=states.get(Role.KUBELET_CLIENT),
        serving=states.get(Role.KUBELET_SERVING),
        bootstrap=bootstrap,
        files=frozenset(files),
        not_after=not_after,
        authorities=frozenset(authorities),
        alerts=frozenset(re.findall(r"\bAksCert[A-Za-z]+", page)),
    )


def strangers(states: Iterable[ToldState]) -> frozenset[str]:
    """The cluster CAs that most of the fleet does not know."""
    known = Counter(one for each in states for one in each.authorities)
    if not known:
        return frozenset()
    most = max(known.values())
    return frozenset(one for one, count in known.items() if count < most)


def mismatches(expected: Expected, said: ToldState, fleet_alerts: frozenset[str]) -> tuple[str, ...]:
    """Where an agent's word differs from the truth, one line each. `fleet_alerts`: what the fleet's comparison says."""
    pairs: tuple[tuple[str, object, object], ...] = (
        ("client rotation", expected.client, said.client),
        ("serving rotation", expected.serving, said.serving),
        ("bootstrap", expected.bootstrap, said.bootstrap),
        ("files", expected.files, said.files),
        ("findings", expected.alerts, said.alerts),
        ("fleet", expected.fleet_alerts, fleet_alerts),
    )
    return tuple(f"{what}: {_words(said_)}, but it is {_words(true)}" for what, true, said_ in pairs if true != said_)


def _words(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case frozenset():
            return ", ".join(sorted(_words(one) for one in value)) or "none"
        case tuple():
            return "/".join(str(one) for one in value)
        case _:
            return str(value)
