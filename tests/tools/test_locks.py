"""What is pinned can be installed, whatever comes out afterwards."""

import re
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.generated import ROOT

PINNED = re.compile(r"^([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?==", re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-node.lock", "requirements-dev.lock"])
def test_what_a_package_asks_for_with_an_extra_is_pinned_with_it(name: str) -> None:
    """pip asks for coverage[toml] apart from coverage, and refuses the newest where only the latter is pinned."""
    pinned = {one: set(extras.split(",")) for one, extras in PINNED.findall((ROOT / name).read_text())}
    missing = []
    for package in distributions():
        if canonicalize_name(package.name) not in pinned:
            continue
        for line in package.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                has = pinned.get(canonicalize_name(wanted.name), set())
                missing += [f"{package.name} asks for {line}"] if wanted.extras - has else []
    assert len(pinned) > 5
    assert missing == []
