"""What a release publishes, and the workflow that publishes it."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tools import release, sbom
from tools.image import ROOT

CLUSTER, NODE = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"
VALUES = (ROOT / "helm/aks-cert-exporter/values.yaml").read_text()


def test_the_released_chart_names_both_images_by_digest_and_changes_nothing_else() -> None:
    before = yaml.safe_load(VALUES)
    after = yaml.safe_load(release.pinned(VALUES, {"image": CLUSTER, "node.image": NODE}))
    assert (after["image"].pop("digest"), after["node"]["image"].pop("digest")) == (CLUSTER, NODE)
    assert (before["image"].pop("digest"), before["node"]["image"].pop("digest")) == ("", "")
    assert after == before


@pytest.mark.parametrize("digest", ["", "latest", "sha256:abc"])
def test_what_is_no_digest_is_not_written_into_the_chart(digest: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        release.pinned(VALUES, {"image": digest})


def test_an_archive_s_bytes_depend_on_its_files_alone(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    files = [tmp_path / "b", tmp_path / "a"]
    one = release.archive(tmp_path / "one.tar.gz", files, 5).read_bytes()
    os.utime(tmp_path / "a", (1, 1))
    assert release.archive(tmp_path / "one.tar.gz", reversed(files), 5).read_bytes() == one
    with tarfile.open(tmp_path / "one.tar.gz") as opened:
        assert [(entry.name, entry.mtime) for entry in opened] == [("one/a", 5), ("one/b", 5)]


@pytest.mark.parametrize("image", sbom.LOCKS)
def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(image: str) -> None:
    lock = (ROOT / sbom.LOCKS[image]).read_text()
    bill = json.loads(sbom.document(image, "2026-11-26T00:00:00Z"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == __version__
    named = {f"{one['name']}=={one['version']}" for one in bill["components"]}
    pinned = re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?(==\S+)", lock, re.MULTILINE)
    assert named == {name + number for name, number in pinned}
    hashes = [part["content"] for one in bill["components"] for part in one["externalReferences"][0]["hashes"]]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert bill["dependencies"][0]["dependsOn"] == [one["purl"] for one in bill["components"]]


def test_a_lock_that_is_not_understood_is_an_error_not_a_shorter_bill(tmp_path: Path) -> None:
    (tmp_path / "exporter").mkdir()
    (tmp_path / "exporter/__init__.py").write_text('__version__ = "1.0.0"\n')
    (tmp_path / "requirements.lock").write_text("requests @ https://example.com/requests.whl\n")
    with pytest.raises(ValueError, match="requests @ https"):
        sbom.document("aks-cert-exporter", "2026-11-26T00:00:00Z", tmp_path)


def test_the_statements_about_vulnerabilities_are_openvex() -> None:
    """https://github.com/openvex/spec: the fields that a document and a statement must have."""
    document = json.loads((ROOT / "docs/vex.json").read_text())
    assert {"@context", "@id", "author", "timestamp", "version", "statements"} <= set(document)
    for statement in document["statements"]:
        assert statement["vulnerability"]["name"].startswith("CVE-")
        assert statement["status"] in {"not_affected", "affected", "fixed", "under_investigation"}
        assert statement["status"] != "not_affected" or statement["justification"]
        assert {one["@id"] for one in statement["products"]} <= {f"pkg:oci/{name}" for name in sbom.LOCKS}


