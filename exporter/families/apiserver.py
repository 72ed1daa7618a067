"""akscert_apiserver_*: the certificate the API server serves at each address, who trusts it, and its clock."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import Rotation

__all__ = ["clock_family", "families"]

_ROTATION = (Rotation.ENABLED, Rotation.DISABLED, Rotation.UNKNOWN)

NOT_AFTER = Metric(
    "akscert_apiserver_certificate_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the certificate that the API server serves at this address. rotation: enabled or "
    "disabled where Azure tells whether RBAC is on.",
    ("address", "rotation"),
    words={"rotation": _ROTATION},
)
NOT_BEFORE = Metric(
    "akscert_apiserver_certificate_not_before_timestamp_seconds",
    "Unix time of X.509 notBefore of the same certificate.",
    ("address", "rotation"),
    words={"rotation": _ROTATION},
)
INFO = Metric(
    "akscert_apiserver_certificate_info",
    "1, with the identity of the certificate that the API server serves at this address.",
    ("address", "subject", "issuer", "serial_number", "fingerprint_sha256", "key_algorithm", "signature_algorithm"),
)
TRUSTED = Metric(
    "akscert_apiserver_trusted",
    "1 if the served chain and host name verify under the CA that clients in the cluster use, else 0. Absent where no "
    "such CA is known.",
    ("address",),
)
CLOCK_OFFSET = Metric(
    "akscert_apiserver_clock_offset_seconds",
    "The API server's Date header minus this agent's clock.",
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of every address that ever answered."""
    rotation = cluster.apiserver_rotation
    seen = [(one.address, one.certificate) for one in cluster.endpoints if one.certificate]
    yield NOT_AFTER.family(((address, rotation), found.not_after) for address, found in seen)
    yield NOT_BEFORE.family(((address, rotation), found.not_before) for address, found in seen)
    yield INFO.family(
        (
            (
                address,
                found.subject,
                found.issuer,
                found.serial_number,
                found.fingerprint_sha256,
                found.key_algorithm,
                found.signature_algorithm,
            ),
            1.0,
        )
        for address, found in seen
    )
    yield TRUSTED.family(((one.address,), float(one.trusted)) for one in cluster.endpoints if one.trusted is not None)


def clock_family(offset: float | None) -> Family:
    """The one sample, which changes with every answer."""
    return CLOCK_OFFSET.family(((), value) for value in (offset,) if value is not None)
