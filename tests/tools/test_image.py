"""How the image's build takes over the settings of the machine it runs on."""

import re
import tomllib
from pathlib import Path

import pytest

from exporter import __version__
from exporter.cli import LEFT_OUT
from tools import image


def test_pip_s_index_and_timeout_travel_into_the_build() -> None:
    listing = "global.index-url='https://user:word@mirror.example/simple'\n:env:.timeout='60'\n"
    assert image.pip_settings(listing) == {"index-url": "https://user:word@mirror.example/simple", "timeout": "60"}


def test_the_environment_beats_pip_s_files() -> None:
    assert image.pip_settings("global.timeout='15'\n:env:.timeout='60'\n") == {"timeout": "60"}


def test_a_folder_of_this_machine_does_not_travel_since_the_build_has_it_not() -> None:
    assert image.pip_settings("global.find-links='/srv/wheels'\nglobal.cert='/etc/ca.pem'\n") == {}


def test_settings_of_other_pip_commands_do_not_travel() -> None:
    assert image.pip_settings("download.timeout='9'\nglobal.quiet='1'\n") == {}


def test_several_extra_indexes_stay_several() -> None:
    assert image.pip_settings(r"global.extra-index-url='\nhttps://a.example\nhttps://b.example'") == {
        "extra-index-url": "\nhttps://a.example\nhttps://b.example"
    }


def test_the_ca_bundle_is_the_one_pip_was_told_to_use(tmp_path: Path) -> None:
    bundle, other = tmp_path / "pip.pem", tmp_path / "ssl.pem"
    bundle.touch()
    other.touch()
    assert image.ca_bundle({"PIP_CERT": str(bundle), "SSL_CERT_FILE": str(other)}) == bundle
    assert image.ca_bundle({"PIP_CERT": str(tmp_path / "absent"), "SSL_CERT_FILE": str(other)}) == other


def test_the_version_is_read_without_importing_the_project() -> None:
    assert image.version() == __version__


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("x", "x-node"),
        ("x:1", "x-node:1"),
        ("contoso.azurecr.io/x/y:1", "contoso.azurecr.io/x/y-node:1"),
        ("localhost:5000/x", "localhost:5000/x-node"),
        ("localhost:5000/x:1", "localhost:5000/x-node:1"),
    ],
)
def test_the_node_agent_s_image_has_the_name_with_an_end(tag: str, wanted: str) -> None:
    assert image.named(tag, "-node") == wanted


def lines(name: str, platforms: str = "linux/amd64", *, push: bool = False) -> list[list[str]]:
    """The command lines that an engine is given."""
    facts = {"BASE": "", "VERSION": "1"}
    return [
        [*line] for line in image.commands(name, "x:1", facts, Path("/c"), platforms, "--target", "node", push=push)
    ]


@pytest.mark.parametrize("name", image.ENGINES)
def test_every_engine_is_told_platform_target_facts_and_context(name: str) -> None:
    (build,) = lines(name)
    assert {"--platform=linux/amd64", "--target", "node", "VERSION=1", "/c"} <= set(build)
    assert [word for word in build if word.startswith("BASE")] == []  # the Dockerfile's own


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_an_image_for_several_platforms_is_a_manifest_that_is_pushed_whole(name: str) -> None:
    build, push = lines(name, "linux/amd64,linux/arm64", push=True)
    assert "--manifest" in build
    assert push == [name, "manifest", "push", "--all", "x:1", "docker://x:1"]
    assert lines(name, push=True)[1] == [name, "push", "x:1"]


def test_docker_pushes_while_it_builds_since_it_keeps_one_platform_only() -> None:
    (build,) = lines("docker", "linux/amd64,linux/arm64", push=True)
    assert any(word.startswith("--output=type=registry,name=x:1") for word in build)
    with pytest.raises(ValueError, match="PUSH=yes"):
        lines("docker", "linux/amd64,linux/arm64")


def test_the_platform_is_that_of_most_nodes_whatever_this_machine_is() -> None:
    """An image that an Apple laptop builds by default is for Arm64, and its Pods say only "exec format error"."""
    assert image.PLATFORM == "linux/amd64"


def test_the_context_holds_what_the_dockerfiles_copy_and_the_builder_s_settings(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("a CA")
    folder = image.context(tmp_path / "context", {"index-url": "https://mirror.example/simple"}, bundle)
    settings = (folder / "image/pip.conf").read_text()
    assert "index-url = https://mirror.example/simple\n" in settings
    assert "cert = /build/image/ca-certificates.crt\n" in settings
    assert (folder / "image/ca-certificates.crt").read_text() == "a CA"
    for file in ("Dockerfile", "Dockerfile.minimal"):
        copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (folder / file).read_text(), re.MULTILINE)
        assert [name for names in copied for name in names.split() if not (folder / name).exists()] == []
    assert [*folder.rglob("__pycache__")] == []


def test_without_settings_of_one_s_own_pip_s_are_those_of_the_project(tmp_path: Path) -> None:
    folder = image.context(tmp_path / "context", {}, None)
    assert (folder / "image/pip.conf").read_text() == (image.ROOT / "image/pip.conf").read_text()


@pytest.mark.parametrize("file", ["Dockerfile", "Dockerfile.minimal"])
def test_the_dockerfiles_need_no_buildkit(file: str) -> None:
    """`az acr build` has none."""
    text = "\n".join(line for line in (image.ROOT / file).read_text().splitlines() if not line.startswith("#"))
    for word in ("--mount", "--link", "--chmod", "<<", "--security", "--network"):
        assert word not in text
    assert not (image.ROOT / file).read_text().startswith("# syntax")


def test_the_image_s_requirements_for_a_node_are_a_part_of_the_cluster_s() -> None:
    """The same versions and hashes; resolved by themselves they could differ."""
    whole, part = (
        set(re.split(r"\n(?=[a-z])", (image.ROOT / name).read_text().strip()))
        for name in ("requirements.lock", "requirements-node.lock")
    )
    assert len(part) > 5
    assert part < whole


def test_a_dependency_is_in_the_node_agent_s_image_or_is_said_to_be_left_out() -> None:
    """A new one must be put into one of the two, else a command would end with a traceback there."""
    project = tomllib.loads((image.ROOT / "pyproject.toml").read_text())
    names = {re.split(r"[<>=!~ ]", one)[0] for one in project["project"]["dependencies"]}
    left_out = names - set(project["dependency-groups"]["node"])
    assert {name.partition("-")[0].removeprefix("py") for name in left_out} == LEFT_OUT
