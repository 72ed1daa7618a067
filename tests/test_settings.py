"""Settings: one declaration, four places, clear refusals."""

from pathlib import Path

import pytest

from exporter.settings import SETTINGS, Command, Settings, SettingsError, resolve
from exporter.values import port, service, word


def node(tmp_path: Path, text: str = "", flags: dict[str, object] | None = None, **environment: str) -> Settings:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    return resolve(Command.NODE, {"config_file": str(file), **(flags or {})}, environment)


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    """For each place in turn."""
    file = "log.level: error\nweb: {listen-address: '127.0.0.1:1'}\nnode-name: of-the-file\n"
    found = node(tmp_path, file, {"log_level": "debug"}, AKSCERT_LOG_LEVEL="warning", AKSCERT_NODE_NAME="of-ours")
    assert (found.log_level, found.node_name) == ("debug", "of-ours")
    assert found.web_listen_address == ("127.0.0.1", 1)
    assert found.log_format == "text"
    assert "log_format" not in found.explicit
    assert {"log_level", "node_name", "web_listen_address"} <= found.explicit


def test_the_pods_own_variables_are_the_lowest_of_the_environment(tmp_path: Path) -> None:
    """NODE_NAME and HOST_IP come from the chart."""
    found = node(tmp_path, NODE_NAME="aks-1", HOST_IP="10.224.0.4")
    assert (found.node_name, found.kubelet_address) == ("aks-1", ("10.224.0.4", 10250))
    assert node(tmp_path, HOST_IP="fd00::4").kubelet_address == ("fd00::4", 10250)
    assert node(tmp_path, HOST_IP="10.224.0.4", AKSCERT_KUBELET_ADDRESS="").kubelet_address is None
    assert node(tmp_path).kubelet_address is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web.listen-addres: x", "settings.yaml: unknown key web.listen-addres"),
        ("web: {listen: x}", "settings.yaml: unknown key web.listen"),
        ("log: {level: loud}", "settings.yaml: log.level: not one of"),
        ("log.level: debug\nlog: {level: info}", "settings.yaml: log.level appears twice"),
        ("log.level: 7", "settings.yaml: log.level: not one of"),
        ("web.listen-address: 9964", "settings.yaml: web.listen-address: not a string: 9964"),
        ("web.listen-address: '9964'", "settings.yaml: web.listen-address: not HOST:PORT"),
        ("web.listen-address: 'a:99999'", "settings.yaml: web.listen-address: not HOST:PORT"),
        ("kubelet-address: ':10250'", "settings.yaml: kubelet-address: not HOST:PORT"),
        ("host-root: /no/such/place", "settings.yaml: host-root: not a directory"),
        ("[1]", "settings.yaml: not a mapping of settings"),
        ("a: b: c", "settings.yaml:1: not YAML"),
        ("log.level: 2001-99-99", "settings.yaml: not YAML: month must be in 1..12"),
        ("log.level: !!bool x", "settings.yaml: not YAML: a value does not fit its tag"),
        ("log.level: !!int x", "settings.yaml: not YAML: a value does not fit its tag"),
        ('node-name: "a\\nb"', "settings.yaml: node-name: holds a control character"),
        ('node-name: "\\ud800"', "settings.yaml: node-name: holds half of a character"),
        ('host-root: "/\\uDCFF"', "settings.yaml: host-root: not a directory"),
        ("paths: 7", "settings.yaml: paths: not a mapping"),
        ("paths: {preset: mac}", "settings.yaml: paths.preset: not one of"),
        ("log.level: true", "settings.yaml: log.level: not one of"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    """Nothing is ignored and nothing is guessed."""
    with pytest.raises(SettingsError) as refused:
        node(tmp_path, text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


CLUSTER_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/prod"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AKSCERT_AZURE_RESOURCE_ID", CLUSTER_ID.lower(), ""),
        ("AKSCERT_AZURE_RESOURCE_ID", "", ""),
        ("AKSCERT_AZURE_RESOURCE_ID", f"{CLUSTER_ID}/agentPools/np", "not /subscriptions/"),
        ("AKSCERT_AZURE_RESOURCE_ID", "prod", "not /subscriptions/"),
        ("AKSCERT_QUIET", "true", ""),
        ("AKSCERT_QUIET", "maybe", "not true or false"),
        ("AKSCERT_AZURE_ENABLED", "on", "not one of auto, true, false"),
    ],
)
def test_a_clusters_settings_have_one_form(name: str, value: str, message: str) -> None:
    """The name of the variable is told with it."""
    if not message:
        assert resolve(Command.CHECK, {}, {name: value})
        return
    with pytest.raises(SettingsError, match=f"{name}.*{message}"):
        resolve(Command.CHECK, {}, {name: value})


