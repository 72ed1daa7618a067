"""The rendered command lines and probes against the real command line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import parser
from exporter.settings import Command, Settings, resolve
from tests.chart.rendering import EVERYTHING, Helm, Object, Objects, container, merged

AGENTS = [("DaemonSet", "-node", Command.NODE), ("DaemonSet", "-node-windows", Command.NODE)]
AGENTS += [("Deployment", "-cluster", Command.CLUSTER)]
ENVIRONMENT = {"NODE_NAME": "aks-pool-1", "HOST_IP": "10.224.0.4"}
AZURE = {
    "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c",
    "endpoint": "https://management.example",
}


def settings(objects: Objects, kind: str, suffix: str, folder: Path) -> Settings:
    """What the exporter makes of a Pod's arguments, with the host and the mounted files in a folder."""
    pod = objects.pod(kind, suffix)
    arguments = []
    for given in container(pod)["args"]:
        argument = given
        flag, _, value = given.partition("=")
        if flag == "--host-root":
            assert value == ("C:\\" if suffix == "-node-windows" else "/host")
            argument = f"{flag}={folder}"
        if flag == "--config.file":
            file = folder / "config.yaml"
            file.write_text(
                objects.one("ConfigMap", mounted(pod, value)["configMap"]["name"])["data"][Path(value).name]
            )
            argument = f"{flag}={file}"
        arguments.append(argument)
    flags = vars(parser().parse_args(arguments))
    return resolve(Command(flags["command"]), flags, ENVIRONMENT)


def mounted(pod: Object, file: str) -> Object:
    """The volume that a file of a command line lies in."""
    path = file.removeprefix("%CONTAINER_SANDBOX_MOUNT_POINT%")
    (name,) = [one["name"] for one in container(pod)["volumeMounts"] if one["mountPath"] == str(Path(path).parent)]
    (volume,) = [one for one in pod["volumes"] if one["name"] == name]
    found: Object = volume
    return found


