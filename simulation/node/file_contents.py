"""The texts AKS and the kubelet write on a node: server address, paths and switches in, file contents out.

The forms are those of Azure/AgentBaker (parts/linux/cloud-init/artifacts/cse_config.sh, staging/cse/windows), of the
kubelet (pkg/kubelet/certificate/bootstrap) and of Azure/aks-secure-tls-bootstrap. Tokens and secrets are invented.
"""

import base64
import json
from collections.abc import Iterable, Mapping

__all__ = [
    "BOOTSTRAP_TOKEN",
    "OPT_OUT_TAG",
    "azure_json",
    "bootstrap_kubeconfig",
    "component_config_drop_in",
    "imds_cache",
    "kubelet_defaults",
    "kubelet_flags",
    "kubelet_kubeconfig",
    "kubeletconfig",
    "secure_tls_bootstrap",
    "static_kubeconfig",
    "tls_bootstrap_drop_in",
    "windows_bootstrap_config",
    "windows_cluster_config",
    "windows_kubelet_config",
]

OPT_OUT_TAG = "aks-disable-kubelet-serving-certificate-rotation"
"""The node pool tag that switches rotation of the serving certificate off."""

BOOTSTRAP_TOKEN = "abc123.0123456789abcdef"  # noqa: S105 - invented, to be sought in what must not show it
CA_PATH = "/etc/kubernetes/certs/ca.crt"
SERVING_PATH = "/etc/kubernetes/certs/kubeletserver"


def kubelet_kubeconfig(server: str, *, namespace: bool) -> str:
    """What the kubelet writes after its bootstrap; without the context's namespace, what the secure client writes."""
    suffix = ", namespace: default" if namespace else ""
    return f"""\
apiVersion: v1
kind: Config
preferences: {{}}
clusters:
- name: default-cluster
  cluster:
    certificate-authority: {CA_PATH}
    server: {server}
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
contexts:
- name: default-context
  context: {{cluster: default-cluster, user: default-auth{suffix}}}
current-context: default-context
"""


def static_kubeconfig(server: str) -> str:
    """The kubeconfig of a node that was given its client certificate when it was made."""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: localcluster
  cluster:
    certificate-authority: {CA_PATH}
    server: {server}
users:
- name: client
  user:
    client-certificate: /etc/kubernetes/certs/client.crt
    client-key: /etc/kubernetes/certs/client.key
contexts:
- context: {{cluster: localcluster, user: client}}
  name: localclustercontext
current-context: localclustercontext
"""


def bootstrap_kubeconfig(server: str) -> str:
    """The kubeconfig with the bootstrap token."""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: localcluster
  cluster:
    certificate-authority: {CA_PATH}
    server: {server}
users:
- name: kubelet-bootstrap
  user:
    token: "{BOOTSTRAP_TOKEN}"
contexts:
- context: {{cluster: localcluster, user: kubelet-bootstrap}}
  name: bootstrap-context
current-context: bootstrap-context
"""


def kubelet_flags(*, serving_rotation: bool | None, component_config: bool) -> str:
    """KUBELET_FLAGS: all of it, or what is left beside kubeletconfig.json. None: the flag was not there yet."""
    common = (
        "--cloud-config= --cloud-provider=external"
        " --image-credential-provider-bin-dir=/var/lib/kubelet/credential-provider"
        " --image-credential-provider-config=/var/lib/kubelet/credential-provider-config.yaml"
        " --kubeconfig=/var/lib/kubelet/kubeconfig --node-ip=10.224.0.4"
        " --pod-infra-container-image=mcr.microsoft.com/oss/kubernetes/pause:3.6 "
    )
    if component_config:
        return common
    flags = (
        f"--client-ca-file={CA_PATH} --feature-gates=RotateKubeletServerCertificate=true --rotate-certificates=true "
    )
    if serving_rotation is not None:
        flags += f"--rotate-server-certificates={str(serving_rotation).lower()} "
    if not serving_rotation:
        flags += f"--tls-cert-file={SERVING_PATH}.crt --tls-private-key-file={SERVING_PATH}.key "
    return common + flags


def kubelet_defaults(flags: str, labels: Mapping[str, str]) -> str:
    """/etc/default/kubelet: values are unquoted to the end of the line."""
    return f"""\
KUBELET_FLAGS={flags}
KUBELET_REGISTER_SCHEDULABLE=true
NETWORK_POLICY=
KUBELET_IMAGE=
KUBELET_NODE_LABELS={",".join(f"{name}={value}" for name, value in labels.items())}
"""


