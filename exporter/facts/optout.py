"""The tag that switches kubelet serving certificate rotation off: a node's or pool's tags in, whether it is set out.

Matched as AKS's provisioning scripts match it, which is not the same on both systems. Linux (AgentBaker,
parts/linux/cloud-init/artifacts/cse_helpers.sh) asks jq with
`map(select(.name | test(NAME; "i")))[0].value // "false" | test("true"; "i")`: any name that contains ours, the first
such tag decides, any value that contains `true`. Windows (staging/cse/windows/kubeletfunc.ps1) compares whole strings
with PowerShell's `-eq`, which ignores case.
"""

from collections.abc import Iterable

__all__ = ["RETIRES", "TAG", "opted_out"]

TAG = "aks-disable-kubelet-serving-certificate-rotation"
"""The tag's name as AKS documents it."""

RETIRES = "2027-04-01"
"""From that day on AKS no longer honours the tag (AKS page on kubelet serving certificate rotation)."""


def opted_out(tags: Iterable[tuple[str, str]], *, windows: bool) -> bool:
    """Whether a node made with these (name, value) tags, in their order, leaves serving rotation off."""
    if windows:
        return any(name.lower() == TAG and value.lower() == "true" for name, value in tags)
    first = next((value for name, value in tags if TAG in name.lower()), "false")
    return "true" in first.lower()
