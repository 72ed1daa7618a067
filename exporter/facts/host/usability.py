"""What was read of a node's certificates in, which of them the kubelet can use out."""

from collections.abc import Iterable, Mapping

from exporter.facts.host.paths import Candidate, Means
from exporter.facts.host.read import Read
from exporter.facts.usability import Usability, usability
from exporter.facts.x509 import Certificate, CertificateFile
from exporter.reason import FileStatus, Origin, Role

__all__ = ["UNLOADED", "Place", "host_usability"]

Bundle = tuple[Certificate, ...]
Place = tuple[Role, Origin]

_REFUSED = {FileStatus.MALFORMED, FileStatus.NO_CERTIFICATE, FileStatus.EMPTY}
"""Statuses of a file that was read, and that the kubelet cannot load."""

UNLOADED = {Usability.NOT_A_LEAF, Usability.NO_PRIVATE_KEY, Usability.UNLOADABLE}
"""What a kubelet has in such a file is no certificate that it could renew: the file does not speak for rotation."""


def host_usability(
    node: str,
    addresses: Iterable[str],
    in_use: Mapping[Role, Candidate | None],
    files: Mapping[str, Read[CertificateFile]],
    bundles: Mapping[Role, tuple[str, Bundle]],
    served: Bundle | None,
    authorities: Bundle,
) -> dict[Place, Usability]:
    """The usability of each kubelet certificate by role and place; a place that could not be looked at is missing.

    Where the node's name is not known (empty), a certificate of any node passes as this one's.
    """
    addresses = tuple(addresses)
    found: dict[Place, Usability] = {}
    for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
        chosen = in_use.get(role)
        if role in bundles:
            leaf = bundles[role][1][0]
            found[role, Origin.FILE] = usability(
                role,
                leaf,
                node,
                addresses=addresses,
                authorities=authorities,
                private_key=_has_key(chosen, files),
            )
        elif chosen is not None and files[chosen.path].status in _REFUSED:
            found[role, Origin.FILE] = Usability.UNLOADABLE
    if served:
        found[Role.KUBELET_SERVING, Origin.WIRE] = usability(
            Role.KUBELET_SERVING, served[0], node, addresses=addresses, authorities=authorities
        )
    return found


def _has_key(chosen: Candidate | None, files: Mapping[str, Read[CertificateFile]]) -> bool:
    """The kubelet keeps what it renews in one file with its key; any other certificate has its key elsewhere."""
    if chosen is None or chosen.means is not Means.ROTATED:
        return True
    value = files[chosen.path].value
    return value is None or value.private_key