def test_a_list_is_neither_true_nor_false(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("preflight: []")
    with pytest.raises(SettingsError, match=r"settings\.yaml: preflight: not true or false: \[\]$"):
        resolve(Command.CHECK, {"config_file": str(file)}, {})


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Absent, a directory, or not text."""
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(SettingsError, match=str(path)):
            resolve(Command.NODE, {"config_file": str(path)}, {})
    junk = tmp_path / "junk"
    junk.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not YAML"):
        resolve(Command.NODE, {"config_file": str(junk)}, {})


def test_a_repeatable_setting_is_a_list_in_every_place(tmp_path: Path) -> None:
    """By flags, in the file, and separated by commas in the environment."""
    expected = (("a", 443), ("::1", 6443))
    file = tmp_path / "settings.yaml"
    file.write_text("apiserver-address: ['a:443', '[::1]:6443']")
    for flags, environment in (
        ({"apiserver_address": ["a:443", "[::1]:6443"]}, {}),
        ({}, {"AKSCERT_APISERVER_ADDRESS": "a:443,[::1]:6443"}),
        ({"config_file": str(file)}, {}),
    ):
        assert resolve(Command.CLUSTER, flags, environment).apiserver_address == expected
    assert resolve(Command.CLUSTER, {}, {}).apiserver_address == ()


@pytest.mark.parametrize(("text", "seconds"), [("90d", 7776000.0), ("12h", 43200.0), ("1y", 31536000.0), ("", None)])
def test_a_duration_has_a_unit(text: str, seconds: float | None) -> None:
    """A bare number is refused: nobody knows its unit."""
    assert resolve(Command.CHECK, {"max_age": text}, {}).max_age == seconds
    for wrong in ("90", "0d", "-1d", "d", "1.5d"):
        with pytest.raises(SettingsError, match="--max-age: not a duration"):
            resolve(Command.CHECK, {"max_age": wrong}, {})


def test_an_endpoint_is_an_https_url_without_credentials() -> None:
    """A token must not travel in the clear, and a password not in a setting."""
    assert resolve(Command.CLUSTER, {"azure_endpoint": "https://x.example/"}, {}).azure_endpoint == "https://x.example"
    for wrong in ("http://x.example", "https://user:secret@x.example", "x.example"):
        with pytest.raises(SettingsError, match=r"--azure\.endpoint: not an https:// URL"):
            resolve(Command.CLUSTER, {"azure_endpoint": wrong}, {})


def test_every_setting_has_a_default_that_it_accepts_itself() -> None:
    """Also those that a command can leave unset."""
    for command in Command:
        found = resolve(command, {}, {})
        for setting in SETTINGS:
            if command in setting.commands:
                assert getattr(found, setting.attribute) is not NotImplemented


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kubelets.port: 0", "kubelets.port: not a port"),
        ("kubelets: {port: 70000}", "kubelets.port: not a port"),
        ("kubelets: {port: true}", "kubelets.port: not a string"),
        ("node-agents.service: name", "node-agents.service: not NAMESPACE/NAME"),
        ("node-agents.service: a/b/c", "node-agents.service: not NAMESPACE/NAME"),
        ("node-agents.service: Upper/case", "node-agents.service: not NAMESPACE/NAME"),
        ("kubelets.interval: 0m", "kubelets.interval: not a duration"),
    ],
)
def test_a_port_and_a_service_have_one_form(tmp_path: Path, text: str, message: str) -> None:
    """What is neither is refused in one line."""
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        resolve(Command.CLUSTER, {"config_file": str(file)}, {})


def test_a_port_and_a_service_are_read() -> None:
    """A port as a number or as text."""
    assert port(10250) == port("10250") == 10250
    assert (port(1), port("65535")) == (1, 65535)
    for other in (0, 65536, "-1", True):
        with pytest.raises(ValueError, match=r"^not a (port|string)$"):
            port(other)
    assert service("aks-cert-exporter/node-agents") == ("aks-cert-exporter", "node-agents")
    assert service("") is None


@pytest.mark.parametrize(("length", "shown"), [(78, f"'{'x' * 78}'"), (79, f"'{'x' * 76}…")])
def test_a_value_is_quoted_up_to_eighty_characters(length: int, shown: str) -> None:
    with pytest.raises(SettingsError) as raised:
        resolve(Command.NODE, {"web_listen_address": "x" * length}, {})
    assert str(raised.value) == f"--web.listen-address: not HOST:PORT: {shown}"


def test_what_takes_the_place_of_a_value_in_help_texts() -> None:
    shown = {one.flag: one.placeholder for one in SETTINGS}
    assert (shown["config.file"], shown["log.format"], shown["azure.enabled"]) == (
        "FILE",
        "text|json",
        "auto|true|false",
    )


@pytest.mark.parametrize("preset", ["auto", "aks-linux", "aks-windows"])
def test_the_preset_of_the_paths_is_a_key_of_their_section(tmp_path: Path, preset: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"paths: {{preset: {preset}, evidence: {{kubeconfig: /x}}}}")
    found = resolve(Command.NODE, {"config_file": str(file)}, {})
    assert (found.paths_preset, found.paths) == (preset, {"evidence": {"kubeconfig": "/x"}})


def test_a_file_that_is_no_text_is_told_by_its_first_wrong_byte(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError) as raised:
        resolve(Command.NODE, {"config_file": str(file)}, {})
    assert str(raised.value) == (
        f"{file}: not YAML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    )


def test_the_words_of_a_switch_are_told_in_their_order() -> None:
    words = {one.parse.words for one in SETTINGS if isinstance(one.parse, word) and "true" in one.parse.words}
    assert words == {("true", "false"), ("auto", "true", "false")}
