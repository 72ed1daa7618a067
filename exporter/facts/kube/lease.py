"""A Lease's JSON in, when its holder last renewed it out: whether anybody is there to approve and sign CSRs."""

import msgspec

from exporter.facts.kube.metadata import Metadata, ObjectError, decoded, timestamp

__all__ = ["lease_renewed"]


class _Spec(msgspec.Struct):
    renewTime: str | None = None


class _Object(msgspec.Struct):
    metadata: Metadata
    spec: _Spec | None = None


_DECODER = msgspec.json.Decoder(_Object)


def lease_renewed(raw: bytes) -> float:
    """Unix seconds of spec.renewTime. Raises ObjectError, also where it was never renewed."""
    found = decoded(_DECODER, raw)
    renewed = timestamp(found.spec.renewTime if found.spec else None)
    if renewed is None:
        raise ObjectError(f"the lease {found.metadata.name} has no renewTime")
    return renewed
