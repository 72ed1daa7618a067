"""Tokens, authorities and logs of the Azure source: what it may use, whom it trusts, what it never says."""

import logging
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure import resource_manager
from exporter.sources.azure.access import WORKLOAD_IDENTITY
from exporter.sources.azure.managed_cluster import AzureSource
from exporter.sources.azure.resource_manager import token_scope
from simulation.azure.faults import FAULTS, TOKEN_FAULTS
from simulation.azure.resource_manager import Route
from simulation.azure.site import ArmSite
from tests.sources.azure.simulated import CLUSTER, CLUSTER_READ, asked, facts, failure


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_federated_credential", "AADSTS70021, no federated credential of the identity matches"),
        ("assertion_expired", "AADSTS700024, the service account token has expired"),
        ("unknown_client", "AADSTS700016, the tenant knows no such client id"),
        ("throttled", "AADSTS90055, see its list of error codes"),
        ("server_error", "its answer is not what it promises"),
        ("html", "its answer is not what it promises"),
        ("reset", "Entra gives no token: reset"),
    ],
)
def test_a_token_endpoint_that_fails_is_a_failure_of_the_credentials(
    site: ArmSite, source: AzureSource, name: str, words: str
) -> None:
    """Whatever the token endpoint does, Resource Manager is not asked without a token, and the next look is free."""
    site.arm.faults[Route.TOKEN] = TOKEN_FAULTS[name]
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is Reason.CREDENTIALS
    assert words in found.words
    assert CLUSTER_READ not in asked(site.arm)
    site.arm.faults.clear()
    facts(source.read_cluster(CLUSTER))


@pytest.mark.parametrize("name", ["throttled", "server_error", "reset"])
def test_a_token_is_asked_for_once(site: ArmSite, name: str) -> None:
    """When to ask again is for whoever schedules the looks."""
    site.arm.faults[Route.TOKEN] = TOKEN_FAULTS[name]
    login = resource_manager._login(site.environment, CLUSTER.subscription, str(site.authority_file))
    with pytest.raises(AzureError):
        login.get_token(token_scope(site.arm.endpoint))
    login.close()
    assert asked(site.arm) == [("POST", Route.TOKEN)]


def test_a_token_endpoint_that_hangs_costs_its_time(site: ArmSite, impatient: AzureSource) -> None:
    """The same deadline holds for the login."""
    site.arm.faults[Route.TOKEN] = TOKEN_FAULTS["hang"]
    assert failure(impatient.read_cluster(CLUSTER)).reason is Reason.TIMEOUT


def test_a_rotated_service_account_token_costs_no_failure(site: ArmSite, source: AzureSource) -> None:
    """The SDK remembers the file for ten minutes; the source forgets it when Entra refuses."""
    site.arm.token_lifetime = 0
    facts(source.read_cluster(CLUSTER))
    site.give_assertion("simulated-service-account-token-2")
    facts(source.read_cluster(CLUSTER))
    assert asked(site.arm).count(("POST", Route.TOKEN)) == 3, "the old assertion, refused, then the new one"


