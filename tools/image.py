"""Builds the container image with the first engine that works here: python3 tools/image.py [--tag T] [--base IMAGE].

The builder's pip settings (index, proxy, timeout …) and CA certificates reach the build as secrets, so that a mirror
behind a company's CA works and its password stays out of the image.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINES = {"docker": ["docker", "info"], "podman": ["podman", "info"], "buildah": ["buildah", "info"]}
"""Engine and a command that succeeds only if it can build: a docker client alone has no engine behind it."""

PIP_KEYS = frozenset({"index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries", "find-links"})
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def engine() -> str | None:
    """The first engine that answers."""
    for name, probe in ENGINES.items():
        if shutil.which(name) and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return name
    return None


def pip_settings(listing: str) -> dict[str, str]:
    """What a build elsewhere can use of `pip config list`; folders of this machine it cannot."""
    settings = {}
    for line in listing.splitlines():
        name, _, shown = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in {"global", "install", ":env:"} and key in PIP_KEYS:
            value = str(ast.literal_eval(shown))
            if key != "find-links" or "://" in value:
                settings[key] = value
    return settings


def pip_listing() -> str:
    """`pip config list`, or nothing where this Python has no pip."""
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return answer.stdout if answer.returncode == 0 else ""


def ca_bundle(environment: Mapping[str, str]) -> Path | None:
    """The CA certificates this machine trusts."""
    for name in (environment.get("PIP_CERT", ""), environment.get("SSL_CERT_FILE", ""), *CA_BUNDLES):
        if name and Path(name).is_file():
            return Path(name)
    return None


def revision() -> str:
    """The commit in the work tree, marked where files differ from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"


def version() -> str:
    """The version that exporter/__init__.py declares."""
    for statement in ast.parse((ROOT / "exporter/__init__.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__version__":
            return str(ast.literal_eval(statement.value))
    raise ValueError("exporter/__init__.py declares no __version__")


def command(name: str, tag: str, base: str, secrets: Mapping[str, Path]) -> Iterator[str]:
    """The engine's build command."""
    yield from ("buildah", "bud", "--format=docker") if name == "buildah" else (name, "build")
    yield from ("--file", str(ROOT / "Dockerfile"), "--tag", tag)
    yield from ("--build-arg", f"REVISION={revision()}", "--build-arg", f"VERSION={version()}")
    if base:
        yield from ("--build-arg", f"BASE={base}")
    for secret, path in secrets.items():
        yield from ("--secret", f"id={secret},src={path}")
    yield str(ROOT)


def main() -> int:
    """Build, and return the engine's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default=f"aks-cert-exporter:{version()}")
    parser.add_argument("--base", default="", help="base image; without it the Dockerfile's own")
    options = parser.parse_args()
    name = engine()
    if name is None:
        print(f"an image needs one of {', '.join(ENGINES)}, able to build; none is here", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "pip.conf")
        settings.touch(mode=0o600)
        lines = (
            "{} = {}".format(key, value.replace("\n", "\n  ")) for key, value in pip_settings(pip_listing()).items()
        )
        settings.write_text("\n".join(["[global]", *lines, ""]))
        secrets = {"pip-conf": settings}
        if (bundle := ca_bundle(os.environ)) is not None:
            secrets["ca-certificates"] = bundle
        print(f"building {options.tag} with {name}", flush=True)
        return subprocess.run(list(command(name, options.tag, options.base, secrets)), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
