"""Builds the container images with one engine that works here: python3 tools/image.py [--push] [--registry HOST] …

Two images: the cluster agent's (with everything) and the node agent's, whose name ends in `-node`. They are built for
linux/amd64 unless told otherwise, whatever this machine is: an image for another processor than the nodes' starts
nowhere, and says only "exec format error".

The builder's pip settings (index, proxy, timeout …) and CA certificates go into the build stage, so that a mirror
behind a company's CA works; nothing of that stage but the installed packages reaches an image. Only the standard
library is used, so any Python runs this.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINES = {
    "docker": (["docker", "info"], ["docker", "buildx", "version"]),
    "podman": (["podman", "info"],),
    "buildah": (["buildah", "info"],),
}
"""Engine and commands that succeed only if it can build: a mere docker client has no engine behind it."""

TARGETS = {"cluster": "", "node": "-node"}
"""Target of the Dockerfile, and the end of its image's name."""

PLATFORM = "linux/amd64"
PIP_KEYS = frozenset({"index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries", "find-links"})
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
CONTEXT = (
    *("Dockerfile", "Dockerfile.minimal", ".dockerignore", "LICENSE", "README.md", "pyproject.toml"),
    *("exporter", "docs/runbooks", "image"),
    *("requirements.lock", "requirements-node.lock", "requirements-build.lock"),
)
"""What the Dockerfiles copy, and they themselves."""


def engine(wanted: str = "") -> str | None:
    """The engine that is wanted, else the first that answers; None where it cannot build."""
    for name, probes in ENGINES.items():
        here = wanted in {"", name} and shutil.which(name) is not None
        if here and not any(subprocess.run(probe, capture_output=True, check=False).returncode for probe in probes):
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


