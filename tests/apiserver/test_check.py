"""`check` with a kubeconfig against a real API server prints the tables that kubectl prints."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulation.pki import Authority
from tests.apiserver import requests
from tests.apiserver.controlplane import ControlPlane, wait


def check(kubeconfig: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "exporter", "check", f"--kubeconfig={kubeconfig}", "--output=json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent)}
    done = subprocess.run(
        [*command, "--azure.enabled=false"], capture_output=True, text=True, env=environment, check=False, timeout=100
    )
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["exit_status"] == done.returncode
    return found


def rows(found: dict[str, Any], title: str) -> list[dict[str, str]]:
    return next((section["rows"] for section in found["sections"] if section["title"] == title), [])


@pytest.fixture
def kubeconfig(plane: ControlPlane, token: str, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_bytes(plane.kubeconfig("", token=token).read_bytes())
    return path


def test_the_table_of_requests_is_kubectls(plane: ControlPlane, kubeconfig: Path) -> None:
    requests.all_kinds(plane, "table")
    columns = ("NAME", "SIGNERNAME", "REQUESTOR", "CONDITION")
    header, *lines = plane.kubectl("get", "csr").splitlines()
    places = [header.index(column) for column in columns]
    expected = sorted(tuple(line[place:].split()[0] for place in places) for line in lines)
    shown = rows(check(kubeconfig), "Certificate signing requests")
    # After the requestor the table names the node, where its name does not.
    assert sorted(tuple(row[column].split()[0] for column in columns) for row in shown) == expected
    assert "Pending" in shown[0]["CONDITION"] or "Denied" in shown[0]["CONDITION"] or "Failed" in shown[0]["CONDITION"]
    assert "Issued" in shown[-1]["CONDITION"], "bad rows come first"


def test_a_kubeconfig_of_before_the_rotation_is_told_what_to_do(plane: ControlPlane, kubeconfig: Path) -> None:
    before, after = plane.authority, Authority.cluster(plane.began, number=1)
    try:
        plane.stop_apiserver(signal.SIGKILL)
        plane.rotate(after)
        plane.start_apiserver()
        found = check(kubeconfig)
    finally:
        plane.stop_apiserver(signal.SIGKILL)
        plane.rotate(before)
        plane.start_apiserver()
    assert found["exit_status"] >= 2
    assert any("az aks get-credentials" in str(finding["next"]) for finding in found["findings"])


def test_an_api_server_that_is_gone_is_never_well(plane: ControlPlane, kubeconfig: Path) -> None:
    plane.stop_apiserver(signal.SIGKILL)
    try:
        found = check(kubeconfig)
    finally:
        plane.start_apiserver()
    assert found["exit_status"] in {2, 3}
    assert rows(found, "Kubeconfig"), "what could still be told is"
    wait(lambda: plane.kubectl("get", "--raw", "/readyz").startswith("ok"), "the API server is back")
