"""What was read of a node's certificates in, which of them the kubelet can use out."""

from collections.abc import Iterable

from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.in_use import Bundle, InUse
from exporter.facts.host.key_place import key_place
from exporter.facts.host.paths import Candidate
from exporter.facts.usability import Usability, usability
from exporter.reason import FileStatus, Origin, Role

__all__ = ["UNLOADED", "Place", "host_usability"]

Place = tuple[Role, Origin]

_REFUSED = {FileStatus.MALFORMED, FileStatus.NO_CERTIFICATE, FileStatus.EMPTY}
"""Statuses of a file that was read, and that the kubelet cannot load."""

UNLOADED = {Usability.NOT_A_LEAF, Usability.NO_PRIVATE_KEY, Usability.UNLOADABLE}
"""What a kubelet has in such a file is no certificate that it could renew: the file does not speak for rotation."""


def host_usability(
    node: str,
    addresses: Iterable[str],
    used: InUse,
    reads: HostReads,
    served: Bundle | None,
) -> dict[Place, Usability]:
    """The usability of each kubelet certificate by role and place; a place that could not be looked at is missing.

    Where the node's name is not known (empty), a certificate of any node passes as this one's.
    """
    addresses = tuple(addresses)
    found: dict[Place, Usability] = {}
    for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
        chosen = used.candidates.get(role)
        if role in used.bundles:
            leaf = used.bundles[role][1][0]
            found[role, Origin.FILE] = usability(
                role,
                leaf,
                node,
                addresses=addresses,
                authorities=used.authorities,
                private_key=_has_key(chosen, reads),
            )
        elif chosen is not None and reads.certificates[chosen.path].status in _REFUSED:
            found[role, Origin.FILE] = Usability.UNLOADABLE
    if served:
        found[Role.KUBELET_SERVING, Origin.WIRE] = usability(
            Role.KUBELET_SERVING, served[0], node, addresses=addresses, authorities=used.authorities
        )
    return found


def _has_key(chosen: Candidate | None, reads: HostReads) -> bool:
    """Whether the key may be there: in the certificate's own file, or as a file that is there and not empty."""
    if chosen is None:
        return True
    evidence, value = reads.evidence, reads.certificates[chosen.path].value
    if key_place(chosen, evidence.table, evidence.kubeconfig, evidence.settings) == chosen.path:
        return value is None or value.private_key
    key = reads.keys.get(chosen.path)
    if key is None:
        return True
    gone = key.status in {FileStatus.NOT_FOUND, FileStatus.BROKEN_SYMLINK, FileStatus.NOT_A_FILE}
    return not gone and (key.version is None or key.version.size > 0)
