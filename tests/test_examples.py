"""The help of each command (exporter/cli.py, exporter/examples.py): its flags, and below them commands to paste."""

import shlex

import pytest

from exporter.cli import SHELLS, SUMMARIES, parser
from exporter.examples import EXAMPLES, epilog


def test_the_first_help_ends_with_three_ways_to_begin() -> None:
    told = (
        "examples:\n"
        "  # the cluster of the current kubeconfig\n"
        "  p check\n"
        "  # the files of this node\n"
        "  p check --host-root /\n"
        "  # completion for a shell\n"
        "  p completion bash"
    )
    assert epilog("p", "") == told
    assert parser("p").format_help().endswith(f"\n{told}\n")


def test_a_look_from_a_laptop_is_among_the_examples_of_the_cluster_agent() -> None:
    assert [shown for shown, _ in EXAMPLES["cluster"]] == [
        "cluster",
        "cluster --kubeconfig ~/.kube/config --context aks-prod",
        "cluster --azure.enabled false --kubelets.enabled false",
    ]


@pytest.mark.parametrize("command", [name for name in EXAMPLES if name])
def test_the_help_of_a_command_says_what_it_does_and_ends_with_its_examples(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = parser("p").of_command[command].format_help()
    assert text.startswith(f"usage: p {command} [-h] [--version]")
    assert text.endswith(f"\n{epilog('p', command)}\n")
    others = {
        "metrics": "print the metric catalogue",
        "completion": "print what a shell needs to complete this command",
    }
    summary = {**{name.value: words for name, words in SUMMARIES.items()}, **others}[command]
    assert f"\n\n{summary}\n\n" in text
    assert f"  {summary}\n" in parser("p").format_help()


def test_the_catalogue_is_asked_for_by_three_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = parser("p").of_command["metrics"].format_help()
    assert "\n  -o {markdown,json}, --output {markdown,json}, --format {markdown,json}\n" in text.replace(
        "-o, --output, --format {markdown,json}",  # Python 3.13
        "-o {markdown,json}, --output {markdown,json}, --format {markdown,json}",
    )


@pytest.mark.parametrize(("command", "line"), [(name, line) for name, some in EXAMPLES.items() for line, _ in some])
def test_every_example_is_a_command_that_is_taken(command: str, line: str) -> None:
    words = shlex.split(line.split(" | ", maxsplit=1)[0].split(" >", maxsplit=1)[0])
    assert words[0] == command or not command
    parsed, unknown = parser().parse_known_args(words)
    assert (parsed.command, unknown) == (words[0], [])


def test_there_is_an_example_for_each_shell() -> None:
    assert [what.lower() for _, what in EXAMPLES["completion"]] == list(SHELLS)
