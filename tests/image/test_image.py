"""The container images as they are built and as a Pod would start them."""

import subprocess
from pathlib import Path

import pytest

from exporter import __version__
from tests.chart.rendering import Helm, container
from tests.image.built import Image
from tests.image.conftest import opened
from tests.image.registry import Registry
from tools.image import named

pytestmark = pytest.mark.timeout(1800)  # debootstrap, then pip over the network, come first


def modules(root: Path, suffix: str) -> set[Path]:
    """Modules of the image's environment that have a source or a compiled file, told by suffix."""
    found = (root / "opt/aks-cert-exporter/lib").rglob(f"*{suffix}")
    if suffix == ".pyc":
        return {file.parent.parent / f"{file.name.split('.')[0]}" for file in found}
    return {file.with_suffix("") for file in found}


def test_the_entry_point_says_the_version_of_the_project(image: Image) -> None:
    assert image.run("--version").stdout == f"aks-cert-exporter {__version__}\n"


def test_it_prints_the_metric_catalogue(image: Image) -> None:
    answer = image.run("metrics")
    assert "akscert_build_info" in answer.stdout
    assert answer.stderr == ""


def test_settings_that_cannot_be_used_end_it_with_one_line(image: Image) -> None:
    answer = image.run("node", "--host-root", "/absent")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[0] == "aks-cert-exporter: --host-root: not a directory: '/absent'"


def test_its_user_is_a_number_that_is_not_root(image: Image) -> None:
    """`runAsNonRoot` can be verified only for numeric users."""
    assert image.config["User"] == "65532:65532"


def test_nothing_in_it_installs_packages(image: Image) -> None:
    names = ("pip", "pip3", "setuptools", "pkg_resources", "ensurepip", "wheel")
    folders = [path for path in image.root.glob("**/*-packages") if path.is_dir()]
    folders += [*image.root.glob("usr/lib/python3*"), *image.root.glob("usr/local/lib/python3*")]
    assert folders
    assert [folder / name for folder in folders for name in names if (folder / name).exists()] == []
    assert [*image.root.glob("**/bin/pip*")] == []


def test_every_module_is_compiled_so_that_a_read_only_root_costs_no_start_up_time(image: Image) -> None:
    sources = modules(image.root, ".py")
    assert len(sources) > 1000
    assert sources - modules(image.root, ".pyc") == set()


def test_the_asynchronous_twin_of_the_kubernetes_client_is_left_out(image: Image) -> None:
    packages = next(image.root.glob("opt/aks-cert-exporter/lib/python3*/site-packages/kubernetes"))
    assert (packages / "client").is_dir()
    assert not (packages / "aio").exists()


