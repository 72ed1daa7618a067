"""What starts a kubelet, and with which flags: exporter/facts/host/kubelet_command.py."""

import json
from collections.abc import Mapping, Sequence

import pytest

from exporter.facts.host.kubelet_command import (
    ABSENT,
    KubeletCommand,
    WindowsArguments,
    kubelet_environment,
    linux_command,
    named_environment_files,
    windows_arguments,
    windows_command,
)
from exporter.facts.host.kubelet_flags import KubeletFlags
from exporter.facts.host.read import Read
from exporter.facts.host.systemd import ServiceUnit
from exporter.reason import FileStatus

DEFAULT = "/etc/default/kubelet"
OK, GONE, DENIED = FileStatus.OK, FileStatus.NOT_FOUND, FileStatus.PERMISSION_DENIED
Environment = Mapping[str, str]
A, B = KubeletFlags(config="/a"), KubeletFlags(config="/b")


def unit(*assignments: tuple[str, str], path: str = "/unit") -> Read[ServiceUnit]:
    return Read(path, OK, ServiceUnit(assignments))


def unread(path: str, status: FileStatus = DENIED) -> Read[ServiceUnit]:
    return Read(path, status)


def variables(path: str = DEFAULT, **found: str) -> dict[str, Read[Environment]]:
    return {path: Read(path, OK, found)}


def missed(path: str, status: FileStatus = DENIED) -> dict[str, Read[Environment]]:
    return {path: Read(path, status)}


START = ("ExecStart", "/usr/local/bin/kubelet --config /a $MORE")
NAMED, OPTIONAL = ("EnvironmentFile", "/env"), ("EnvironmentFile", "-/env")
FLAGS = variables(KUBELET_FLAGS="--config=/b")
REFUSED = "the kubelet would not start with its flags: "


@pytest.mark.parametrize(
    ("main", "drop_ins", "files", "expected"),
    [
        (unit(START), [], {}, KubeletCommand(A, True)),
        (unit(("ExecStart", "kubelet")), [], {}, KubeletCommand(KubeletFlags(), True)),
        (unit(("ExecStart", "/bin/sh /opt/kubelet --config /a")), [], {}, KubeletCommand(A, True)),
        (unit(("ExecStart", "kubelet kubelet")), [], {}, KubeletCommand(unread=f"{REFUSED}a word that is no flag")),
        (
            unit(START),
            [unit(("Environment", "MORE=--cert-dir=/c"))],
            {},
            KubeletCommand(KubeletFlags(config="/a", cert_dir="/c"), True),
        ),
        (unit(START), [unit(("ExecStart", ""), ("ExecStart", "kubelet --config /b"))], {}, KubeletCommand(B, True)),
        (unit(START, NAMED), [], variables("/env", MORE="--config=/b"), KubeletCommand(B, True)),
        (unit(START, NAMED), [], {}, KubeletCommand(A, unread="/env")),
        (unit(START, NAMED), [], missed("/env"), KubeletCommand(A, unread="/env")),
        (unit(START, NAMED), [], missed("/env", GONE), KubeletCommand(A, unread="/env")),
        (unit(START, OPTIONAL), [], missed("/env", GONE), KubeletCommand(A, True)),
        (unit(START, OPTIONAL), [], missed("/env"), KubeletCommand(A, unread="/env")),
        (unit(START), [unread("/d/1.conf")], {}, KubeletCommand(A, unread="/d/1.conf")),
        (unit(START), [unread("/d/1.conf", GONE)], {}, KubeletCommand(A, True)),
        (unit(START), [unread("/d/1.conf", FileStatus.NOT_EXPECTED)], {}, KubeletCommand(A, True)),
        (unit(START), [unread("/d")], missed("/env"), KubeletCommand(A, unread="/d, /env")),
        (unit(START), [Read("/d", OK, ("1.conf",))], {}, KubeletCommand(A, True)),
        (unit(), [], {}, KubeletCommand(unread="ExecStart starts no kubelet")),
        (
            unit(("ExecStart", "/bin/true")),
            [unread("/d")],
            {},
            KubeletCommand(unread="/d, ExecStart starts no kubelet"),
        ),
        (
            unit(("ExecStart", "kubelet --config")),
            [unread("/d")],
            {},
            KubeletCommand(unread=f"/d, {REFUSED}--config has no value"),
        ),
        (None, [], {}, KubeletCommand()),
        (unread("/unit"), [], {}, KubeletCommand(unread="/unit")),
        (unread("/unit", GONE), [], {}, KubeletCommand()),
        (None, [], FLAGS, KubeletCommand(B)),
        (unread("/unit"), [], FLAGS, KubeletCommand(B, unread="/unit")),
        (unread("/unit", GONE), [], FLAGS, KubeletCommand(B)),
        (None, [], missed(DEFAULT), KubeletCommand(unread=DEFAULT)),
        (None, [], missed(DEFAULT, GONE), KubeletCommand()),
        (None, [], missed("/env"), KubeletCommand(unread="/env")),
        (None, [unit(("Environment", "KUBELET_CONFIG_FILE_FLAGS=--config=/a"))], {}, KubeletCommand(A)),
        (None, [Read("/d", OK, ("1.conf",))], {}, KubeletCommand()),
        (None, [unit(("Environment", "KUBELET_CONFIG_FILE_FLAGS=--config=/a"))], FLAGS, KubeletCommand(B)),
        (None, [unread("/d")], FLAGS, KubeletCommand(B, unread="/d")),
    ],
)
def test_the_flags_are_those_of_unit_drop_ins_and_environment_files(
    main: Read[ServiceUnit] | None,
    drop_ins: Sequence[Read[ServiceUnit] | Read[tuple[str, ...]]],
    files: Mapping[str, Read[Environment]],
    expected: KubeletCommand,
) -> None:
    """A6: all of them are known where the unit was read and nothing that it names was not."""
    assert linux_command(main, drop_ins, files, DEFAULT) == expected


