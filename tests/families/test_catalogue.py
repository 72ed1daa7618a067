"""The reference of metrics, as it is printed: exporter/families/catalogue.py."""

from exporter.families.catalogue import as_json, catalogue, emitters, markdown

COMPLETED_WORDS = {
    "requestor": ("node", "bootstrap", "aks_service", "other"),
    "outcome": ("issued", "denied", "failed", "abandoned"),
}


def test_markdown_has_a_table_for_each_subject() -> None:
    """Words of a label are listed beside it."""
    text = markdown()
    assert [line.removeprefix("### ") for line in text.splitlines() if line.startswith("#")] == list(catalogue())
    assert list(catalogue()) == sorted(catalogue())
    words = {label: ", ".join(f"`{word}`" for word in listed) for label, listed in COMPLETED_WORDS.items()}
    row = (
        f"| `akscert_csr_completed_total` | cluster | counter | signer_name, requestor = {words['requestor']}, "
        f"outcome = {words['outcome']} | Requests that ended, each counted once. abandoned: gone while pending. |"
    )
    assert row in text.splitlines()
    head = "### csr\n\n| metric | agent | type | labels | meaning |\n|---|---|---|---|---|\n| `akscert_csr_objects` | "
    assert f"|\n\n{head}" in text
    assert text == text.strip()
    both = [line for line in text.splitlines() if line.startswith("| `akscert_rotation_evidence` ")]
    assert [line.split(" | ")[1] for line in both] == ["node, cluster"]
    assert as_json().startswith('[\n  {\n    "subject": ')


def test_every_metric_has_its_agents() -> None:
    """In the order of subjects, and of each subject's declarations."""
    names = [metric.name for metrics in catalogue().values() for metric in metrics]
    assert list(emitters()) == names
    assert len(names) == len(set(names))
