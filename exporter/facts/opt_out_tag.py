"""The tag that switches kubelet serving certificate rotation off: a node's or pool's tags in, whether it is set out.

Matched as AKS's provisioning scripts match it, which is not the same on both systems. Linux (AgentBaker,
parts/linux/cloud-init/artifacts/cse_helpers.sh) asks jq with
`map(select(.name | test(NAME; "i")))[0].value // "false" | test("true"; "i")`: any name that contains ours, the first
such tag decides, any value that contains `true`. Windows (staging/cse/windows/kubeletfunc.ps1) compares whole strings
with PowerShell's `-eq`, which ignores case.
"""

from collections.abc import Iterable

__all__ = ["RETIRES", "TAG", "deciding_tag", "opted_out"]

TAG = "aks-disable-kubelet-serving-certificate-rotation"
"""The tag's name as AKS documents it."""

RETIRES = "2027-04-01"
"""From that day on AKS no longer honours the tag (AKS page on kubelet serving certificate rotation)."""


def opted_out(tags: Iterable[tuple[str, str]], *, windows: bool) -> bool:
    """Whether a node made with these (name, value) tags, in their order, leaves serving rotation off."""
    found = deciding_tag(tags, windows=windows)
    if found is None:
        return False
    value = found[1].lower()
    return value == "true" if windows else "true" in value


def deciding_tag(tags: Iterable[tuple[str, str]], *, windows: bool) -> tuple[str, str] | None:
    """The (name, value) that decides, or None where no tag has such a name. In ARM a name is there once in any case."""
    return next(((name, value) for name, value in tags if _named(name.lower(), windows)), None)


def _named(name: str, windows: bool) -> bool:
    return name == TAG if windows else TAG in name
