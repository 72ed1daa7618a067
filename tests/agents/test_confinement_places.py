"""What a sealed node agent may still read (agents/node/confinement.py), as it follows from its settings."""

import logging
import sys
from pathlib import Path

import pytest

from exporter import presets
from exporter.agents.node import confinement
from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp
from exporter.settings import Command, Settings, resolve

PACKAGE = str(Path(__file__).parents[2] / "exporter")


def settings(**flags: str) -> Settings:
    return resolve(Command.NODE, flags, {})


def test_a_root_that_is_mounted_is_readable_as_a_whole(tmp_path: Path) -> None:
    assert list(confinement._host(settings(host_root=str(tmp_path)))) == [str(tmp_path)]


def test_of_this_machines_own_root_the_directories_of_the_table_are_readable() -> None:
    """Those of every preset, for which of them fits is told by the files that are there."""
    assert set(confinement._host(settings())) == {
        *("/etc/default", "/etc/kubernetes/certs", "/etc/systemd/system", "/opt/azure/containers"),
        *("/var/lib/kubelet", "/var/lib/kubelet/pki", "C:\\k", "C:\\k\\pki"),
    }
    assert len(list(confinement._tables(settings()))) == len(presets.PRESETS) == 2


def test_of_the_system_what_names_addresses_tls_and_time_take_is_readable() -> None:
    assert set(confinement._SYSTEM) == {
        *("/proc", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom"),
        *("/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/gai.conf"),
        *("/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/localtime", "/etc/ld.so.cache"),
    }


def test_paths_that_cannot_be_open_nothing(tmp_path: Path) -> None:
    """The agent itself says what is wrong with them."""
    file = tmp_path / "config.yml"
    file.write_text("paths: {nosuch: [/a]}\n")
    assert list(confinement._host(settings(config_file=str(file)))) == []


def test_the_interpreter_its_modules_and_the_package_are_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not the working directory, which is the empty string among the places of modules."""
    monkeypatch.setattr(sys, "path", ["", "/a", "/b"])
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix]
    assert list(confinement._python()) == ["/usr", "/lib", "/lib64", *prefixes, "/a", "/b", PACKAGE]
    programs = list(confinement._interpreter())
    assert programs[0] == sys.executable
    if sys.platform == "linux":
        assert any("ld-" in one for one in programs[1:])


def test_the_web_configuration_and_what_it_names_are_readable(tmp_path: Path) -> None:
    """Their directories: a mounted Secret is renewed by other links in them."""
    config, secret = tmp_path / "config", tmp_path / "secret"
    for folder in (config, secret):
        folder.mkdir()
    file = config / "web.yml"

    def places() -> list[str]:
        return list(confinement._web(settings(web_config_file=str(file))))

    assert list(confinement._web(settings())) == []
    assert places() == [str(config)]  # there is none yet
    file.write_text("basic_auth_users: {}\n")
    assert places() == [str(config)]
    file.write_text(f"tls_server_config: {{cert_file: {secret}/tls.pem, key_file: {config}/key.pem}}\n")
    from exporter.facts.x509 import certificates
    from tests.agents.nodes import CA, NOW

    pem = CA.kubelet_serving("a", NOW).pem
    for one in (secret / "tls.pem", config / "key.pem"):
        one.write_bytes(pem)
    assert certificates(pem)
    found = places()
    assert found[0] == str(config)
    assert set(found) == {str(config), str(secret)}


@pytest.mark.parametrize(("detail", "end"), [("", ""), ("too old", " (too old)")])
def test_how_far_it_is_sealed_is_one_line(detail: str, end: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    confinement.tell(Sandbox(4, FilesystemSeal.SEALED, NetworkSeal.TCP, Seccomp.FILTER, detail))
    assert caplog.messages == [f"sealed: Landlock 4, file system sealed, network tcp, seccomp filter{end}"]
