"""What a certificate is for, on the node it lies on."""

import datetime as dt
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exporter.facts.purpose import CLIENT_AUTH, SERVER_AUTH, Purpose
from exporter.facts.usability import Usability, client_usability, serving_usability, usability
from exporter.facts.x509 import Certificate, certificate
from exporter.reason import Role
from simulation.pki import CLIENT, DAY, SERVER, YEAR, Authority, Credential, new_key, self_signed_linux
from simulation.pki import self_signed_windows as windows
from tests.facts.forge import tlv

T0 = 1_800_000_000.0
CA = Authority.cluster(T0)
NODE = "aks-nodepool1-1"
KEY = new_key()
OK, ANOTHER, GROUP, USAGE, NOT_LEAF = (
    Usability.OK,
    Usability.ANOTHER_NODE,
    Usability.WRONG_GROUP,
    Usability.WRONG_USAGE,
    Usability.NOT_A_LEAF,
)


def read(credential: Credential | Authority) -> Certificate:
    return certificate(credential.certificate.public_bytes(serialization.Encoding.DER))


def judged(role: Role, credential: Credential | Authority, node: str = NODE, **more: object) -> Usability:
    return usability(role, read(credential), node, authorities=(read(CA),), **more)  # type: ignore[arg-type]


def client(name: str, group: str = "system:nodes", usages: tuple[x509.ObjectIdentifier, ...] = (CLIENT,)) -> Credential:
    return CA.issue(name, T0, T0 + YEAR, organization=group, usages=usages, key=KEY)


def serving(*names: str, usages: tuple[x509.ObjectIdentifier, ...] = (SERVER,), user: str = NODE) -> Credential:
    return CA.issue(
        f"system:node:{user}", T0, T0 + YEAR, organization="system:nodes", names=names, usages=usages, key=KEY
    )


def plain(*subject: tuple[x509.ObjectIdentifier, str], extensions: tuple[x509.ExtensionType, ...] = ()) -> Credential:
    """A certificate of the cluster's CA with only these extensions."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(kind, text) for kind, text in subject]))
        .issuer_name(CA.name)
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime.fromtimestamp(T0, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(T0 + DAY, dt.UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Credential(builder.sign(CA.key, hashes.SHA256()), KEY)


USER, GROUPS = (NameOID.COMMON_NAME, f"system:node:{NODE}"), (NameOID.ORGANIZATION_NAME, "system:nodes")
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (client(f"system:node:{NODE}"), OK),
        (client("system:node:aks-nodepool1-2"), ANOTHER),
        (client(f"system:node:{NODE}0"), ANOTHER),
        (client("system:node:"), ANOTHER),
        (client(NODE), ANOTHER),
        (client(f"system:node:{NODE.upper()}"), ANOTHER),
        (client("kube-apiserver-kubelet-client", "system:masters"), GROUP),
        (client(f"system:node:{NODE}", ""), GROUP),
        (client(f"system:node:{NODE}", "system:node"), GROUP),
        (client(f"system:node:{NODE}", "System:Nodes"), GROUP),
        (client("system:node:other", "nobody"), GROUP),
        (client(f"system:node:{NODE}", usages=(SERVER,)), USAGE),
        (client(f"system:node:{NODE}", usages=(SERVER, CLIENT)), OK),
        (client(f"system:node:{NODE}", usages=(ANY,)), OK),
        (client(f"system:node:{NODE}", usages=(ExtendedKeyUsageOID.CODE_SIGNING,)), USAGE),
        (client("system:node:other", "nobody", (SERVER,)), USAGE),
        (plain(GROUPS, USER), OK),
        (plain(USER, GROUPS), OK),
        (plain((NameOID.ORGANIZATION_NAME, "more"), GROUPS, USER), OK),
        (plain(GROUPS, USER, (NameOID.COMMON_NAME, "system:node:other")), ANOTHER),
        (plain(GROUPS, (NameOID.COMMON_NAME, "system:node:other"), USER), OK),
        (plain(GROUPS, USER, extensions=(x509.BasicConstraints(ca=True, path_length=None),)), NOT_LEAF),
        (CA, NOT_LEAF),
    ],
)
def test_a_client_certificate_is_its_nodes_user_in_the_nodes_group(
    credential: Credential | Authority, expected: Usability
) -> None:
    """A1, A2, A3. Of two common names Go takes the last."""
    assert judged(Role.KUBELET_CLIENT, credential) is expected


def test_a_node_is_named_in_lower_case() -> None:
    """A1: the kubelet makes its node's name of the host's in lower case (pkg/util/node, GetHostname)."""
    assert judged(Role.KUBELET_CLIENT, client(f"system:node:{NODE}"), NODE.upper()) is OK
    assert judged(Role.KUBELET_SERVING, serving(NODE.upper()), NODE) is OK


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (serving(NODE, "10.224.0.4"), OK),
        (serving(NODE), OK),
        (serving("10.224.0.4"), OK),
        (serving("aks-other", "10.224.0.4"), OK),
        (serving(f"{NODE}.internal.cloudapp.net"), OK),
        (serving("fd00::4"), OK),
        (serving("aks-nodepool1-2", "10.224.0.5", user="aks-nodepool1-2"), ANOTHER),
        (serving(NODE, user="aks-nodepool1-2"), ANOTHER),
        (serving("aks-nodepool1-2", "10.224.0.4", user="aks-nodepool1-2"), ANOTHER),
        (serving("aks-nodepool1-10"), ANOTHER),
        (serving("10.224.0.40"), ANOTHER),
        (serving("aks-nodepool1-2", "127.0.0.1"), ANOTHER),
        (serving(), ANOTHER),
        (serving(NODE, usages=(CLIENT,)), USAGE),
        (serving("other", usages=(CLIENT,)), USAGE),
        (serving(NODE, usages=(CLIENT, SERVER)), OK),
        (serving(NODE, usages=(ANY,)), OK),
        (plain(GROUPS, USER, extensions=(x509.SubjectAlternativeName([x509.DNSName(NODE)]),)), OK),
        (client(f"system:node:{NODE}"), USAGE),
        (self_signed_linux(NODE, T0), OK),
        (self_signed_linux("another", T0), NOT_LEAF),
        (windows(NODE, T0), OK),
        (windows("another", T0), ANOTHER),
        (CA, NOT_LEAF),
        (Authority(NODE, T0, T0 + YEAR, number=1), NOT_LEAF),
    ],
)
def test_a_serving_certificate_bears_the_nodes_name_or_address(
    credential: Credential | Authority, expected: Usability
) -> None:
    """A2. A loopback address is every node's; what AKS makes with openssl calls itself a CA and is none."""
    found = judged(Role.KUBELET_SERVING, credential, addresses=("10.224.0.4", "[FD00::4]", "127.0.0.1"))
    assert found is expected