@pytest.mark.parametrize(
    "name",
    [
        "KUBELET_TLS_BOOTSTRAP_FLAGS",
        "KUBELET_CONFIG_FILE_FLAGS",
        "KUBELET_CONTAINERD_FLAGS",
        "KUBELET_CONTAINER_RUNTIME_FLAG",
        "KUBELET_CGROUP_FLAGS",
        "KUBELET_FLAGS",
    ],
)
def test_a_unit_that_cannot_be_seen_is_taken_to_be_that_of_aks(name: str) -> None:
    """Which has these variables in its ExecStart (AgentBaker, kubelet.service)."""
    assert linux_command(None, [], variables(**{name: "--config=/b"}), DEFAULT) == KubeletCommand(B)
    other = linux_command(None, [], variables(KUBELET_OTHER="--config=/b"), DEFAULT)
    assert other == KubeletCommand()


@pytest.mark.parametrize(
    ("main", "drop_ins", "paths"),
    [
        (None, [], ()),
        (unread("/unit"), [unread("/d/1.conf")], ()),
        (unit(NAMED, START, ("EnvironmentFile", "-/other")), [], ("/env", "/other")),
        (unit(NAMED), [unit(OPTIONAL, ("EnvironmentFile", "/other"))], ("/env", "/other")),
        (unit(NAMED), [unit(("EnvironmentFile", ""), ("EnvironmentFile", "/other"))], ("/other",)),
        (None, [unit(NAMED)], ("/env",)),
        (unit(("Environment", "")), [unit(NAMED), unit(("Environment", ""))], ("/env",)),
    ],
)
def test_an_environment_file_is_named_by_a_unit_or_a_drop_in(
    main: Read[ServiceUnit] | None, drop_ins: Sequence[Read[ServiceUnit]], paths: tuple[str, ...]
) -> None:
    """Once, and until an empty assignment forgets it."""
    assert named_environment_files(main, drop_ins) == paths


def test_only_two_statuses_say_that_a_file_is_not_there() -> None:
    assert set(ABSENT) == {FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED}


def test_the_environment_of_aks_names_the_kubelets_flags() -> None:
    """A file without the line is malformed: no KUBELET_FLAGS is not the same as no flags."""
    assert kubelet_environment(b"A=1\nKUBELET_FLAGS=\n") == {"A": "1", "KUBELET_FLAGS": ""}
    with pytest.raises(ValueError, match=r"\Ano KUBELET_FLAGS\Z"):
        kubelet_environment(b"KUBELET_NODE_LABELS=a=b\n")


