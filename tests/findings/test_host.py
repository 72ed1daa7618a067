"""What is wrong with one node, from its own files: exporter/findings/host.py."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate, certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import machine, step
from exporter.findings.formatting import ends, span
from exporter.findings.host import host_findings
from exporter.reason import BootstrapMethod, Evidence, FileStatus, Origin, Role, Rotation, RotationReason, RotationState
from simulation.pki import DAY, Authority

NOW = 1_800_000_000.0
CLIENT, SERVING, CA_ROLE = Role.KUBELET_CLIENT, Role.KUBELET_SERVING, Role.CLUSTER_CA
FILE, WIRE = Origin.FILE, Origin.WIRE
CRITICAL, WARNING, UNKNOWN, INFO = Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.INFO
CA = Authority("ca", NOW - 400 * DAY, NOW + 9000 * DAY)
NODE = Subject(Kind.NODE, "n1")
THIS = machine("n1")
OLDER = "AksCertOlderThanPolicy"


def made(begin: float, end: float) -> tuple[Certificate, ...]:
    """Days before and after now."""
    return certificates(CA.issue("n1", NOW + begin * DAY, NOW + end * DAY).certificate_pem)


LEAF = made(-10, 355)


def seen(role: Role, origin: Origin = FILE, bundle: tuple[Certificate, ...] = LEAF, **more: object) -> SeenCertificate:
    one = SeenCertificate(role, origin, "/x" if origin is FILE else "", Rotation.ENABLED, bundle, True)
    return replace(one, **more)  # type: ignore[arg-type]


def rotation(role: Role, state: RotationState = RotationState.ENABLED, **more: object) -> RotationFacts:
    return replace(RotationFacts(role, state, RotationReason.ROTATING, {}), **more)  # type: ignore[arg-type]


def host(*found: SeenCertificate, **more: object) -> HostFacts:
    one = HostFacts(
        "n1", False, found, (), (rotation(CLIENT), rotation(SERVING)), BootstrapMethod.TOKEN, True, None, {}
    )
    return replace(one, **more)  # type: ignore[arg-type]


def said(facts: HostFacts, max_age: float | None = None, now: float = NOW) -> list[Finding]:
    return list(host_findings(facts, (), now, max_age=max_age))


def brief(facts: HostFacts, max_age: float | None = None) -> list[tuple[Severity, str, Role | None]]:
    return [(one.severity, one.alert, one.role) for one in said(facts, max_age)]


def test_a_node_that_is_as_it_should_be_has_no_finding() -> None:
    assert said(host(seen(CLIENT), seen(SERVING), seen(SERVING, WIRE))) == []


@pytest.mark.parametrize(
    ("found", "age", "told"),
    [
        (seen(CLIENT), 10 * DAY, False),
        (seen(CLIENT), 10 * DAY - 1, True),
        (seen(SERVING), 10 * DAY - 1, True),
        (seen(SERVING, WIRE), 10 * DAY - 1, False),
        (seen(CA_ROLE), 10 * DAY - 1, False),
        (seen(CLIENT), None, False),
    ],
)
def test_a_certificate_on_the_disk_is_held_against_the_policy(
    found: SeenCertificate, age: float | None, told: bool
) -> None:
    """On the policy's day it is not older than that. What is served is another copy of it, and a CA is no leaf."""
    name = {CLIENT: "kubelet client certificate", SERVING: "kubelet serving certificate"}.get(found.role, "")
    expected = Finding(
        WARNING,
        NODE,
        f"The {name} is 10 days old; your policy allows {span(age or 0)}.",
        THIS.replace,
        OLDER,
        node="n1",
        role=found.role,
        since=NOW - 10 * DAY + (age or 0),
    )
    assert [one for one in said(host(found), age) if one.alert == OLDER] == ([expected] if told else [])


