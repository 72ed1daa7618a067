"""What is wrong, to the last field: severity, subject, alert, dates, why, and each step in its order.

Each file has a test of its own, which is what runs the lines that it is about.
"""

import pytest

from tests.findings.kept import FOLDER, TEXTS


def kept(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def told_again(name: str) -> None:
    """`python -m tests.findings.kept` writes them again, for a review to read."""
    assert TEXTS[name]().split("\n== ") == kept(name).split("\n== ")


def test_a_certificate_at_each_moment_that_matters() -> None:
    told_again("dates.txt")


def test_the_nodes_of_the_demo() -> None:
    told_again("scenarios.txt")


def test_a_healthy_node_with_one_thing_changed() -> None:
    told_again("nodes.txt")


def test_a_kubeconfig_with_one_thing_changed() -> None:
    told_again("kubeconfigs.txt")


def test_a_cluster_of_which_one_thing_is_known() -> None:
    told_again("clusters.txt")


def test_what_azure_says_of_a_cluster() -> None:
    told_again("azure.txt")


def test_what_the_api_server_calls() -> None:
    told_again("endpoints.txt")


def test_requests_that_wait_and_leases_that_are_silent() -> None:
    told_again("signing.txt")


def test_what_a_kubelet_tells_of_its_node() -> None:
    told_again("told.txt")


def test_what_a_node_agent_tells_beside_its_cluster() -> None:
    told_again("compared.txt")


def test_what_comes_and_how_each_node_is() -> None:
    told_again("coming.txt")


def test_there_is_a_test_for_each_file_that_is_kept() -> None:
    names = {file.name for file in FOLDER.iterdir()}
    assert names == set(TEXTS)
    assert all(f'told_again("{name}")' in _source() for name in names)


def _source() -> str:
    with open(__file__, encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("name", ["healthy", "healthy-secure-tls", "windows-healthy"])
def test_a_healthy_node_has_no_findings(name: str) -> None:
    assert f"== {name}, now\nnothing\n" in kept("scenarios.txt")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("nodes.txt", "healthy"),
        ("kubeconfigs.txt", "served: good"),
        ("azure.txt", "nothing is in the way, its nodes: on"),
        ("endpoints.txt", "what is served ends in 22 days"),
        ("compared.txt", "a healthy node, in Azure"),
        ("told.txt", "a kubelet: 69% of its client certificate's year are over"),
        ("signing.txt", "1 waited for 5 minutes, the first ends in 2400.0 hours"),
    ],
)
def test_what_is_healthy_has_no_findings(file: str, name: str) -> None:
    assert f"== {name}\nnothing\n" in kept(file)