SECTION = "SecureTLSBootstrapArgs"


def windows(*, kubelet: object = None, kubernetes: object = None, top: object = None, **more: object) -> bytes:
    """A configuration with a section of secure TLS bootstrapping at one or more of its places."""

    def with_section(found: dict[str, object], section: object) -> dict[str, object]:
        return found if section is None else {**found, SECTION: section}

    inner = with_section({"ConfigArgs": ["--config", "c:\\k\\c"], **more}, kubelet)
    return json.dumps(with_section({"Kubernetes": with_section({"Kubelet": inner}, kubernetes)}, top)).encode()


ON, OFF = {"Enabled": True}, {"Enabled": False}


@pytest.mark.parametrize(
    ("content", "enabled"),
    [
        (windows(), False),
        (windows(kubelet=ON), True),
        (windows(kubernetes=ON), True),
        (windows(top=ON), True),
        (windows(kubelet=OFF, kubernetes=ON, top=ON), False),
        (windows(kubelet=ON, kubernetes=OFF, top=OFF), True),
        (windows(kubernetes=OFF, top=ON), False),
        (windows(kubelet="x", top=ON), True),
        (windows(kubelet={}, top=ON), False),
        *((windows(top={"Enabled": word}), True) for word in ("true", "TRUE", "t", "T", "1", 1)),
        *((windows(top={"Enabled": word}), False) for word in ("false", "", "0", "yes", "tr", 0, None)),
    ],
)
def test_secure_tls_bootstrapping_is_on_where_its_section_says_so(content: bytes, enabled: bool) -> None:
    """Below the kubelet's section, below that of Kubernetes or at the top: the first counts."""
    assert windows_arguments(content) == WindowsArguments(("--config", "c:\\k\\c"), enabled)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--a", "--b c"], ("--a", "--b", "c")),
        ("--a --b", ("--a", "--b")),
        ([], ()),
        ("", ()),
        (None, ()),
    ],
)
def test_windows_arguments_are_one_command_line(arguments: object, words: tuple[str, ...]) -> None:
    assert windows_arguments(windows(ConfigArgs=arguments)) == WindowsArguments(words, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no Kubernetes.Kubelet"),
        ({"Kubernetes": []}, "no Kubernetes.Kubelet"),
        ({"Kubernetes": {}}, "no Kubernetes.Kubelet"),
        ({"Kubernetes": {"Kubelet": "--x"}}, "no Kubernetes.Kubelet"),
        (
            {"Kubernetes": {"Kubelet": {"ConfigArgs": {"--x": 1}}}},
            "Kubernetes.Kubelet.ConfigArgs is not a list of strings",
        ),
        (
            {"Kubernetes": {"Kubelet": {"ConfigArgs": ["--x", 1]}}},
            "Kubernetes.Kubelet.ConfigArgs is not a list of strings",
        ),
        ([], "not a JSON object"),
    ],
)
def test_a_windows_configuration_of_another_form_says_nothing(content: object, words: str) -> None:
    """A6: and what it lacks is told."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        windows_arguments(json.dumps(content).encode())
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (None, KubeletCommand()),
        (Read("/k.json", FileStatus.MALFORMED), KubeletCommand(unread="/k.json")),
        (Read("/k.json", GONE), KubeletCommand()),
        (Read("/k.json", FileStatus.NOT_EXPECTED), KubeletCommand()),
        (Read("", OK, WindowsArguments(("--config=/a",), False)), KubeletCommand(A, True)),
        (Read("", OK, WindowsArguments((), True)), KubeletCommand()),
        (Read("", OK, WindowsArguments(("--config",), True)), KubeletCommand(unread=f"{REFUSED}--config has no value")),
    ],
)
def test_a_windows_kubelet_starts_with_its_arguments(
    read: Read[WindowsArguments] | None, expected: KubeletCommand
) -> None:
    """A6: a kubelet that does not start with its flags was started with others."""
    assert windows_command(read) == expected