@pytest.mark.parametrize(
    ("file", "wire", "severity", "where"),
    [
        (made(-95, 5), made(-99, 1), CRITICAL, ""),
        (made(-92, 8), made(-99, 1), CRITICAL, " that is served"),
        (made(-99, 1), made(-92, 8), CRITICAL, ""),
        (made(-92, 8), made(-93, 7), WARNING, ""),
        (made(-10, 90), made(-92, 8), WARNING, " that is served"),
    ],
)
def test_file_and_port_say_the_same_once_by_the_worse_of_the_two(
    file: tuple[Certificate, ...], wire: tuple[Certificate, ...], severity: Severity, where: str
) -> None:
    """And by the file where they are as bad as one another."""
    off: dict[str, Any] = {"rotation": Rotation.UNKNOWN}
    facts = host(seen(SERVING, bundle=file, **off), seen(SERVING, WIRE, wire, **off))
    (one,) = [each for each in said(facts) if each.alert == "AksCertExpiringWithoutRotation"]
    assert one.severity is severity
    assert one.what.startswith(f"The kubelet serving certificate{where} ends ")


def test_without_a_way_to_bootstrap_a_client_certificate_that_rotates_has_no_second_chance() -> None:
    expected = Finding(
        WARNING,
        NODE,
        "Rotation is on, but the node has no way to obtain a certificate once the present one has ended.",
        THIS.replace,
        "AksCertBootstrapMissing",
        node="n1",
    )
    bare = host(seen(CLIENT), bootstrap_method=BootstrapMethod.NONE)
    assert said(bare) == [expected]
    for method in BootstrapMethod:
        assert said(replace(bare, bootstrap_method=method)) == ([expected] if method is BootstrapMethod.NONE else [])
    only_serving = (rotation(CLIENT, RotationState.UNKNOWN), rotation(SERVING))
    assert "AksCertBootstrapMissing" not in [one.alert for one in said(replace(bare, rotation=only_serving))]


@pytest.mark.parametrize("method", BootstrapMethod)
def test_an_ended_client_certificate_comes_anew_where_there_is_a_way(method: BootstrapMethod) -> None:
    ended = said(host(seen(CLIENT, bundle=made(-100, -1)), bootstrap_method=method))
    (one,) = [each for each in ended if each.alert == "AksCertExpired"]
    assert (one.next == THIS.replace) is (method is BootstrapMethod.NONE)


@pytest.mark.parametrize("role", [CLIENT, SERVING])
def test_a_rotation_that_cannot_be_told_leads_to_the_files(role: Role) -> None:
    """Where places disagree, that says it."""
    other = CLIENT if role is SERVING else SERVING
    bare = rotation(role, RotationState.UNKNOWN, reason=RotationReason.UNDETERMINED)
    (one,) = said(host(rotation=(bare, rotation(other))))
    assert one == Finding(
        UNKNOWN,
        NODE,
        f"Whether the kubelet {'client' if role is CLIENT else 'serving'} certificate is rotated cannot be told: too "
        "little could be read.",
        (Step("Look at the list of files: each status says what could not be read."),),
        node="n1",
        role=role,
    )
    torn = replace(bare, evidence={Evidence.FILE: True, Evidence.WIRE: False})
    found = [(each.severity, each.alert) for each in said(host(rotation=(torn, rotation(other))))]
    assert found == [(UNKNOWN, "AksCertRotationEvidenceConflict")]


def file(about: Role, status: FileStatus, *, evidence: bool = False, detail: str = "") -> FileFacts:
    return FileFacts(about, "/etc/a b", status, detail, evidence)


GONE = FileStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("one", "waiting", "told"),
    [
        (file(CLIENT, GONE), (), True),
        (file(CLIENT, GONE), (CLIENT,), False),
        (file(CLIENT, GONE), (SERVING,), True),
        (file(SERVING, GONE), (SERVING,), False),
        (file(CA_ROLE, GONE), (CLIENT, SERVING), True),
        (file(SERVING, GONE, evidence=True), (CLIENT,), False),
        (file(CLIENT, GONE, evidence=True), (CLIENT,), False),
        (file(SERVING, GONE, evidence=True), (SERVING,), True),
        (file(CLIENT, FileStatus.EMPTY), (CLIENT,), True),
        (file(Role.APISERVER_COPY, GONE), (), False),
        (file(CLIENT, FileStatus.OK), (), False),
        (file(CLIENT, FileStatus.NOT_EXPECTED), (), False),
    ],
)
def test_an_absent_file_is_told_unless_everybody_waits_for_it(
    one: FileFacts, waiting: tuple[Role, ...], told: bool
) -> None:
    """A node without its first client certificate has no evidence files yet either."""
    states = tuple(
        rotation(role, RotationState.WAITING if role in waiting else RotationState.ENABLED)
        for role in (CLIENT, SERVING)
    )
    alerts = [each.alert for each in said(host(files=(one,), rotation=states))]
    assert ("AksCertFileUnreadable" in alerts) is told