def kubeletconfig(*, serving_rotation: bool | None) -> str:
    """/etc/default/kubeletconfig.json. None: never offered, so that serverTLSBootstrap is absent (omitempty)."""
    content: dict[str, object] = {"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1"}
    content |= {"staticPodPath": "/etc/kubernetes/manifests", "address": "0.0.0.0", "readOnlyPort": 0}  # noqa: S104
    if not serving_rotation:
        content |= {"tlsCertFile": f"{SERVING_PATH}.crt", "tlsPrivateKeyFile": f"{SERVING_PATH}.key"}
    content["rotateCertificates"] = True
    if serving_rotation is not None:
        content["serverTLSBootstrap"] = serving_rotation
    content |= {
        "authentication": {"x509": {"clientCAFile": CA_PATH}, "webhook": {"enabled": True}, "anonymous": {}},
        "authorization": {"mode": "Webhook", "webhook": {}},
        "clusterDomain": "cluster.local",
        "clusterDNS": ["10.0.0.10"],
        "featureGates": {"RotateKubeletServerCertificate": True},
    }
    return json.dumps(content, separators=(",", ":"))


def tls_bootstrap_drop_in() -> str:
    """Systemd's drop-in that names both kubeconfigs."""
    return (
        "[Service]\n"
        'Environment="KUBELET_TLS_BOOTSTRAP_FLAGS=--kubeconfig /var/lib/kubelet/kubeconfig'
        ' --bootstrap-kubeconfig /var/lib/kubelet/bootstrap-kubeconfig"\n'
    )


def component_config_drop_in() -> str:
    """Systemd's drop-in that names kubeletconfig.json."""
    return '[Service]\nEnvironment="KUBELET_CONFIG_FILE_FLAGS=--config /etc/default/kubeletconfig.json"\n'


def secure_tls_bootstrap(fqdn: str) -> str:
    """/etc/default/secure-tls-bootstrap."""
    return (
        "BOOTSTRAP_FLAGS=--aad-resource=6dae42f8-4368-4678-94ff-3960e28e3630"
        f" --apiserver-fqdn={fqdn} --cloud-provider-config=/etc/kubernetes/azure.json\n"
    )


def imds_cache(tags: Mapping[str, str]) -> str:
    """The instance metadata as the node saw it when it was made, with the VM's tags."""
    compute = {
        "azEnvironment": "AzurePublicCloud",
        "location": "westeurope",
        "osType": "Linux",
        "tagsList": [{"name": name, "value": value} for name, value in tags.items()],
        "vmScaleSetName": "aks-nodepool1-12345678-vmss",
    }
    return json.dumps({"compute": compute, "network": {"interface": []}})


def azure_json() -> str:
    """/etc/kubernetes/azure.json, which holds a secret and which no agent ever opens."""
    return json.dumps({"cloud": "AzurePublicCloud", "aadClientId": "msi", "aadClientSecret": "never-to-be-read"})


def windows_bootstrap_config(server: str, ca_pem: bytes) -> str:
    r"""C:\k\bootstrap-config (Write-BootstrapKubeConfig), to be written with CRLF."""
    return f"""\
---
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: "{base64.b64encode(ca_pem).decode()}"
    server: {server}
  name: "contoso"
contexts:
- context:
    cluster: "contoso"
    user: "kubelet-bootstrap"
  name: "contoso"
current-context: "contoso"
kind: Config
users:
- name: "kubelet-bootstrap"
  user:
    token: "{BOOTSTRAP_TOKEN}"
"""


def windows_kubelet_config(server: str, ca_pem: bytes) -> str:
    r"""C:\k\config as the kubelet writes it: the CA embedded, since the bootstrap-config embeds it."""
    return f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {base64.b64encode(ca_pem).decode()}
    server: {server}
  name: default-cluster
contexts:
- context:
    cluster: default-cluster
    namespace: default
    user: default-auth
  name: default-context
current-context: default-context
kind: Config
preferences: {{}}
users:
- name: default-auth
  user:
    client-certificate: C:\\k\\pki\\kubelet-client-current.pem
    client-key: C:\\k\\pki\\kubelet-client-current.pem
"""


def windows_cluster_config(labels: Mapping[str, str], *, serving_rotation: bool | None) -> bytes:
    r"""C:\k\kubeclusterconfig.json.

    `ConvertTo-Json | Out-File` of Windows PowerShell writes UTF-16 with a byte order mark and CRLF.
    """
    arguments: Iterable[str] = (
        "--bootstrap-kubeconfig=c:\\k\\bootstrap-config",
        "--cert-dir=c:\\k\\pki",
        "--client-ca-file=c:\\k\\ca.crt",
        "--kubeconfig=c:\\k\\config",
        "--rotate-certificates=true",
        *(() if serving_rotation is None else (f"--rotate-server-certificates={str(serving_rotation).lower()}",)),
        "--windows-priorityclass=ABOVE_NORMAL_PRIORITY_CLASS",
    )
    content = {
        "Cri": {"Name": "containerd"},
        "Cni": {"Name": "azure"},
        "Kubernetes": {
            "Source": {"Release": "1.33.4"},
            "Kubelet": {
                "NodeLabels": ",".join(f"{name}={value}" for name, value in labels.items()),
                "ConfigArgs": list(arguments),
                "SecureTLSBootstrapArgs": {"Enabled": False, "AADResource": ""},
            },
        },
        "Install": {"Destination": "c:\\k"},
    }
    text = json.dumps(content, indent=4) + "\n"
    return b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le")
