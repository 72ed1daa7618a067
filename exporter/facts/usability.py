"""A kubelet's certificate and its role in, whether the kubelet can use it there out, dates aside, and why not.

What the API server asks of it (Kubernetes, plugin/pkg/auth/authenticator and authorizer/node): a client is the user
`system:node:NAME` of the group `system:nodes`; a server bears its name or address among the subjectAltNames.
"""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum

from exporter.facts.certificate import Certificate
from exporter.facts.purpose import CLIENT_AUTH, SERVER_AUTH, Purpose
from exporter.reason import Role

__all__ = ["NODES_GROUP", "NODE_USER", "Usability", "client_usability", "serving_usability", "usability"]

NODE_USER = "system:node:"
NODES_GROUP = "system:nodes"
_KEYS = ("RSA-", "ECDSA-", "Ed25519")
"""What begins the names of the keys that Go loads (crypto/tls, X509KeyPair)."""


class Usability(StrEnum):
    """Whether a certificate can be used, and why not: of several reasons the last one of this list counts."""

    OK = "ok"
    ANOTHER_NODE = "another_node"
    WRONG_GROUP = "wrong_group"
    WRONG_USAGE = "wrong_usage"
    NOT_A_LEAF = "not_a_leaf"
    NO_PRIVATE_KEY = "no_private_key"
    UNLOADABLE = "unloadable"


def usability(
    role: Role,
    leaf: Certificate,
    node: str,
    *,
    addresses: Iterable[str] = (),
    authorities: tuple[Certificate, ...] = (),
    private_key: bool = True,
) -> Usability:
    """Whether the kubelet of `node` can use the certificate for its role; an empty `node` is any.

    `addresses`: what the node is known by beside its name. `authorities`: the CAs that the kubelet trusts, none of
    which is a leaf. `private_key`: whether the key is where the kubelet looks for it.
    """
    if leaf.purpose is None or not leaf.key_algorithm.startswith(_KEYS):
        return Usability.UNLOADABLE
    if not private_key:
        return Usability.NO_PRIVATE_KEY
    if any(leaf.same_key(one) for one in authorities):
        return Usability.NOT_A_LEAF
    if role is Role.KUBELET_SERVING:
        return serving_usability(leaf, leaf.purpose, node, addresses)
    found = client_usability(leaf.purpose)
    if found is not Usability.OK:
        return found
    if NODES_GROUP not in leaf.purpose.organizations:
        return Usability.WRONG_GROUP
    # Kubernetes names nodes in lower case, and compares a user's name to the letter.
    user = leaf.purpose.common_name
    if not node:
        return Usability.OK if user.startswith(NODE_USER) else Usability.ANOTHER_NODE
    return Usability.OK if user == NODE_USER + _node_name(node) else Usability.ANOTHER_NODE


def client_usability(made_for: Purpose) -> Usability:
    """Whether any client may show this certificate: a person's kubectl as well as a kubelet."""
    if made_for.authority:
        return Usability.NOT_A_LEAF
    return Usability.OK if made_for.fit_for(CLIENT_AUTH) else Usability.WRONG_USAGE


def serving_usability(leaf: Certificate, made_for: Purpose, node: str, addresses: Iterable[str] = ()) -> Usability:
    """Whether a client that asks for the node by its name or one of its addresses accepts the certificate.

    The one that AKS makes with `openssl req -x509` calls itself a CA, and is the leaf all the same.
    """
    named = _bears(made_for, node, addresses)
    if made_for.authority and not (leaf.self_issued and named):
        return Usability.NOT_A_LEAF
    if not made_for.fit_for(SERVER_AUTH):
        return Usability.WRONG_USAGE
    return Usability.OK if named else Usability.ANOTHER_NODE


def _bears(made_for: Purpose, node: str, addresses: Iterable[str]) -> bool:
    """Whether the certificate is this node's by its names. A loopback address is every node's, and proves nothing."""
    if not node:
        return bool(made_for.dns_names or made_for.addresses)
    name = _node_name(node)
    user = made_for.common_name
    if user.startswith(NODE_USER) and user != NODE_USER + name:
        return False
    known = {one for address in addresses if (one := _plain(address))}
    if not known and not made_for.dns_names:  # addresses only, and none to compare them with
        return bool(made_for.addresses) and user == NODE_USER + name
    borne = [one.lower().removesuffix(".") for one in made_for.dns_names]
    return (
        any(one == name or one.startswith(f"{name}.") for one in borne)
        or not known.isdisjoint(borne)
        or not known.isdisjoint(made_for.addresses)
    )


def _plain(address: str) -> str:
    """The address as a certificate has it; empty for one that every machine has."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return "" if address.lower() == "localhost" else address.lower().removesuffix(".")
    return "" if found.is_loopback or found.is_unspecified else str(found)


def _node_name(node: str) -> str:
    return node.strip().lower()