LOOK = {windows: machine("n1", windows=windows) for windows in (False, True)}


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("status", FileStatus)
def test_a_file_leads_to_what_lets_it_be_read(status: FileStatus, windows: bool) -> None:
    this = LOOK[windows]
    listing = this.run("Get-Item '/etc/a b'" if windows else "ls -lL '/etc/a b'")
    damaged = [step("Look at it. A damaged certificate is made anew with the node.", listing), *this.replace]
    steps = {
        FileStatus.OK: [],
        FileStatus.NOT_EXPECTED: [],
        FileStatus.PERMISSION_DENIED: [Step("Run it as root, or in the chart with the capability DAC_READ_SEARCH.")],
        FileStatus.OUTSIDE_ROOT: [Step("Mount the directory that the link leads to below the host root.")],
        FileStatus.TIMEOUT: [step("The node's disk may hang: read the kernel's log.", this.run("dmesg | tail -n 50"))],
        GONE: [step("Look at the node. A path that moved can be set in the settings file.", listing)],
    }.get(status, damaged)
    found = said(host(files=(file(CA_ROLE, status, detail="why"),), windows=windows))
    assert [list(one.next) for one in found] == ([steps] if steps else [])
    for one in found:
        assert one.what.startswith("/etc/a b ")
        assert one.what.endswith(" (why).")
        assert one.role is CA_ROLE
    (bare,) = said(host(files=(file(CLIENT, FileStatus.EMPTY, evidence=True),)))
    assert (bare.what, bare.role) == ("/etc/a b is empty.", None)


OLD, NEW = made(-300, 65), made(-1, 364)


@pytest.mark.parametrize(
    ("found", "matches", "words"),
    [
        (
            (seen(SERVING, bundle=NEW), seen(SERVING, WIRE, OLD)),
            False,
            f": the served one {ends(OLD[0].not_after, NOW)}, the file {ends(NEW[0].not_after, NOW)}",
        ),
        ((seen(SERVING, WIRE, OLD),), False, ""),
        ((seen(SERVING, bundle=NEW),), False, ""),
        ((seen(SERVING, bundle=NEW), seen(SERVING, WIRE, OLD)), True, None),
        ((seen(SERVING, bundle=NEW), seen(SERVING, WIRE, OLD)), None, None),
    ],
)
def test_a_kubelet_that_serves_another_certificate_is_to_be_restarted(
    found: tuple[SeenCertificate, ...], matches: bool | None, words: str | None
) -> None:
    expected = Finding(
        WARNING,
        NODE,
        f"The kubelet still serves another certificate than the one on disk{words}.",
        (step("Restart the kubelet; running containers are not affected.", THIS.restart_kubelet),),
        "AksCertKubeletServesOldCertificate",
        node="n1",
        role=SERVING,
        until=OLD[0].not_after if any(one.origin is WIRE for one in found) else None,
    )
    alert = "AksCertKubeletServesOldCertificate"
    told = [one for one in said(host(*found, served_matches_file=matches)) if one.alert == alert]
    assert told == ([] if words is None else [expected])


BAD = Usability.WRONG_USAGE
NOT_MADE, STRANGE = "is not made for this use (extendedKeyUsage)", "was not signed by a CA that this kubelet trusts"
STRANGER: dict[str, Any] = {"issued_by_cluster_ca": False}


