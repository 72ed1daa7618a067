"""Which certificate a kubelet uses for each role: exporter/facts/host/in_use.py."""

from dataclasses import replace

import pytest

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.in_use import InUse, in_use
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, NamedBy, PathTable
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.reason import FileStatus, Role
from simulation.pki import new_key
from tests.facts.authorities import signed
from tests.facts.host.looked import (
    AUTHORITY,
    CLIENT,
    CLIENT_NAMED,
    COPY,
    SELF_SIGNED,
    SERVING,
    SERVING_NAMED,
    STATIC,
    Found,
    evidence,
    kubeconfig,
    looked,
)

KEY = new_key()
ONE, TWO = (signed(name, name, KEY) for name in ("one", "two"))
GONE, DENIED = FileStatus.NOT_FOUND, FileStatus.PERMISSION_DENIED
ASKS = PathTable((Candidate(Role.CLUSTER_CA, named_by=NamedBy.KUBECONFIG),), {})
"""A table that lets the kubeconfig name the cluster's CA."""
ROTATES, SIGNS_ITSELF = KubeletSettings(server_tls_bootstrap=True), KubeletSettings(server_tls_bootstrap=False)
FIXED = KubeletSettings(server_tls_bootstrap=True, tls_cert_file=SERVING_NAMED.path)
CA_NAMED = replace(AUTHORITY, path="/own/ca.crt", named_by=NamedBy.KUBECONFIG)


def chosen(
    role: Role,
    files: dict[Candidate, Found],
    config: HostKubeconfig | None = None,
    settings: KubeletSettings | None = None,
    table: PathTable | None = None,
) -> Candidate | None:
    found = {} if config is None else {EvidenceFile.KUBECONFIG: config}
    return in_use(looked(files, evidence(found, settings, table))).candidates[role]


@pytest.mark.parametrize(
    ("files", "settings", "expected"),
    [
        ({SERVING: (ONE,), STATIC: (TWO,)}, None, SERVING),
        ({SERVING: GONE, STATIC: (TWO,)}, None, STATIC),
        ({SERVING: DENIED, STATIC: (TWO,)}, None, SERVING),
        ({SERVING: GONE, STATIC: GONE}, None, SERVING),
        ({CLIENT: (ONE,)}, None, None),
        ({SERVING: (ONE,), STATIC: (TWO,), SELF_SIGNED: (TWO,)}, SIGNS_ITSELF, STATIC),
        ({SERVING: (ONE,), STATIC: GONE, SELF_SIGNED: (TWO,)}, SIGNS_ITSELF, SELF_SIGNED),
        ({STATIC: (TWO,), SERVING: GONE}, ROTATES, SERVING),
        ({STATIC: (TWO,)}, ROTATES, None),
        ({SERVING: (ONE,), SERVING_NAMED: GONE, STATIC: (TWO,)}, FIXED, SERVING_NAMED),
        ({SERVING: (ONE,), STATIC: (TWO,)}, FIXED, SERVING),
        ({SERVING: GONE, SERVING_NAMED: (ONE,)}, KubeletSettings(), SERVING_NAMED),
    ],
)
def test_a_serving_certificate_is_the_first_that_the_settings_let_be_and_that_is_there(
    files: dict[Candidate, Found], settings: KubeletSettings | None, expected: Candidate | None
) -> None:
    """A file that cannot be read is there; where none is, the first is the one that is missed."""
    assert chosen(Role.KUBELET_SERVING, files, settings=settings) == expected


@pytest.mark.parametrize(
    ("files", "config", "expected"),
    [
        ({CLIENT: (ONE,), CLIENT_NAMED: GONE}, None, CLIENT_NAMED),
        ({CLIENT: (ONE,)}, None, CLIENT),
        ({CLIENT: (ONE,)}, kubeconfig(), CLIENT),
        ({CLIENT: (ONE,)}, kubeconfig(Credential.TOKEN), CLIENT),
        ({CLIENT: (ONE,), CLIENT_NAMED: (TWO,)}, kubeconfig(Credential.CERTIFICATE_INLINE), None),
        ({CLIENT: (ONE,), CLIENT_NAMED: (TWO,)}, kubeconfig(), CLIENT_NAMED),
    ],
)
def test_a_client_certificate_is_what_the_kubeconfig_names(
    files: dict[Candidate, Found], config: HostKubeconfig | None, expected: Candidate | None
) -> None:
    """None of the files where the kubeconfig itself has it."""
    assert chosen(Role.KUBELET_CLIENT, files, config) == expected