@pytest.mark.parametrize("which", ["defaults", "everything"])
@pytest.mark.parametrize(("kind", "suffix", "command"), AGENTS, ids=[suffix[1:] for _, suffix, _ in AGENTS])
def test_the_exporter_understands_its_arguments(
    which: str, kind: str, suffix: str, command: Command, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    objects: Objects = request.getfixturevalue(which)
    if which == "defaults" and suffix == "-node-windows":
        assert [one for one in objects.of(kind) if one["metadata"]["name"].endswith(suffix)] == []
        return
    assert container(objects.pod(kind, suffix))["args"][0] == command
    got = settings(objects, kind, suffix, tmp_path)
    assert got.web_listen_address == ("0.0.0.0", container(objects.pod(kind, suffix))["ports"][0]["containerPort"])


def test_the_kubelet_is_asked_at_the_node_s_address_unless_the_values_say_otherwise(helm: Helm, tmp_path: Path) -> None:
    def address(values: dict[str, Any]) -> Any:
        return settings(helm.objects(values), "DaemonSet", "-node", tmp_path).kubelet_address

    assert address({}) == ("10.224.0.4", 10250)
    assert address({"node": {"kubeletWireCheck": False}}) is None


@pytest.mark.parametrize(
    ("values", "attribute", "wanted"),
    [
        ({"port": 9000}, "web_listen_address", ("0.0.0.0", 9000)),
        ({"log": {"level": "debug"}}, "log_level", "debug"),
        ({"log": {"format": "json"}}, "log_format", "json"),
        ({"azure": {"enabled": False}}, "azure_enabled", "false"),
        ({"azure": AZURE}, "azure_resource_id", AZURE["resourceId"]),
        ({"azure": AZURE}, "azure_endpoint", AZURE["endpoint"]),
        ({"cluster": {"apiserverAddresses": ["aks.example:8443"]}}, "apiserver_address", (("aks.example", 8443),)),
        ({"cluster": {"extraArgs": ["--log.level=error"]}}, "log_level", "error"),
        ({}, "kubelets_enabled", "true"),
        ({"cluster": {"kubelets": {"enabled": False}}}, "kubelets_enabled", "false"),
        ({"cluster": {"kubelets": {"interval": "90s"}}}, "kubelets_interval", 90.0),
        ({"cluster": {"kubelets": {"port": 10255}}}, "kubelets_port", 10255),
        ({}, "node_agents_service", ("monitoring", "x-aks-cert-exporter-node")),
        ({}, "endpoints_enabled", "true"),
        ({"cluster": {"endpoints": {"enabled": False}}}, "endpoints_enabled", "false"),
        ({}, "workloads_enabled", "false"),
        ({"cluster": {"workloads": {"enabled": True}}}, "workloads_enabled", "true"),
        ({}, "preflight_enabled", "false"),
        ({"cluster": {"preflight": {"enabled": True}}}, "preflight_enabled", "true"),
        ({"runbooks": {"url": "https://wiki.example/runbooks"}}, "runbooks_url", "https://wiki.example/runbooks"),
        ({"runbooks": {"url": "http://wiki.example/runbooks/"}}, "runbooks_url", "http://wiki.example/runbooks"),
        ({}, "grafana_url", ""),
        ({"grafana": {"url": "http://g/?var-cluster=weu"}}, "grafana_url", "http://g/?var-cluster=weu"),
    ],
)
def test_a_value_arrives_as_the_setting_it_is_for(
    values: dict[str, Any], attribute: str, wanted: Any, helm: Helm, tmp_path: Path
) -> None:
    assert getattr(settings(helm.objects(values), "Deployment", "-cluster", tmp_path), attribute) == wanted


def test_a_path_table_of_one_s_own_reaches_every_agent_on_a_node(helm: Helm, tmp_path: Path) -> None:
    paths = {"certificates": {"cluster-ca": ["/etc/example/ca.crt"]}}
    objects = helm.objects({**EVERYTHING, "config": {"paths": paths}})
    for suffix in ("-node", "-node-windows"):
        assert settings(objects, "DaemonSet", suffix, tmp_path).paths == paths


def test_the_web_configuration_is_a_folder_of_the_secret_so_that_a_new_one_is_seen(everything: Objects) -> None:
    """Files mounted by subPath are never updated."""
    for kind, suffix, _ in AGENTS:
        pod = everything.pod(kind, suffix)
        (file,) = [one for one in container(pod)["args"] if one.startswith("--web.config.file=")]
        assert mounted(pod, file.partition("=")[2])["secret"] == {"secretName": "web"}
        assert [mount for mount in container(pod)["volumeMounts"] if "subPath" in mount] == []


def test_the_probes_ask_the_two_endpoints_of_the_exporter(defaults: Objects) -> None:
    for kind, suffix in (("DaemonSet", "-node"), ("Deployment", "-cluster")):
        one = container(defaults.pod(kind, suffix))
        assert one["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
        assert one["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}


def test_the_probes_speak_tls_where_the_exporter_does_and_only_connect_where_it_wants_certificates(helm: Helm) -> None:
    tls = helm.objects({"webConfig": {"secretName": "web", "tls": True}})
    assert container(tls.pod("DaemonSet", "-node"))["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    client = helm.objects({"webConfig": {"secretName": "web", "tls": True, "clientCertificates": True}})
    assert container(client.pod("DaemonSet", "-node"))["readinessProbe"]["tcpSocket"] == {"port": "metrics"}


def test_a_changed_setting_changes_the_checksum_and_so_restarts_the_pods(helm: Helm) -> None:
    def checksum(preset: str) -> str:
        objects = helm.objects({"config": {"paths": {"preset": preset}}})
        annotations: dict[str, str] = objects.one("DaemonSet", "-node")["spec"]["template"]["metadata"]["annotations"]
        return annotations["checksum/config"]

    assert checksum("auto") == checksum("auto") != checksum("aks-linux")


VERSION = yaml.safe_load((Path(__file__).parents[2] / "helm/aks-cert-exporter/Chart.yaml").read_text())["appVersion"]
DIGEST, OTHER = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"
DEFAULT = "aks-cert-exporter/aks-cert-exporter"


@pytest.mark.parametrize(
    ("values", "cluster", "node"),
    [
        ({}, f"ghcr.io/{DEFAULT}:{VERSION}", f"ghcr.io/{DEFAULT}-node:{VERSION}"),
        ({"image": {"tag": "main"}}, f"ghcr.io/{DEFAULT}:main", f"ghcr.io/{DEFAULT}-node:main"),
        ({"image": {"digest": DIGEST}}, f"ghcr.io/{DEFAULT}@{DIGEST}", f"ghcr.io/{DEFAULT}-node:{VERSION}"),
        ({"node": {"image": {"digest": OTHER}}}, f"ghcr.io/{DEFAULT}:{VERSION}", f"ghcr.io/{DEFAULT}-node@{OTHER}"),
        ({"image": {"registry": "a.io", "repository": "x/y"}}, f"a.io/x/y:{VERSION}", f"a.io/x/y-node:{VERSION}"),
        ({"image": {"repository": "a.io:5000/x"}}, f"a.io:5000/x:{VERSION}", f"a.io:5000/x-node:{VERSION}"),
        (
            {
                "image": {"repository": "a.io/x"},
                "node": {"image": {"repository": "x", "registry": "b.io", "tag": "next"}},
            },
            f"a.io/x:{VERSION}",
            "b.io/x:next",
        ),
        (
            {"global": {"imageRegistry": "contoso.azurecr.io"}},
            f"contoso.azurecr.io/{DEFAULT}:{VERSION}",
            f"contoso.azurecr.io/{DEFAULT}-node:{VERSION}",
        ),
        (
            {
                "global": {"imageRegistry": "c.io/mirror/"},
                "image": {"repository": "a.io/x", "digest": DIGEST},
                "node": {"image": {"registry": "b.io"}},
            },
            f"c.io/mirror/x@{DIGEST}",
            f"c.io/mirror/x-node:{VERSION}",
        ),
    ],
)
def test_images_are_named_by_registry_repository_and_digest_or_tag(
    values: dict[str, Any], cluster: str, node: str, helm: Helm
) -> None:
    objects = helm.objects(values)
    assert container(objects.pod("Deployment", "-cluster"))["image"] == cluster
    assert container(objects.pod("DaemonSet", "-node"))["image"] == node
    (tester,) = objects.one("Pod", "-test")["spec"]["containers"]
    assert tester["image"] == cluster


def test_the_global_registry_stands_before_the_windows_image_too(helm: Helm) -> None:
    values = merged((EVERYTHING, {"global": {"imageRegistry": "c.io"}}))
    assert container(helm.objects(values).pod("DaemonSet", "-node-windows"))["image"] == f"c.io/windows:{VERSION}"


def test_the_keys_of_a_parent_chart_in_global_are_none_of_ours(helm: Helm) -> None:
    assert helm.refusal({"global": {"storageClass": "x", "imageRegistry": "c.io"}}) == ""


@pytest.mark.parametrize(("kind", "agent"), [("DaemonSet", "node"), ("Deployment", "cluster")])
def test_volumes_and_mounts_of_one_s_own_reach_the_container(kind: str, agent: str, helm: Helm) -> None:
    """A company's CA for Resource Manager, say, without an image of one's own."""
    volume = {"name": "ca", "configMap": {"name": "company-ca"}}
    mount = {"name": "ca", "mountPath": "/etc/company", "readOnly": True}
    pod = helm.objects({agent: {"extraVolumes": [volume], "extraVolumeMounts": [mount]}}).pod(kind, f"-{agent}")
    assert volume in pod["volumes"]
    assert mount in container(pod)["volumeMounts"]


def test_the_client_configuration_for_node_agents_is_a_folder_of_its_secret(helm: Helm) -> None:
    client = {"secretName": "client", "key": "http.yml"}
    pod = helm.objects({"cluster": {"nodeAgents": {"clientConfig": client}}}).pod("Deployment", "-cluster")
    (argument,) = [one for one in container(pod)["args"] if one.startswith("--node-agents.client-config=")]
    file = argument.partition("=")[2]
    assert Path(file).name == "http.yml"
    assert mounted(pod, file)["secret"] == {"secretName": "client"}