@pytest.mark.parametrize(
    ("found", "usability", "told"),
    [
        ((seen(CLIENT), seen(SERVING)), {}, []),
        ((seen(CLIENT),), {(CLIENT, FILE): BAD}, [f"The kubelet client certificate {NOT_MADE}."]),
        ((), {(CLIENT, FILE): BAD}, [f"The kubelet client certificate {NOT_MADE}."]),
        ((seen(SERVING),), {(SERVING, WIRE): BAD}, [f"The kubelet serving certificate that is served {NOT_MADE}."]),
        (
            (seen(SERVING),),
            {(SERVING, FILE): BAD, (SERVING, WIRE): BAD},
            [f"The kubelet serving certificate {NOT_MADE}."],
        ),
        ((seen(CLIENT, **STRANGER),), {}, [f"The kubelet client certificate {STRANGE}."]),
        (
            (seen(CLIENT, rotation=Rotation.DISABLED, **STRANGER),),
            {},
            [f"The kubelet client certificate {STRANGE}."],
        ),
        ((seen(SERVING, **STRANGER),), {}, [f"The kubelet serving certificate {STRANGE}."]),
        ((seen(SERVING, rotation=Rotation.DISABLED, **STRANGER),), {}, []),
        ((seen(SERVING, issued_by_cluster_ca=None),), {}, []),
        ((seen(SERVING, WIRE, **STRANGER),), {}, [f"The kubelet serving certificate that is served {STRANGE}."]),
        ((seen(CLIENT, **STRANGER),), {(CLIENT, FILE): BAD}, [f"The kubelet client certificate {NOT_MADE}."]),
        ((seen(CA_ROLE, **STRANGER),), {(CA_ROLE, FILE): BAD}, []),
        (
            (seen(SERVING), seen(SERVING, WIRE, **STRANGER), seen(CLIENT)),
            {(CLIENT, FILE): BAD, (SERVING, FILE): Usability.OK},
            [
                f"The kubelet client certificate {NOT_MADE}.",
                f"The kubelet serving certificate that is served {STRANGE}.",
            ],
        ),
    ],
)
def test_a_certificate_that_nobody_accepts_is_told_once_for_its_role(
    found: tuple[SeenCertificate, ...], usability: dict[tuple[Role, Origin], Usability], told: list[str]
) -> None:
    """By the file where that is bad. One that the kubelet signs itself is no fault where nothing rotates it."""
    unusable = [one for one in said(host(*found, usability=usability)) if one.alert == "AksCertUnusable"]
    assert [one.what for one in unusable] == told
    for one in unusable:
        assert (one.severity, one.next, one.until) == (CRITICAL, THIS.replace, None)
        client = one.role is CLIENT
        assert one.why == (
            "The API server refuses the kubelet, now or when the kubelet restarts."
            if client
            else "kubectl logs, exec and metrics fail for this node."
        )


def authority(begin: float, end: float) -> tuple[Certificate, ...]:
    return certificates(Authority("ca", NOW + begin * DAY, NOW + end * DAY).pem)


@pytest.mark.parametrize(("left", "severity"), [(181, None), (179, WARNING), (29, CRITICAL), (-1, CRITICAL)])
def test_a_cluster_ca_that_ends_takes_a_rotation_of_everything(left: float, severity: Severity | None) -> None:
    bundle = authority(-1000, left)
    expected = Finding(
        severity or INFO,
        NODE,
        f"The cluster CA {ends(bundle[0].not_after, NOW)}.",
        (step("Rotate all certificates in a maintenance window.", THIS.place.rotate_certs),),
        "AksCertClusterCaExpiring",
        "The rotation makes every node anew, with up to 30 minutes of downtime.",
        "n1",
        CA_ROLE,
        until=bundle[0].not_after,
    )
    assert said(host(seen(CA_ROLE, bundle=bundle))) == ([] if severity is None else [expected])


def test_a_cluster_ca_may_not_be_valid_yet_or_have_former_ones_beside_it() -> None:
    early = authority(1, 9000)
    (one,) = said(host(seen(CA_ROLE, bundle=early)))
    assert (one.severity, one.alert, one.role, one.until) == (CRITICAL, "AksCertUnusable", CA_ROLE, early[0].not_before)
    assert one.what.startswith("The cluster CA becomes valid in 24 hours")
    ended, present = authority(-1000, -1), authority(-100, 9000)
    both = seen(CA_ROLE, bundle=ended + present, signers=present)
    (former,) = said(host(both))
    assert former == Finding(
        INFO,
        NODE,
        f"A former CA in /x {ends(ended[0].not_after, NOW)}.",
        (Step("It may be removed: it signed nothing that is in use."),),
        why=f"Its serial number is {ended[0].serial_number}.",
        node="n1",
        role=CA_ROLE,
        until=ended[0].not_after,
    )
    assert said(host(replace(both, signers=ended + present), rotation=())) != [former]