@pytest.mark.parametrize(("user", "expected"), [(NODE, OK), ("another", ANOTHER)])
def test_addresses_that_cannot_be_compared_leave_the_subject_to_tell(user: str, expected: Usability) -> None:
    """A2: without HOST_IP the node's address is not known."""
    assert judged(Role.KUBELET_SERVING, serving("10.224.0.4", user=user), addresses=("localhost",)) is expected


def test_a_key_that_is_not_there_is_worse_than_a_wrong_name() -> None:
    """A4: the worst reason is the one that is told."""
    assert judged(Role.KUBELET_CLIENT, client("other"), private_key=False) is Usability.NO_PRIVATE_KEY
    assert judged(Role.KUBELET_CLIENT, CA, private_key=False) is Usability.NO_PRIVATE_KEY


@pytest.mark.parametrize("junk", [b"junk", tlv(0x30, b"\x06\x01\x88"), b""])
def test_a_certificate_whose_usage_cannot_be_read_is_not_loaded(junk: bytes) -> None:
    """A2: Go refuses a certificate with an extendedKeyUsage that it cannot read."""
    odd = plain(GROUPS, USER, extensions=(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.37"), junk),))
    assert judged(Role.KUBELET_CLIENT, odd) is Usability.UNLOADABLE


MADE = read(serving(NODE))


def made_for(**changes: object) -> Purpose:
    """What a kubelet's serving certificate without names is for, and these changes."""
    assert MADE.purpose is not None
    return replace(MADE.purpose, dns_names=(), addresses=(), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dns_names", "addresses", "user", "node", "known", "bears"),
    [
        ((), (), "", "", (), False),
        (("x",), (), "", "", (), True),
        ((), ("10.0.0.1",), "", "", (), True),
        (("n1",), (), "", "n1", (), True),
        (("N1.",), (), "", " N1 ", (), True),
        (("n1.internal",), (), "", "n1", (), True),
        (("n1x.internal",), (), "", "n1", (), False),
        (("n2",), (), "", "n1", (), False),
        (("n1",), (), "system:node:n1", "n1", (), True),
        (("n1",), (), "system:node:n2", "n1", (), False),
        (("n1",), (), "n2", "n1", (), True),
        ((), ("10.0.0.1",), "system:node:n1", "n1", (), True),
        ((), ("10.0.0.1",), "n1", "n1", (), False),
        ((), (), "system:node:n1", "n1", (), False),
        (("n2",), ("10.0.0.1",), "system:node:n1", "n1", (), False),
        ((), ("10.0.0.1",), "system:node:n1", "n1", ("10.0.0.2",), False),
        ((), ("10.0.0.1",), "", "n1", ("10.0.0.2", "10.0.0.1"), True),
        ((), ("fd00::1",), "", "n1", ("[FD00:0::1]",), True),
        ((), ("fe80::1",), "", "n1", ("fe80::1%eth0",), True),
        ((), ("127.0.0.1",), "", "n1", ("127.0.0.1",), False),
        (("x",), ("0.0.0.0",), "", "n1", ("0.0.0.0", "::"), False),
        (("localhost",), (), "", "n1", ("LOCALHOST",), False),
        (("host.example",), (), "", "n1", ("HOST.example.",), True),
        (("HOST.example.",), (), "", "n1", ("host.example",), True),
        (("host.example",), (), "", "n1", ("example",), False),
    ],
)
def test_a_certificate_bears_a_node_by_name_or_address(
    dns_names: tuple[str, ...], addresses: tuple[str, ...], user: str, node: str, known: tuple[str, ...], bears: bool
) -> None:
    """A2: each rule by itself. One that calls itself another node's is that one's."""
    names = replace(made_for(common_name=user), dns_names=dns_names, addresses=addresses)
    assert serving_usability(MADE, names, node, known) is (OK if bears else ANOTHER)
    leaf = replace(MADE, purpose=names)
    assert usability(Role.KUBELET_SERVING, leaf, node, addresses=known) is (OK if bears else ANOTHER)


@pytest.mark.parametrize(
    ("authority", "own", "usages", "names", "expected"),
    [
        (False, False, {SERVER_AUTH}, ("n1",), OK),
        (True, True, {SERVER_AUTH}, ("n1",), OK),
        (True, True, {CLIENT_AUTH}, ("n1",), USAGE),
        (True, False, {SERVER_AUTH}, ("n1",), NOT_LEAF),
        (True, True, {SERVER_AUTH}, ("n2",), NOT_LEAF),
        (None, False, {CLIENT_AUTH}, ("n2",), USAGE),
        (None, False, None, ("n2",), ANOTHER),
    ],
)
def test_of_several_reasons_the_worst_is_told(
    authority: bool | None, own: bool, usages: set[str] | None, names: tuple[str, ...], expected: Usability
) -> None:
    uses = None if usages is None else frozenset(usages)
    what = replace(made_for(authority=authority, usages=uses, common_name=""), dns_names=names)
    leaf = replace(MADE, issuer=MADE.subject) if own else MADE
    assert serving_usability(leaf, what, "n1") is expected
    client_word = NOT_LEAF if authority else USAGE if usages == {SERVER_AUTH} else OK
    assert client_usability(what) is client_word


@pytest.mark.parametrize(
    ("key", "loads"),
    [
        ("RSA-2048", True),
        ("ECDSA-P-256", True),
        ("Ed25519", True),
        ("Ed448", False),
        ("DSA-1024", False),
        ("1.2.840.10045.2.1", False),
        ("", False),
    ],
)
def test_a_key_is_of_a_kind_that_go_loads(key: str, loads: bool) -> None:
    """crypto/tls, X509KeyPair."""
    leaf = replace(read(client(f"system:node:{NODE}")), key_algorithm=key)
    assert usability(Role.KUBELET_CLIENT, leaf, NODE) is (OK if loads else Usability.UNLOADABLE)


@pytest.mark.parametrize(
    ("user", "node", "expected"),
    [
        ("system:node:n1", "", OK),
        ("system:node:", "", OK),
        ("n1", "", ANOTHER),
        ("system:node:n1", " N1", OK),
        ("system:node:N1", "N1", ANOTHER),
    ],
)
def test_the_user_of_a_client_is_the_node(user: str, node: str, expected: Usability) -> None:
    """A1: or any node, where none is asked for."""
    leaf = read(client("x"))
    assert leaf.purpose is not None
    named = replace(leaf, purpose=replace(leaf.purpose, common_name=user))
    assert usability(Role.KUBELET_CLIENT, named, node) is expected
    assert usability(Role.KUBELET_CLIENT, named, node, authorities=(named,)) is NOT_LEAF


def test_the_words_are_in_their_order() -> None:
    """From nothing to the worst: of several reasons the last one counts."""
    assert [str(one) for one in Usability] == [
        "ok",
        "another_node",
        "wrong_group",
        "wrong_usage",
        "not_a_leaf",
        "no_private_key",
        "unloadable",
    ]
