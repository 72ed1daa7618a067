"""The container image as it is built and as a Pod would start it."""

import subprocess
from pathlib import Path

import pytest

from exporter import __version__
from tests.image.built import Image

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
    """`runAsNonRoot` can be verified for numeric users alone."""
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


def test_the_builder_s_pip_settings_and_certificates_leave_no_trace(image: Image) -> None:
    assert [entry for entry in image.config["Env"] if entry.startswith(("PIP_", "HTTP", "SSL"))] == []
    assert [*image.root.glob("run/secrets/*")] == []