def test_the_libraries_of_both_agents_can_be_imported(image: Image) -> None:
    names = (
        "kubernetes.client, kubernetes.config, azure.identity, azure.mgmt.containerservice, cryptography.x509, bcrypt"
    )
    answer = subprocess.run(
        ["chroot", str(image.root), "/opt/aks-cert-exporter/bin/python3", "-c", f"import {names}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_it_starts_when_nothing_is_writable(image: Image) -> None:
    answer = subprocess.run(image.read_only("metrics"), capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "akscert_build_info" in answer.stdout


def test_the_labels_and_the_environment_name_version_and_revision(image: Image) -> None:
    revision = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    labels, environment = image.config["Labels"], dict(entry.split("=", 1) for entry in image.config["Env"])
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"].removesuffix("-dirty") == revision
    assert environment["AKSCERT_REVISION"] == labels["org.opencontainers.image.revision"]


def test_the_builder_s_pip_settings_and_certificates_leave_no_trace(image: Image, node_image: Image) -> None:
    for one in (image, node_image):
        assert [entry for entry in one.config["Env"] if entry.startswith(("PIP_", "HTTP", "SSL"))] == []
        assert [*one.root.glob("build/**"), *one.root.glob("**/pip.conf")] == []


ABSENT = ("kubernetes", "azure", "msal", "msgspec", "requests", "aiohttp")


def test_the_node_agent_s_image_has_no_library_of_kubernetes_or_azure(image: Image, node_image: Image) -> None:
    def installed(one: Image) -> set[str]:
        (packages,) = one.root.glob("opt/aks-cert-exporter/lib/python3*/site-packages")
        return {path.name for path in packages.iterdir()}

    assert installed(node_image).isdisjoint(ABSENT)
    assert installed(image) >= set(ABSENT)


def test_the_node_agent_s_image_runs_its_command_and_checks_a_node(node_image: Image) -> None:
    assert node_image.run("--version").stdout == f"aks-cert-exporter {__version__}\n"
    answer = node_image.run("node", "--host-root", "/absent")
    assert answer.stderr.splitlines()[0] == "aks-cert-exporter: --host-root: not a directory: '/absent'"
    assert "AksCert" in node_image.run("check", "--host-root", "/", "--kubelet-address=").stdout


def test_two_builds_give_one_digest(minimal_images: str, image: Image, node_image: Image) -> None:
    """And so anybody can rebuild what was released, and compare. The minimal images are made of images built anew."""
    for one, end in ((image, "-full"), (node_image, "-node-full")):
        with opened(named(minimal_images, end), one.environment) as other:
            assert other.digest == one.digest


def test_both_images_are_pushed_whole_and_under_the_names_that_the_chart_asks_for(
    minimal_images: str, registry: Registry, tmp_path: Path
) -> None:
    (host, _, rest), version = minimal_images.partition("/"), "test"
    values = {"image": {"registry": host, "repository": rest.removesuffix(f":{version}"), "tag": version}}
    objects = Helm(tmp_path).objects(values)
    for pod in (objects.pod("Deployment", "-cluster"), objects.pod("DaemonSet", "-node")):
        repository, _, tag = container(pod)["image"].removeprefix(f"{host}/").rpartition(":")
        assert registry.missing(repository, tag) == []


def test_every_file_is_as_old_as_the_commit(node_image: Image) -> None:
    """Else two builds would differ by their dates."""
    date = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True).stdout
    (packages,) = node_image.root.glob("opt/aks-cert-exporter/lib/python3*/site-packages")
    assert {int(path.stat().st_mtime) for path in packages.rglob("*")} == {int(date)}


def test_the_minimal_images_hold_no_shell_and_no_package_manager(minimal: Image) -> None:
    names = {path.name for path in minimal.root.rglob("*") if path.is_file()}
    assert names.isdisjoint(
        {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "perl", "pip", "pip3", "su", "mount"}
    )
    assert "ca-certificates.crt" in names
    assert [*minimal.root.glob("var/lib/dpkg/status.d/libssl3*")] != []


def test_the_minimal_images_start_when_nothing_is_writable(minimal: Image) -> None:
    for words in (("--version",), ("metrics",), ("check", "--host-root", "/", "--kubelet-address=")):
        answer = subprocess.run(minimal.read_only(*words), capture_output=True, text=True, check=False)
        assert answer.returncode in {0, 2, 3}, answer.stderr  # a node without certificates is not ok
        assert "Traceback" not in answer.stderr
        assert answer.stdout or answer.stderr.startswith("aks-cert-exporter: metrics needs the Python package")


def test_the_minimal_images_hold_every_library_that_the_whole_ones_link_to(minimal: Image) -> None:
    """Every compiled module of the environment and of Python can be loaded."""
    script = (
        "import ctypes, pathlib, sys, sysconfig\n"
        "roots = [pathlib.Path(sysconfig.get_path(name)) for name in ('platlib', 'stdlib')]\n"
        "files = sorted({file for root in roots for file in root.rglob('*.so*')})\n"
        "ctypes.PyDLL(None)\n"
        "for file in files: ctypes.CDLL(str(file))\n"
        "print(len(files))\n"
    )
    command = ["chroot", str(minimal.root), "/opt/aks-cert-exporter/bin/python3", "-c", script]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert int(answer.stdout) > 30
