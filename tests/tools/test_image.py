"""How the image's build takes over the settings of the machine it runs on."""

from pathlib import Path

from exporter import __version__
from tools import image


def test_pip_s_index_and_timeout_travel_into_the_build() -> None:
    listing = "global.index-url='https://user:word@mirror.example/simple'\n:env:.timeout='60'\n"
    assert image.pip_settings(listing) == {"index-url": "https://user:word@mirror.example/simple", "timeout": "60"}


def test_the_environment_beats_pip_s_files() -> None:
    assert image.pip_settings("global.timeout='15'\n:env:.timeout='60'\n") == {"timeout": "60"}


def test_a_folder_of_this_machine_does_not_travel_since_the_build_has_it_not() -> None:
    assert image.pip_settings("global.find-links='/srv/wheels'\nglobal.cert='/etc/ca.pem'\n") == {}


def test_settings_of_other_pip_commands_do_not_travel() -> None:
    assert image.pip_settings("download.timeout='9'\nglobal.quiet='1'\n") == {}


def test_several_extra_indexes_stay_several() -> None:
    assert image.pip_settings(r"global.extra-index-url='\nhttps://a.example\nhttps://b.example'") == {
        "extra-index-url": "\nhttps://a.example\nhttps://b.example"
    }


def test_the_ca_bundle_is_the_one_pip_was_told_to_use(tmp_path: Path) -> None:
    bundle, other = tmp_path / "pip.pem", tmp_path / "ssl.pem"
    bundle.touch()
    other.touch()
    assert image.ca_bundle({"PIP_CERT": str(bundle), "SSL_CERT_FILE": str(other)}) == bundle
    assert image.ca_bundle({"PIP_CERT": str(tmp_path / "absent"), "SSL_CERT_FILE": str(other)}) == other


def test_the_version_is_read_without_importing_the_project() -> None:
    assert image.version() == __version__


def test_the_build_command_names_base_revision_version_and_secrets() -> None:
    words = list(image.command("podman", "x:1", "localhost/base", {"pip-conf": Path("/p")}))
    assert words[:2] == ["podman", "build"]
    assert {"BASE=localhost/base", f"VERSION={__version__}", f"REVISION={image.revision()}", "id=pip-conf,src=/p"} <= {
        *words
    }


def test_without_a_base_the_dockerfile_s_own_is_used() -> None:
    assert not [word for word in image.command("docker", "x:1", "", {}) if word.startswith("BASE=")]
