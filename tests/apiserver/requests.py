"""Certificate requests as kubelets send them, and what becomes of them."""

import base64
from typing import Any

from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER
from simulation.pki import certificate_request
from tests.apiserver.controlplane import BOOTSTRAP, NODE, ControlPlane, wait

KUBELET = f"system:node:{NODE}"


def client(plane: ControlPlane, name: str, *, user: str = KUBELET, node: str = NODE) -> None:
    """A client certificate's request, at once approved and signed by the controller manager."""
    plane.apply(_request(name, CLIENT_SIGNER, certificate_request(node), "client auth"), user=user)


def serving(plane: ControlPlane, name: str, *, names: tuple[str, ...] = (NODE, "10.224.0.4")) -> None:
    """A serving certificate's request: nobody approves it here but a test."""
    plane.apply(_request(name, SERVING_SIGNER, certificate_request(NODE, names=names), "server auth"), user=KUBELET)


def _request(name: str, signer: str, pem: bytes, usage: str) -> dict[str, Any]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "signerName": signer,
            "request": base64.b64encode(pem).decode(),
            # The middle one came off in 1.27, and is still taken.
            "usages": ["digital signature", "key encipherment", usage],
        },
    }


def all_kinds(plane: ControlPlane, mark: str) -> None:
    """One of each outcome: bootstrap and renewal issued; serving issued, failed, denied, and left pending."""
    client(plane, f"{mark}-bootstrap", user=BOOTSTRAP)
    client(plane, f"{mark}-renewal")
    for outcome in ("issued", "denied", "pending", "gone"):
        serving(plane, f"{mark}-{outcome}")
    serving(plane, f"{mark}-failed", names=())
    plane.kubectl("certificate", "approve", f"{mark}-issued", f"{mark}-failed")
    plane.kubectl("certificate", "deny", f"{mark}-denied")
    plane.kubectl("delete", "csr", f"{mark}-gone")
    wait(lambda: settled(plane, mark), "the controller manager has done its part")


def settled(plane: ControlPlane, mark: str) -> bool:
    """Whether everything that will be signed is."""
    names = ("bootstrap", "renewal", "issued")
    found = {item["metadata"]["name"]: item.get("status", {}) for item in plane.objects("csr")}
    failed = {condition["type"] for condition in found[f"{mark}-failed"].get("conditions", [])}
    return "Failed" in failed and all(found[f"{mark}-{name}"].get("certificate") for name in names)