def test_a_revoked_access_token_costs_no_failure(site: ArmSite, source: AzureSource) -> None:
    """A token that Azure takes back is replaced at once."""
    facts(source.read_cluster(CLUSTER))
    site.arm.revoke()
    facts(source.read_cluster(CLUSTER))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.unlink(), "the service account token cannot be read: No such file or directory"),
        (lambda file: (file.unlink(), file.mkdir()), "the service account token cannot be read: Is a directory"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "its answer is not what it promises"),
        (lambda file: file.write_text(""), "Entra gives no token"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_a_failure_of_the_credentials(
    site: ArmSite, source: AzureSource, spoil: Callable[[Path], object], words: str
) -> None:
    """Missing, of the wrong kind, not text, or empty."""
    spoil(site.token_file)
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is Reason.CREDENTIALS
    assert words in found.words


def test_without_any_credentials_the_words_say_what_is_missing(site: ArmSite) -> None:
    """No workload identity and no Azure CLI."""
    source = AzureSource(site.arm.endpoint, {"AZURE_CLIENT_ID": "x", "PATH": "/nowhere"})
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is Reason.CREDENTIALS
    assert "AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE not set" in found.words
    assert site.arm.requests == ()


def test_an_endpoint_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the environment is the process's own where none is given."""
    for name in WORKLOAD_IDENTITY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("AZURE_CLIENT_ID", "x")
    source = AzureSource("https://armX//")
    assert source._endpoint == "https://armX"
    assert "(AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE not set)" in failure(source.read_cluster(CLUSTER)).words
    assert source.asked_to_wait is None
    assert "(AZURE_CLIENT_ID, AZURE_TENANT_ID, " in failure(AzureSource("", {"PATH": ""}).read_cluster(CLUSTER)).words


def test_an_authority_without_tls_is_a_failure_of_the_credentials(site: ArmSite) -> None:
    """The service account token is not sent in the clear."""
    authority = site.arm.endpoint.replace("https:", "http:")
    source = AzureSource(site.arm.endpoint, {**site.environment, "AZURE_AUTHORITY_HOST": authority})
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is Reason.CREDENTIALS
    assert "https" in found.words
    assert site.arm.requests == ()


def fake_az(directory: Path, script: str) -> Path:
    """An Azure CLI: the SDK runs it as a process."""
    directory.mkdir()
    program = directory / "az"
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return directory


def test_on_a_laptop_the_login_of_the_azure_cli_is_used(
    site: ArmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without workload identity the user's own `az login` gives the token, for the cluster's subscription."""
    token = site.arm.token("cli")
    directory = fake_az(
        tmp_path / "bin",
        "assert sys.argv[sys.argv.index('--subscription') + 1] == '5ab0', sys.argv\n"
        f'print(\'{{"accessToken": "{token}", "expires_on": 4102444800}}\')',
    )
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    source = AzureSource(
        site.arm.endpoint, {"PATH": os.environ["PATH"], "REQUESTS_CA_BUNDLE": str(site.authority_file)}
    )
    facts(source.read_cluster(CLUSTER))
    source.close()
    assert asked(site.arm) == [CLUSTER_READ]


def test_an_azure_cli_without_a_login_is_a_failure_of_the_credentials(
    site: ArmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words say what to type."""
    directory = fake_az(
        tmp_path / "bin", "print('ERROR: Please run az login to set up an account.', file=sys.stderr); sys.exit(1)"
    )
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    source = AzureSource(
        site.arm.endpoint, {"PATH": os.environ["PATH"], "REQUESTS_CA_BUNDLE": str(site.authority_file)}
    )
    found = failure(source.read_cluster(CLUSTER))
    assert found.reason is Reason.CREDENTIALS
    assert "az login" in found.words


def test_an_unknown_authority_is_not_trusted(site: ArmSite) -> None:
    """Without the simulation's CA not even the login is spoken to."""
    environment = {name: value for name, value in site.environment.items() if name != "REQUESTS_CA_BUNDLE"}
    source = AzureSource(site.arm.endpoint, environment)
    found = failure(source.read_cluster(CLUSTER))
    source.close()
    assert found == Failure(Reason.CREDENTIALS, "Entra gives no token: certificate_untrusted")
    assert site.arm.requests == ()


def test_a_missing_file_of_authorities_is_named(site: ArmSite, tmp_path: Path) -> None:
    """A mount that was forgotten."""
    source = AzureSource(site.arm.endpoint, {**site.environment, "REQUESTS_CA_BUNDLE": f"{tmp_path}/missing.crt"})
    found = failure(source.read_cluster(CLUSTER))
    assert found == Failure(Reason.ERROR, f"REQUESTS_CA_BUNDLE names no file: {tmp_path}/missing.crt")


def test_resource_manager_behind_another_certificate_is_not_trusted(site: ArmSite, tmp_path: Path) -> None:
    """The token is good, the endpoint is not: the token is not sent there."""
    other = ArmSite(tmp_path / "other")
    with other.arm:
        source = AzureSource(f"https://127.0.0.2:{other.arm.endpoint.rsplit(':', 1)[1]}", site.environment)
        found = failure(source.read_cluster(CLUSTER))
        source.close()
    assert found.reason in {Reason.CERTIFICATE_HOSTNAME, Reason.REFUSED}
    assert other.arm.requests == ()


def test_no_token_is_ever_logged(site: ArmSite, source: AzureSource, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger there is at DEBUG, through success, refusal, throttling and a failing token endpoint."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
        logging.getLogger(name).addHandler(caplog.handler)
    try:
        source.read_cluster(CLUSTER)
        site.arm.faults[Route.CLUSTER] = FAULTS["unauthorized"]
        source.read_cluster(CLUSTER)
        site.arm.faults[Route.TOKEN] = TOKEN_FAULTS["no_federated_credential"]
        source.read_cluster(CLUSTER)
    finally:
        for name in list(logging.root.manager.loggerDict):
            logging.getLogger(name).removeHandler(caplog.handler)
    assert caplog.text, "the capture works: the HTTP library at least says something"
    assert site.arm.tokens
    for secret in {*site.arm.tokens, site.token_file.read_text()}:
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://management.azure.com", "https://management.azure.com/.default"),
        ("https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/.default"),
        ("https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
        ("https://management.cloud.example:8443", "https://management.cloud.example:8443/.default"),
    ],
)
def test_each_cloud_has_its_own_audience(endpoint: str, scope: str) -> None:
    """As the SDK has it for the clouds it knows; a private cloud's is its own endpoint."""
    assert token_scope(endpoint) == scope
