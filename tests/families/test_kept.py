"""What a scrape says, to the last label; and what the reference says of it."""

import json
import platform

from exporter import __version__
from exporter.families import build
from exporter.families.catalogue import as_json, catalogue, emitters
from exporter.reason import Mode
from tests.families.kept import FOLDER, TEXTS
from tests.families.test_cluster import lines
from tools.reference import GENERATED


def told_again(name: str) -> None:
    """`python -m tests.families.kept` writes them again, for a review to read."""
    assert TEXTS[name]().splitlines() == (FOLDER / name).read_text(encoding="utf-8").splitlines()


def test_a_busy_cluster() -> None:
    told_again("cluster.txt")


def test_what_the_api_server_calls() -> None:
    told_again("calls.txt")


def test_what_kubelets_tell() -> None:
    told_again("kubelets.txt")


def test_requests_that_wait() -> None:
    told_again("signing.txt")


def test_nodes() -> None:
    told_again("nodes.txt")


def test_sources() -> None:
    told_again("sources.txt")


def test_there_is_a_test_for_each_file_that_is_kept() -> None:
    with open(__file__, encoding="utf-8") as file:
        source = file.read()
    assert {one.name for one in FOLDER.iterdir()} == set(TEXTS)
    assert all(f'told_again("{name}")' in source for name in TEXTS)


def test_a_build_says_what_it_runs() -> None:
    """Version, revision, Python and agent, each under its label."""
    for mode in Mode:
        assert lines(*build.families(mode, "abc")) == [
            f'akscert_build_info{{mode="{mode}",python_version="{platform.python_version()}",revision="abc",'
            f'version="{__version__}"}} 1.0'
        ]


def test_the_same_catalogue_can_be_had_as_json() -> None:
    """For tools: each metric once, with all that the page has of it."""
    found = {one["name"]: one for one in json.loads(as_json())}
    every = [(subject, metric) for subject, metrics in catalogue().items() for metric in metrics]
    assert len(found) == len(every)
    agents = emitters()
    for subject, metric in every:
        assert found[metric.name] == {
            "subject": subject,
            "name": metric.name,
            "agents": [str(mode) for mode in agents[metric.name]],
            "type": str(metric.kind),
            "unit": metric.unit,
            "help": metric.help,
            "labels": list(metric.labels),
            "words": {label: [str(word) for word in words] for label, words in metric.words.items()},
        }


def test_the_reference_has_every_metric_with_its_labels_and_words() -> None:
    """docs/metrics.md is what is declared: a word that is no longer declared would pass as any other."""
    (metrics,) = (one for one in GENERATED if one.path == "docs/metrics.md")
    assert metrics.wanted() == metrics.written(), "run `make generate`"
