"""Each table of a report on a node (exporter.check.host), whole."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.check.host import host_sections
from exporter.check.report import Section
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.facts.usability import Usability
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
    Source,
)
from simulation.pki import DAY
from tests.check.known import NOW, certificate

HOST = HostFacts("n", False, (), (), (), BootstrapMethod.UNKNOWN, None, None, {})


def table(title: str, host: HostFacts, *sources: SourceFacts) -> Section:
    """The one table of that name."""
    (found,) = [one for one in host_sections(host, sources, NOW) if one.title == title]
    return found


def seen(
    role: Role, origin: Origin, begin: float, end: float, rotation: Rotation, cluster_ca: bool | None
) -> SeenCertificate:
    bundle = (certificate("CN=a", NOW + begin, NOW + end),)
    return SeenCertificate(role, origin, "/a", rotation, bundle, cluster_ca)


def test_each_certificate_is_a_row_with_its_dates_and_whether_it_is_fit() -> None:
    client, serving = Role.KUBELET_CLIENT, Role.KUBELET_SERVING
    host = replace(
        HOST,
        certificates=(
            seen(client, Origin.FILE, -DAY, 30 * DAY, Rotation.ENABLED, True),
            seen(serving, Origin.FILE, -DAY, 0, Rotation.DISABLED, False),
            seen(serving, Origin.WIRE, -9 * DAY, -2 * DAY, Rotation.UNKNOWN, None),
        ),
        usability={
            (client, Origin.FILE): Usability.OK,
            (serving, Origin.FILE): Usability.NOT_A_LEAF,
        },
    )
    found = table("Certificates", host)
    assert found.rows == (
        ("kubelet-client", "file", "2027-01-14", "2027-02-14", "30 days", "enabled", "cluster CA", "yes"),
        (
            "kubelet-serving",
            "file",
            "2027-01-14 08:00 UTC",
            "2027-01-15 08:00 UTC",
            "less than 2 minutes",
            "disabled",
            "another",
            "no: not a leaf",
        ),
        ("kubelet-serving", "wire", "2027-01-06", "2027-01-13", "ended 2 days ago", "unknown", "-", "-"),
    )
    assert found.note == ""
    assert table("Certificates", HOST).note == "No certificate could be read: the files below say why."


def test_rotation_is_a_row_for_each_role_with_what_each_place_says() -> None:
    said = {
        Evidence.KUBELET_CONFIG: True,
        Evidence.WIRE: False,
        Evidence.KUBECONFIG: True,
        Evidence.FILE: False,
    }
    host = replace(
        HOST,
        certificates=(seen(Role.KUBELET_CLIENT, Origin.FILE, 0, 100 * DAY, Rotation.ENABLED, True),),
        rotation=(
            RotationFacts(Role.KUBELET_CLIENT, RotationState.ENABLED, RotationReason.ROTATING, said),
            RotationFacts(
                Role.KUBELET_SERVING, RotationState.DISABLED, RotationReason.SELF_SIGNED, {Evidence.WIRE: False}
            ),
            RotationFacts(Role.KUBELET_SERVING, RotationState.UNKNOWN, RotationReason.UNDETERMINED, {}),
        ),
    )
    first, second, third = table("Rotation", host).rows
    assert first == (
        "kubelet-client",
        "enabled",
        "2027-03-26 to 2027-04-15",
        "configured, and the kubelet keeps a current certificate",
        "on: kubelet_config, kubeconfig; off: wire, file",
    )
    assert second[3] == "the kubelet signs its serving certificate itself"
    assert (second[2], second[4], third[4]) == ("-", "off: wire", "-")


@pytest.mark.parametrize(
    ("method", "present", "note"),
    [
        (BootstrapMethod.UNKNOWN, None, "Bootstrap: unknown."),
        (BootstrapMethod.TOKEN, True, "Bootstrap: token. A bootstrap kubeconfig is there."),
        (
            BootstrapMethod.SECURE_TLS_BOOTSTRAPPING,
            False,
            "Bootstrap: secure TLS bootstrapping. There is no bootstrap kubeconfig.",
        ),
    ],
)
def test_below_it_is_how_the_node_bootstraps(method: BootstrapMethod, present: bool | None, note: str) -> None:
    host = replace(HOST, bootstrap_method=method, bootstrap_kubeconfig_present=present)
    assert table("Rotation", host).note.lower() == note.lower()


def files(*statuses: FileStatus) -> Iterator[FileFacts]:
    for number, status in enumerate(statuses):
        yield FileFacts(Role.KUBELET_CLIENT, f"/{number}", status, evidence=number == 1)


def test_files_that_are_not_as_they_should_be_stand_first_and_absent_ones_are_counted() -> None:
    ok, missing, absent = FileStatus.OK, FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED
    found = table("Files", replace(HOST, files=tuple(files(ok, missing, absent, ok, FileStatus.EMPTY, absent))))
    assert [row[:3] for row in found.rows] == [
        ("/1", "evidence", "not_found"),
        ("/4", "kubelet-client", "empty"),
        ("/0", "kubelet-client", "ok"),
        ("/3", "kubelet-client", "ok"),
    ]
    assert found.note == "2 more are absent, as expected."
    assert table("Files", replace(HOST, files=tuple(files(ok)))).note == ""


def test_each_source_is_a_row() -> None:
    def source(up: bool | None, last: float | None = None, error: str = "", skipped: str = "") -> SourceFacts:
        return SourceFacts(Source.KUBELET, up, last, {}, error, skipped=skipped)

    asked = (source(True, 0.0), source(False, NOW, "refused"), source(None), source(False, None, "not", "no address"))
    assert table("Sources", HOST, *asked).rows == (
        ("kubelet", "yes", "1970-01-01 00:00 UTC", "-"),
        ("kubelet", "no", "2027-01-15 08:00 UTC", "refused"),
        ("kubelet", "not asked", "-", "-"),
        ("kubelet", "not looked at", "-", "no address"),
    )


def test_the_columns_of_each_table_are_these_and_long_words_wrap() -> None:
    """Programs read them from the JSON."""
    certificates = ("ROLE", "SEEN", "FROM", "UNTIL", "LEFT", "ROTATION", "SIGNED BY", "FIT")
    rotation = ("ROLE", "STATE", "NEXT ROTATION", "WHY", "EVIDENCE")
    sources = ("SOURCE", "ANSWERS", "LAST ANSWER", "LAST ERROR")
    assert [(one.title, one.columns, one.wrapping) for one in host_sections(HOST, (), NOW)] == [
        ("Certificates", certificates, ("SIGNED BY", "FIT")),
        ("Rotation", rotation, ("NEXT ROTATION", "WHY", "EVIDENCE")),
        ("Files", ("PATH", "ROLE", "STATUS", "WHAT IT MEANS"), ("PATH", "WHAT IT MEANS")),
        ("Sources", sources, ("LAST ERROR",)),
    ]