@pytest.mark.parametrize(
    ("files", "config", "table", "expected"),
    [
        ({AUTHORITY: (ONE,), CA_NAMED: (TWO,)}, None, ASKS, AUTHORITY),
        ({AUTHORITY: (ONE,), CA_NAMED: (TWO,)}, kubeconfig(), ASKS, CA_NAMED),
        ({AUTHORITY: (ONE,)}, kubeconfig(), ASKS, None),
        ({AUTHORITY: (ONE,)}, kubeconfig(), PathTable((AUTHORITY,), {}), AUTHORITY),
        ({AUTHORITY: (ONE,)}, kubeconfig(), PathTable((CLIENT_NAMED,), {}), AUTHORITY),
        ({AUTHORITY: GONE}, None, None, AUTHORITY),
    ],
)
def test_the_cluster_ca_is_what_the_kubeconfig_names_where_the_table_asks_it(
    files: dict[Candidate, Found], config: HostKubeconfig | None, table: PathTable | None, expected: Candidate | None
) -> None:
    """Another CA in its place may verify what the kubelet's own refuses."""
    assert chosen(Role.CLUSTER_CA, files, config, table=table) == expected


INLINE = kubeconfig(
    Credential.CERTIFICATE_INLINE, certificate_authority="", client_certificates=(ONE,), certificate_authorities=(TWO,)
)


@pytest.mark.parametrize(
    ("files", "read", "bundles", "authorities"),
    [
        ({CLIENT: (ONE, TWO), AUTHORITY: (TWO,)}, None, {CLIENT: (ONE, TWO), AUTHORITY: (TWO,)}, (TWO,)),
        ({CLIENT: DENIED, AUTHORITY: GONE}, None, {}, ()),
        ({AUTHORITY: (TWO,)}, kubeconfig(), {AUTHORITY: (TWO,)}, (TWO,)),
        ({AUTHORITY: (TWO,)}, kubeconfig(insecure_skip_tls_verify=True), {AUTHORITY: (TWO,)}, ()),
        ({AUTHORITY: (TWO,)}, replace(kubeconfig(), server="http://api"), {AUTHORITY: (TWO,)}, ()),
        ({AUTHORITY: (TWO,)}, kubeconfig(certificate_authority=""), {AUTHORITY: (TWO,)}, (TWO,)),
        ({AUTHORITY: (TWO,)}, FileStatus.NOT_FOUND, {AUTHORITY: (TWO,)}, (TWO,)),
        ({AUTHORITY: (TWO,)}, FileStatus.NOT_EXPECTED, {AUTHORITY: (TWO,)}, (TWO,)),
        ({AUTHORITY: (TWO,)}, FileStatus.MALFORMED, {AUTHORITY: (TWO,)}, ()),
        ({AUTHORITY: (TWO,)}, FileStatus.PERMISSION_DENIED, {AUTHORITY: (TWO,)}, ()),
        ({AUTHORITY: (ONE,)}, INLINE, {AUTHORITY: (ONE,), "client": (ONE,)}, (ONE,)),
        ({AUTHORITY: GONE}, INLINE, {"client": (ONE,), "ca": (TWO,)}, (TWO,)),
        ({}, INLINE, {"client": (ONE,), "ca": (TWO,)}, (TWO,)),
        ({CLIENT: (TWO,)}, kubeconfig(client_certificates=(ONE,)), {CLIENT: (TWO,)}, ()),
        ({}, replace(INLINE, certificate_authorities=(), insecure_skip_tls_verify=True), {"client": (ONE,)}, ()),
        ({COPY: (ONE,), SERVING: (TWO,)}, None, {COPY: (ONE,), SERVING: (TWO,)}, ()),
    ],
)
def test_what_is_in_use_is_what_could_be_read(
    files: dict[Candidate, Found],
    read: HostKubeconfig | FileStatus | None,
    bundles: dict[Candidate | str, tuple[object, ...]],
    authorities: tuple[object, ...],
) -> None:
    """The CAs count where the kubelet is known to trust them, and no others: what the user leaves out says nothing."""
    inside = {"client": Role.KUBELET_CLIENT, "ca": Role.CLUSTER_CA}
    found = in_use(looked(files, evidence({} if read is None else {EvidenceFile.KUBECONFIG: read})))
    by_role = {
        (inside[place] if isinstance(place, str) else place.role): (
            "/kubeconfig" if isinstance(place, str) else place.path,
            bundle,
        )
        for place, bundle in bundles.items()
    }
    places = {role: next((one for one in files if one.role is role), None) for role in Role}
    assert found == InUse(places, by_role, authorities)  # type: ignore[arg-type]
