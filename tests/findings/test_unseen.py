"""What was not seen of a node: exporter/findings/unseen.py."""

from dataclasses import replace

import pytest

from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.kubeconfig import ServerTrust
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts, SourceLedger, skipped
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import machine, step
from exporter.findings.unseen import source_findings, trust_findings, unread_findings
from exporter.reason import BootstrapMethod, FileStatus, Reason, Role, RotationReason, RotationState, Source

HOST = HostFacts("n1", False, (), (), (), BootstrapMethod.UNKNOWN, None, None, {})
NODE = Subject(Kind.NODE, "n1")
LINUX, WINDOWS = machine("n1"), machine("n1", windows=True)
FLAGS = "/etc/default/kubelet"
REQUESTS = (Step("Look for the request."),)


def file(path: str, status: FileStatus) -> FileFacts:
    return FileFacts(Role.KUBELET_SERVING, path, status, "", True)


@pytest.mark.parametrize(
    ("unread", "files", "told"),
    [
        ("", (), False),
        ("", (file(FLAGS, FileStatus.MALFORMED),), False),
        (FLAGS, (), True),
        (FLAGS, (file(FLAGS, FileStatus.OK),), True),
        (FLAGS, (file(FLAGS, FileStatus.NOT_EXPECTED),), True),
        (FLAGS, (file(FLAGS, FileStatus.NOT_FOUND),), False),
        (f"x, {FLAGS}", (file("/y", FileStatus.OK), file(FLAGS, FileStatus.PERMISSION_DENIED)), False),
        (FLAGS, (file("/etc/other", FileStatus.MALFORMED),), True),
    ],
)
@pytest.mark.parametrize("this", [LINUX, WINDOWS])
def test_settings_that_could_not_be_read_are_told_where_no_file_says_so(
    unread: str, files: tuple[FileFacts, ...], told: bool, this: object
) -> None:
    windows = this is WINDOWS
    look = "Get-Content C:\\k\\kubeclusterconfig.json" if windows else "systemctl cat kubelet --no-pager"
    at = WINDOWS if windows else LINUX
    expected = Finding(
        Severity.UNKNOWN,
        NODE,
        f"The kubelet's settings could not all be read: {unread}.",
        (step("Look at how the kubelet is started.", at.run(look)),),
        why="Whether rotation is configured is not known as long as a source of settings cannot be read.",
        node="n1",
    )
    found = list(unread_findings(replace(HOST, settings_unread=unread, files=files), at))
    assert found == ([expected] if told else [])


def failed(reason: Reason) -> SourceFacts:
    ledger = SourceLedger(Source.KUBELET)
    ledger.failure(reason, "words")
    return ledger.facts()


def waits(state: RotationState) -> HostFacts:
    facts = RotationFacts(Role.KUBELET_SERVING, state, RotationReason.CERTIFICATE_MISSING, {})
    return replace(HOST, rotation=(facts,))


ANSWERED = SourceLedger(Source.KUBELET)
ANSWERED.success(1.0)
DOWN = "AksCertSourceDown"
ADDRESS = (Step("Set HOST_IP to the node's address, or give the port with --kubelet-address."),)
WHY_NONE = (
    "kubectl logs and exec fail for this node until its request for a serving certificate is approved and signed; the "
    "kubelet then takes it by itself. Reimaging the node does not help."
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ANSWERED.facts(), None),
        (SourceLedger(Source.KUBELET).facts(), None),
        (
            skipped(Source.KUBELET, "it is switched off", on_purpose=True),
            Finding(
                Severity.INFO, NODE, "The kubelet's port was not looked at: it is switched off.", ADDRESS, node="n1"
            ),
        ),
        (
            skipped(Source.KUBELET, "HOST_IP is not set", on_purpose=False),
            Finding(
                Severity.UNKNOWN,
                NODE,
                "The kubelet's port was not looked at: HOST_IP is not set.",
                ADDRESS,
                DOWN,
                node="n1",
            ),
        ),
        (
            failed(Reason.NO_CERTIFICATE),
            Finding(
                Severity.WARNING,
                NODE,
                "The kubelet runs, and serves no certificate: it has none that is usable.",
                REQUESTS,
                DOWN,
                WHY_NONE,
                "n1",
                Role.KUBELET_SERVING,
            ),
        ),
        (
            failed(Reason.REFUSED),
            Finding(
                Severity.UNKNOWN,
                NODE,
                "What the kubelet serves could not be seen: words.",
                (
                    step(
                        "See whether the kubelet runs and listens on its port.",
                        LINUX.run("systemctl status kubelet --no-pager"),
                    ),
                ),
                DOWN,
                node="n1",
            ),
        ),
    ],
)
def test_a_port_that_was_not_seen_is_told_by_why(source: SourceFacts, expected: Finding | None) -> None:
    """A kubelet that waits for its certificate cannot answer, and another alert says so."""
    found = list(source_findings(waits(RotationState.ENABLED), LINUX, [source], REQUESTS))
    assert found == ([] if expected is None else [expected])
    quiet = list(source_findings(waits(RotationState.WAITING), LINUX, [source], REQUESTS))
    alert = DOWN if source.skipped and source.up is False else ""
    assert quiet == ([] if expected is None else [replace(expected, alert=alert)])


def test_a_windows_kubelet_is_looked_for_as_a_service() -> None:
    (one,) = source_findings(HOST, WINDOWS, [failed(Reason.TIMEOUT)], REQUESTS)
    assert one.next[0].command == WINDOWS.run("Get-Service kubelet")


@pytest.mark.parametrize(
    ("trust", "begins"),
    [
        (None, ""),
        (ServerTrust.NAMED_CA, ""),
        (
            ServerTrust.ANYBODY,
            "The kubelet does not verify the API server: its kubeconfig has insecure-skip-tls-verify",
        ),
        (ServerTrust.PLAIN_HTTP, "The kubelet does not verify the API server: the server in its kubeconfig is plain"),
        (ServerTrust.SYSTEM_CAS, "The kubelet's kubeconfig names no CA, so the kubelet goes by the machine's own"),
    ],
)
def test_a_kubelet_that_talks_to_any_server_is_made_anew(trust: ServerTrust | None, begins: str) -> None:
    found = list(trust_findings(replace(HOST, server_trust=trust), LINUX))
    assert len(found) == bool(begins)
    for one in found:
        assert one.what.startswith(begins)
        assert one.why.startswith("None of those signs" if trust is ServerTrust.SYSTEM_CAS else "Whoever is between")
        assert one == Finding(
            Severity.WARNING,
            NODE,
            one.what,
            LINUX.replace,
            why=one.why,
            node="n1",
            role=Role.KUBELET_CLIENT,
        )
