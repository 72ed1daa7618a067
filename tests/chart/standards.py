"""The Pod Security Standards of Kubernetes over a Pod's fields: why a level refuses it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/, as of 1.37.
"""

from collections.abc import Iterator
from typing import Any

from tests.chart.rendering import Object

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
"""What baseline lets a container add."""


def containers(pod: Object) -> list[Object]:
    """Every container of a Pod, whatever it is for."""
    return [one for kind in ("initContainers", "containers", "ephemeralContainers") for one in pod.get(kind, ())]


def baseline(pod: Object) -> Iterator[str]:
    """Why `baseline` refuses a Pod; nothing where it does not."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    yield from (f"hostPath {one['name']}" for one in pod.get("volumes", ()) if "hostPath" in one)
    for context in contexts(pod):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield "hostProcess"
        if context.get("privileged"):
            yield "privileged"
        if context.get("procMount", "Default") != "Default":
            yield "procMount"
        yield from (f"profile {kind}" for kind in ("seccompProfile", "appArmorProfile") if unconfined(context, kind))
        added = (context.get("capabilities") or {}).get("add") or ()
        yield from (f"capability {name}" for name in added if name not in CAPABILITIES)
    yield from ("hostPort" for one in containers(pod) for port in one.get("ports", ()) if port.get("hostPort"))


def restricted(pod: Object) -> Iterator[str]:
    """Why `restricted` refuses a Pod; nothing where it does not."""
    yield from baseline(pod)
    for volume in pod.get("volumes", ()):
        yield from (f"volume {kind}" for kind in volume if kind != "name" and kind not in VOLUMES)
    common = pod.get("securityContext") or {}
    for one in containers(pod):
        context = one.get("securityContext") or {}
        if context.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if context.get("runAsNonRoot", common.get("runAsNonRoot")) is not True:
            yield "runAsNonRoot"
        if context.get("runAsUser", common.get("runAsUser", 1)) == 0:
            yield "runAsUser"
        profile = context.get("seccompProfile") or common.get("seccompProfile") or {}
        if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
            yield "seccompProfile"
        capabilities = context.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield "capabilities.drop"
        if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield "capabilities.add"


def contexts(pod: Object) -> list[Any]:
    """The Pod's security context and each container's."""
    return [pod.get("securityContext") or {}, *(one.get("securityContext") or {} for one in containers(pod))]


def unconfined(context: Any, kind: str) -> bool:
    """Whether a profile of a kind is switched off."""
    return (context.get(kind) or {}).get("type") == "Unconfined"
