"""Nodes without a node agent, as a table: what is wrong with each, and what must be concluded from its kubelet's word.

A cluster with only the cluster agent, as on AKS Automatic, consists of such nodes; Windows nodes are such by default.
"""

from simulation.csr_answer import SERVING_SIGNER
from simulation.node.build_options import BuildOptions, OperatingSystem, Serving
from simulation.node.scenarios import MISSING, SELF_SIGNED, UNDETERMINED, Expected, Scenario, unanswered, vmss

__all__ = ["AGENTLESS"]

AGENTLESS: tuple[Scenario, ...] = (
    Scenario(
        name="agentless-healthy",
        node_name=vmss("auto", 0),
        pool="auto",
        sentence="no node agent: both certificates rotate, as the kubelet itself shows",
    ),
    Scenario(
        name="agentless-client-ended",
        node_name=vmss("auto", 1),
        pool="auto",
        sentence="no node agent: the kubelet has no valid client certificate any more",
        options=BuildOptions(client_gone=1 + 2 / 365),
        ready=False,
        client_renew_errors=12,
        expected=Expected(client=MISSING, alerts=frozenset({"AksCertRotationWaiting"})),
    ),
    Scenario(
        name="agentless-serving-off",
        node_name=vmss("auto", 2),
        pool="auto",
        sentence="no node agent, a self-signed serving certificate: the kubelet cannot be asked more than that",
        options=BuildOptions(serving=Serving.NEVER_OFFERED, age_days=900),
        expected=Expected(
            client=UNDETERMINED,
            serving=SELF_SIGNED,
            alerts=frozenset({"AksCertRotationDisabled", "AksCertNodeNotObserved"}),
        ),
    ),
    Scenario(
        name="agentless-waiting-serving",
        node_name=vmss("auto", 3),
        pool="auto",
        sentence="no node agent: the first serving certificate was never issued",
        options=BuildOptions(serving=Serving.PENDING, client_gone=0.01, age_days=3),
        requests=unanswered(SERVING_SIGNER, hours=1),
        expected=Expected(
            client=UNDETERMINED,
            serving=MISSING,
            alerts=frozenset({"AksCertRotationWaiting", "AksCertCsrPending"}),
        ),
    ),
    Scenario(
        name="agentless-unreachable",
        node_name=vmss("auto", 4),
        pool="auto",
        reachable=False,
        sentence="no node agent, and the kubelet cannot be reached: nobody tells about the node",
        expected=Expected(client=UNDETERMINED, serving=UNDETERMINED, alerts=frozenset({"AksCertNodeNotObserved"})),
    ),
    Scenario(
        name="agentless-windows",
        node_name="akswin000002",
        pool="win",
        image="AKSWindows-2022-containerd-20348.4405.260714",
        sentence="Windows without a node agent: both certificates rotate",
        options=BuildOptions(system=OperatingSystem.WINDOWS),
    ),
)