@pytest.mark.timeout(600)
def test_a_dry_run_packs_everything_that_is_published_and_publishes_nothing() -> None:
    """The chart names its images by digest, and the wheel leads from PyPI to the project."""
    words = ["make", "-o", ".venv/.develop", "release", "ENGINE=none"]  # the environment is what this runs in
    environment = {**os.environ, "TAG": "", "IMAGE_DIGEST": CLUSTER, "NODE_IMAGE_DIGEST": NODE}
    answer = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "nothing was published" in answer.stdout
    lines = [line.split("  ") for line in (release.DIST / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    begin = "aks-cert-exporter"
    assert {
        *(f"aks_cert_exporter-{__version__}-py3-none-any.whl", f"aks_cert_exporter-{__version__}.tar.gz"),
        *(f"{begin}-{__version__}.tgz", f"{begin}-rules-{__version__}.tar.gz"),
        *(f"{begin}-dashboards-{__version__}.tar.gz", f"{begin}-azure-rule-groups-{__version__}.json"),
        *(f"{begin}-azure-role-{__version__}.json", f"{begin}-vex-{__version__}.json"),
        *(f"{begin}-{__version__}.cdx.json", f"{begin}-node-{__version__}.cdx.json"),
    } <= set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((release.DIST / name).read_bytes()).hexdigest() == digest
    with tarfile.open(release.DIST / f"{begin}-{__version__}.tgz") as opened:
        stream = opened.extractfile("aks-cert-exporter/values.yaml")
        assert stream is not None
        values = yaml.safe_load(stream.read())
    assert (values["image"]["digest"], values["node"]["image"]["digest"]) == (CLUSTER, NODE)
    wheel = release.DIST / f"aks_cert_exporter-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as packed:
        (metadata,) = [packed.read(name).decode() for name in packed.namelist() if name.endswith("/METADATA")]
    targets = re.findall(r"\]\(([^)]+)\)", metadata)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert len(re.findall(r"^Project-URL: ", metadata, re.MULTILINE)) >= 4


def jobs(name: str) -> dict[str, Any]:
    """The jobs of a workflow."""
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())["jobs"]
    return found


def needed(job: str, known: dict[str, Any]) -> set[str]:
    """The jobs that must have passed before one starts."""
    direct = known[job].get("needs", [])
    names = {direct} if isinstance(direct, str) else set(direct)
    return names.union(*(needed(one, known) for one in names))


def test_nothing_is_published_before_versions_and_lanes_agree() -> None:
    known = jobs("release.yaml")
    for name in set(known) - {"version", "verify"}:
        assert {"version", "verify"} <= needed(name, known)
    assert any("tools/versions.py --tag" in step.get("run", "") for step in known["version"]["steps"])


def test_a_run_that_is_started_by_hand_publishes_nothing() -> None:
    """Every step that leaves something behind asks for the tag."""
    leaves = ("cosign", "helm push", '"$helm" push', "gh release create", "uv publish", "attest-build-provenance")
    for name, job in jobs("release.yaml").items():
        for step in job.get("steps", ()):
            if any(word in f"{step.get('run', '')} {step.get('uses', '')}" for word in leaves):
                condition = f"{step.get('if', '')} {job.get('if', '')}"
                assert "needs.version.outputs.publish == 'true'" in condition, (name, step)
            if str(step.get("uses", "")).startswith("docker/build-push-action"):
                assert "push=${{ needs.version.outputs.publish }}" in step["with"]["outputs"]


@pytest.mark.parametrize("name", ["ci.yaml", "release.yaml"])
def test_a_command_that_fails_in_a_pipe_fails_its_step(name: str) -> None:
    """GitHub's default shell has no pipefail; `shell: bash` has."""
    workflow = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    assert workflow["defaults"]["run"]["shell"] == "bash"


def test_registries_are_given_lower_case() -> None:
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    assert re.findall(r"ghcr\.io/\$\{\{[^}]*\}\}", text) == []
    assert "${GITHUB_REPOSITORY,,}" in text


def test_the_logs_of_a_lane_that_failed_are_kept() -> None:
    (upload,) = [one for one in jobs("ci.yaml")["lane"]["steps"] if "upload-artifact" in one.get("uses", "")]
    assert (upload["if"], upload["with"]["path"]) == ("failure()", ".cache/ci")


def test_actions_are_named_by_commit() -> None:
    for file in (ROOT / ".github/workflows").glob("*.yaml"):
        for used in re.findall(r"uses: (\S+)", file.read_text()):
            assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
