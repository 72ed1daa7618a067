"""ARM provisioning states: the word in, what it means for certificates and whether it is final out; and since when."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

__all__ = ["AzureSince", "StateClass", "state_class"]


class StateClass(StrEnum):
    """What a provisioning state means here. ARM declares no list of them: a word unknown here is OTHER, no error."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ROTATING_CERTIFICATES = "rotating_certificates"
    """`az aks rotate-certs`: every certificate including the CA, nodes are made anew."""
    RECONCILING_CERTIFICATES = "reconciling_certificates"
    """AKS renews the control plane's certificates under the same CA."""
    ROTATING_SIGNING_KEYS = "rotating_signing_keys"
    """The service accounts' signing keys."""
    ROTATING_TOKENS = "rotating_tokens"
    """The static tokens in users' kubeconfigs."""
    UPGRADING = "upgrading"
    STARTING = "starting"
    STOPPING = "stopping"
    OTHER = "other"

    @property
    def final(self) -> bool:
        """Whether no operation is under way. What is unknown may be one."""
        return self in {StateClass.SUCCEEDED, StateClass.FAILED, StateClass.CANCELED}

    @property
    def certificates_change(self) -> bool:
        """Whether certificates are being replaced now."""
        return self in {StateClass.ROTATING_CERTIFICATES, StateClass.RECONCILING_CERTIFICATES}


_WORDS = {
    "succeeded": StateClass.SUCCEEDED,
    "failed": StateClass.FAILED,
    "canceled": StateClass.CANCELED,
    "cancelled": StateClass.CANCELED,
    "upgrading": StateClass.UPGRADING,
    "upgradingnodeimageversion": StateClass.UPGRADING,
    "starting": StateClass.STARTING,
    "stopping": StateClass.STOPPING,
}


def state_class(word: str) -> StateClass:
    """The class of ARM's word.

    The words come from Microsoft's own constants (Azure/aks-deployer, pkg/consts/provisioningstate;
    Azure/azure-service-operator, managed_cluster_extensions.go): RotatingClusterCertificates,
    ReconcilingClusterCertificates, ReconcilingClusterETCDCertificates, RotatingServiceAccountSigningKeysInternal and
    …External, RotatingClusterStaticTokens. The AKS page writes "Certificate Rotating" for the first one.
    """
    plain = "".join(word.lower().split())
    if "certificat" in plain and "reconcil" in plain:
        return StateClass.RECONCILING_CERTIFICATES
    if "rotat" in plain:
        for part, found in (
            ("certificat", StateClass.ROTATING_CERTIFICATES),
            ("signingkey", StateClass.ROTATING_SIGNING_KEYS),
            ("token", StateClass.ROTATING_TOKENS),
        ):
            if part in plain:
                return found
    return _WORDS.get(plain, StateClass.OTHER)


class AzureSince:
    """When this process first saw each resource's present state. Owned by one thread.

    ARM does not say when a state began, so after a start of the process the clock begins anew.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[str, float, StateClass | None]] = {}

    def observe(self, states: Iterable[tuple[tuple[str, str], str]], now: float) -> None:
        """The states of all (resource, name) pairs at `now` (Unix seconds). A pair that is not among them is gone."""
        seen = {}
        for pair, word in states:
            before = self._seen.get(pair)
            if before is not None and before[0] == word:
                seen[pair] = before
            else:
                seen[pair] = (word, now, state_class(before[0]) if before else None)
        self._seen = seen

    def since(self) -> Mapping[tuple[str, str], float]:
        """Unix seconds by (resource, name)."""
        return {pair: since for pair, (_, since, _) in self._seen.items()}

    def before(self) -> Mapping[tuple[str, str], StateClass]:
        """The class of the state before the present one, where it was seen to change."""
        return {pair: before for pair, (_, _, before) in self._seen.items() if before is not None}
