"""The image, built by `make image` on a Debian base that debootstrap makes once and .cache keeps."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.built import Image

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "image"
BASE = "localhost/python-base"
TAG = "localhost/aks-cert-exporter:test"


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
            ["debootstrap", "--variant=minbase", packages, "bookworm", str(CACHE / "rootfs")],
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
def image(environment: dict[str, str], base: str) -> Iterator[Image]:
    """The image that `make image` builds on that base."""
    subprocess.run(["make", "image", f"BASE={base}", f"TAG={TAG}"], cwd=ROOT, env=environment, check=True)

    def answer(*command: str) -> str:
        return subprocess.run(["buildah", *command], env=environment, capture_output=True, text=True, check=True).stdout

    container = answer("from", TAG).strip()
    config = json.loads(answer("inspect", "--type=image", TAG))["OCIv1"]["config"]
    yield Image(config, Path(answer("mount", container).strip()), container, environment)
    answer("rm", container)
    answer("rmi", TAG)