def context(folder: Path, settings: Mapping[str, str], bundle: Path | None) -> Path:
    """Lay out what is built from: the project's files, with this machine's pip settings and CA certificates."""
    folder.mkdir()
    for name in CONTEXT:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy2(source, target)
    lines = ["{} = {}".format(key, value.replace("\n", "\n  ")) for key, value in settings.items()]
    if bundle is not None:
        shutil.copyfile(bundle, folder / "image" / "ca-certificates.crt")
        lines.append("cert = /build/image/ca-certificates.crt")
    if lines:
        (folder / "image" / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    return folder


def git(*words: str) -> str:
    """What git says about the work tree; empty where it is none."""
    answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def revision() -> str:
    """The commit in the work tree, marked where files differ from it."""
    return git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty") or "unknown"


def epoch() -> str:
    """When that commit was made, in Unix time: the date of every file, so that two builds give one digest."""
    return os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or "0"


def version(root: Path = ROOT) -> str:
    """The version that exporter/__init__.py declares."""
    for statement in ast.parse((root / "exporter/__init__.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__version__":
            return str(ast.literal_eval(statement.value))
    raise ValueError("exporter/__init__.py declares no __version__")


def named(tag: str, end: str) -> str:
    """An image's name with an end put before its tag: `x/y:1` and `-node` make `x/y-node:1`."""
    name, colon, rest = tag.rpartition(":")
    if not colon or "/" in rest:  # the colon is a port's, or there is none
        return tag + end
    return f"{name}{end}:{rest}"


def commands(
    name: str, tag: str, arguments: Mapping[str, str], folder: Path, platforms: str, *words: str, push: bool
) -> Iterator[Sequence[str]]:
    """The engine's command lines for one image. Raises ValueError for what it cannot do."""
    common = [f"--platform={platforms}"]
    common += [word for key, value in arguments.items() if value for word in ("--build-arg", f"{key}={value}")]
    common += words
    if name == "docker":
        if "," in platforms and not push:
            raise ValueError("docker keeps an image for one platform only; for several, push them (PUSH=yes)")
        output = f"type=registry,name={tag},rewrite-timestamp=true" if push else f"type=docker,name={tag}"
        stamp = ("--build-arg", f"SOURCE_DATE_EPOCH={epoch()}")
        yield ("docker", "buildx", "build", *common, *stamp, "--provenance=false", f"--output={output}", str(folder))
        return
    build = ("buildah", "bud", "--format=oci") if name == "buildah" else ("podman", "build", "--format=oci")
    several = "," in platforms
    yield (*build, *common, f"--timestamp={epoch()}", "--manifest" if several else "--tag", tag, str(folder))
    if push:
        yield (name, "manifest", "push", "--all", tag, f"docker://{tag}") if several else (name, "push", tag)


def archived(tag: str) -> str:
    """A file's name for an image: `contoso.azurecr.io/x/y:1` becomes `y-1`."""
    return tag.rpartition("/")[2].replace(":", "-")


def saving(name: str, tag: str, file: Path) -> Sequence[str]:
    """The engine's command that writes an image into an OCI archive."""
    if name == "buildah":
        return (name, "push", tag, f"oci-archive:{file}:{tag.rpartition(':')[2]}")
    if name == "podman":
        return (name, "save", "--format=oci-archive", f"--output={file}", tag)
    return (name, "save", f"--output={file}", tag)  # an OCI layout since Docker 25


def main() -> int:
    """Build, and return the engine's exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", default="", help="name and tag of the cluster agent's image")
    parser.add_argument("--registry", default="", help="registry that comes before the default name")
    parser.add_argument("--base", default="", help="base image; without it the Dockerfile's own")
    parser.add_argument("--platform", default=PLATFORM, help=f"such as linux/amd64,linux/arm64; default {PLATFORM}")
    parser.add_argument("--target", choices=sorted(TARGETS), help="only one of the two images")
    parser.add_argument("--engine", choices=sorted(ENGINES), default="", help="the one to use, whatever else is here")
    parser.add_argument("--minimal", action="store_true", help="without shell and package manager: Dockerfile.minimal")
    parser.add_argument("--push", action="store_true", help="push each image after it was built")
    parser.add_argument("--archive", default="", help="directory for an OCI archive of each image")
    options = parser.parse_args()
    name = engine(options.engine)
    if name is None:
        wanted = options.engine or f"one of {', '.join(ENGINES)}"
        print(f"an image needs {wanted}, able to build (docker with buildx); it is not here", file=sys.stderr)
        return 1
    default = f"{options.registry.rstrip('/')}/" if options.registry else ""
    tag = options.tag or f"{default}aks-cert-exporter:{version()}"
    facts = {"REVISION": revision(), "VERSION": version(), "SOURCE": os.environ.get("SOURCE", "")}
    with tempfile.TemporaryDirectory() as work:
        folder = context(Path(work, "context"), pip_settings(pip_listing()), ca_bundle(os.environ))
        for target in [options.target] if options.target else TARGETS:
            whole = named(tag, TARGETS[target])
            steps: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
                (whole, {**facts, "BASE": options.base}, ("--file", f"{folder}/Dockerfile", f"--target={target}"))
            ]
            if options.minimal:
                part = named(tag, f"{TARGETS[target]}-full")
                last = (whole, {**facts, "IMAGE": part}, ("--file", f"{folder}/Dockerfile.minimal"))
                steps = [(part, *steps[0][1:]), last]
            for one, arguments, words in steps:
                print(f"building {one} with {name} for {options.platform}", flush=True)
                push = options.push and one == whole
                file = Path(options.archive, f"{archived(whole)}.oci.tar") if options.archive and one == whole else None
                try:
                    for line in commands(name, one, arguments, folder, options.platform, *words, push=push):
                        subprocess.run(line, check=True)
                    if file is not None:
                        file.unlink(missing_ok=True)  # buildah adds to an archive that is there
                        subprocess.run(saving(name, one, file), check=True)
                except ValueError as error:
                    print(error, file=sys.stderr)
                    return 1
                except subprocess.CalledProcessError as error:
                    return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
