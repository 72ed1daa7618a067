"""Words of the code about Azure in, words that people read out. Apart from `wording`, for no node agent needs them."""

from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.serving_rotation import Obstacle

__all__ = ["OBSTACLE_WORDS", "OPERATION_WORDS"]

OBSTACLE_WORDS = {
    Obstacle.OPT_OUT_TAG: "off by the node pool's tag",
    Obstacle.VERSION: "not before Kubernetes 1.27",
    Obstacle.SNAPSHOT: "not with so old a snapshot",
    Obstacle.RBAC: "not without Kubernetes RBAC",
}
OPERATION_WORDS = {
    StateClass.ROTATING_CERTIFICATES: "rotates every certificate, the CA's included",
    StateClass.RECONCILING_CERTIFICATES: "renews the control plane's certificates",
}
"""After `Azure`."""
