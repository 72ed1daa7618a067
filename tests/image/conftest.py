"""The images, built by `make image` on a Debian base that debootstrap makes once and .cache keeps."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.image.built import Image
from tests.image.registry import Registry
from tools.image import named

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "image"
SUITE = "trixie"
BASE = f"localhost/python-base-{SUITE}"
TAG = "localhost/aks-cert-exporter:test"
MINIMAL = "aks-cert-exporter-minimal:test"

Make = Callable[..., None]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """What keeps buildah's storage to itself, and lets it work without the rights that a container engine needs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    storage = CACHE / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{CACHE}/store"\nrunroot = "{CACHE}/run"\n')
    return {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot"}


@pytest.fixture(scope="session")
def base(environment: dict[str, str]) -> str:
    """A base image with Debian's Python, venv and pip."""
    known = subprocess.run(["buildah", "images", "--quiet", BASE], env=environment, capture_output=True, check=False)
    if known.returncode != 0:
        packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
        subprocess.run(
            ["debootstrap", "--variant=minbase", packages, SUITE, str(CACHE / "rootfs")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        recipe = CACHE / "Containerfile"
        recipe.write_text("FROM scratch\nCOPY rootfs /\n")
        subprocess.run(
            ["buildah", "bud", "--quiet", "--tag", BASE, "--file", str(recipe), str(CACHE)], env=environment, check=True
        )
        subprocess.run(["rm", "-r", str(CACHE / "rootfs")], check=True)
    return BASE


@pytest.fixture(scope="session")
def make(environment: dict[str, str], base: str) -> Make:
    """`make image` on that base. buildah is named: a Docker engine beside it does not know buildah's base."""

    def run(tag: str, *words: str) -> None:
        command = ["make", "image", f"BASE={base}", f"TAG={tag}", "ENGINE=buildah", *words]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)

    return run


@pytest.fixture(scope="session")
def images(make: Make) -> None:
    """Both images are built."""
    make(TAG)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Registry]:
    """A registry on this machine, that buildah takes without TLS."""
    with Registry(tmp_path_factory.mktemp("registry")) as found:
        settings = CACHE / "registries.conf"
        settings.write_text(f'[[registry]]\nlocation = "{found.host}"\ninsecure = true\n')
        environment["CONTAINERS_REGISTRIES_CONF"] = str(settings)
        yield found


@pytest.fixture(scope="session")
def minimal_images(make: Make, registry: Registry) -> str:
    """Both images without shell and package manager are built and pushed; the first one's name."""
    tag = f"{registry.host}/{MINIMAL}"
    make(tag, "MINIMAL=yes", "PUSH=yes")
    return tag


@pytest.fixture(scope="session")
def image(environment: dict[str, str], images: None) -> Iterator[Image]:
    """The cluster agent's image, which holds everything."""
    with opened(TAG, environment) as found:
        yield found


@pytest.fixture(scope="session")
def node_image(environment: dict[str, str], images: None) -> Iterator[Image]:
    """The node agent's image."""
    with opened(named(TAG, "-node"), environment) as found:
        yield found


@pytest.fixture(scope="session", params=["", "-node"], ids=["cluster", "node"])
def minimal(request: pytest.FixtureRequest, environment: dict[str, str], minimal_images: str) -> Iterator[Image]:
    """Each of the two minimal images."""
    with opened(named(minimal_images, request.param), environment) as found:
        yield found


@contextmanager
def opened(tag: str, environment: dict[str, str]) -> Iterator[Image]:
    """A built image, mounted, and removed behind."""

    def answer(*command: str) -> str:
        return subprocess.run(["buildah", *command], env=environment, capture_output=True, text=True, check=True).stdout

    container = answer("from", tag).strip()
    inspected = json.loads(answer("inspect", "--type=image", tag))
    root = Path(answer("mount", container).strip())
    yield Image(inspected["OCIv1"]["config"], root, container, environment, inspected["FromImageDigest"])
    answer("rm", container)
    answer("rmi", tag)
