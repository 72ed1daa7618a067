"""A real API server's binaries (kube-apiserver, kube-controller-manager, etcd) for the tests: where they lie.

Taken from the folder KUBEBUILDER_ASSETS where the first and the last are there (as users of envtest have them), else
built: Debian's source package of Kubernetes holds the whole tree with its dependencies, Debian has a Go that is right
for it, and etcd. All of it comes through apt into a private folder, so that nothing is installed and no rights are
needed. Some ten minutes of processor time, once; the result is kept in .cache/apiserver.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Binaries", "binaries", "main"]

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "apiserver"
SUITE = "bookworm"
"""The last Debian whose source package of Kubernetes is whole: later ones hold only the client."""
GO = "golang-1.19"
"""Go of that suite; newer ones refuse the old dependencies in the tree."""
COMMANDS = ("kube-apiserver", "kube-controller-manager")
TREE = "k8s.io/kubernetes"
OPENAPI = f"{TREE}/pkg/generated/openapi"


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the programs. Without a controller manager (envtest has none) nobody signs."""

    apiserver: Path
    etcd: Path
    controller_manager: Path | None


def binaries() -> Binaries:
    """The programs from KUBEBUILDER_ASSETS or the cache, built first where need be. RuntimeError: cannot be had."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        folder = Path(assets)
        if missing := [name for name in ("kube-apiserver", "etcd") if not (folder / name).is_file()]:
            raise RuntimeError(f"KUBEBUILDER_ASSETS={assets} lacks {', '.join(missing)}")
        manager = folder / "kube-controller-manager"
        return Binaries(folder / "kube-apiserver", folder / "etcd", manager if manager.is_file() else None)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits, and finds it done
        if not all((CACHE / name).is_file() for name in (*COMMANDS, "etcd")):
            _build()
    return Binaries(CACHE / "kube-apiserver", CACHE / "etcd", CACHE / "kube-controller-manager")


def _build() -> None:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise RuntimeError(f"{tool} is missing: on this system set KUBEBUILDER_ASSETS to a folder of binaries")
    for stale in CACHE.glob("build-*"):  # of a build that was ended
        shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="build-") as name:
        work = Path(name)
        _download(work)
        _say("unpacking the source and Go")
        for package in work.glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(work / "root")], work)
        _keep(work / "root/usr/bin/etcd")
        go, environment = _go(work)
        _unpack(work)
        version = _version(work)
        _say("generating the OpenAPI definitions")
        _openapi(go, environment, work)
        flags = " ".join(
            f"-X {prefix}k8s.io/{module}.{variable}={value}"
            for prefix in ("", f"{TREE}/vendor/")
            for module in ("component-base/version", "client-go/pkg/version")
            for variable, value in (
                ("gitVersion", f"v{version}"),
                ("gitMajor", version.split(".")[0]),
                ("gitMinor", version.split(".")[1]),
            )
        )
        for command in COMMANDS:
            _say(f"building {command} {version} (minutes)")
            target = work / command
            build = [go, "build", "-o", str(target), "-ldflags", f"-s -w {flags}", f"{TREE}/cmd/{command}"]
            _run(build, work, environment)
            _keep(target)


def _download(work: Path) -> None:
    mirror, signed_by = _mirror()
    lines = [f"{kind}{signed_by} {mirror} {SUITE} main\n" for kind in ("deb", "deb-src")]
    sources = work / "sources.list"
    sources.write_text("".join(lines))
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    apt = ["apt-get", "-qq"]
    for option, value in (
        ("Dir::Etc::SourceList", sources),
        ("Dir::Etc::SourceParts", "/dev/null"),
        ("Dir::State::Lists", work / "lists"),
        ("Dir::Cache", work / "cache"),
        ("Acquire::Languages", "none"),
        ("APT::Sandbox::User", ""),  # the private folder is only ours
    ):
        apt += ["-o", f"{option}={value}"]
    _say(f"downloading Kubernetes' source, Go and etcd of Debian {SUITE}")
    _run([*apt, "update"], work)
    _run([*apt, "source", "--download-only", "kubernetes"], work)
    _run([*apt, "download", "etcd-server", f"{GO}-go", f"{GO}-src"], work)


def _mirror() -> tuple[str, str]:
    """The Debian mirror this machine is set up with, and the option that names Debian's keys."""
    form = "$(LABEL) $(REPO_URI)"
    told = subprocess.run(["apt-get", "indextargets", "--format", form], check=False, capture_output=True, text=True)
    known = [line.split(" ", 1)[1] for line in told.stdout.splitlines() if line.startswith("Debian ")]
    keys = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    return known[0] if known else "http://deb.debian.org/debian/", f" [signed-by={keys}]" if keys.exists() else ""


def _go(work: Path) -> tuple[str, dict[str, str]]:
    root = work / "root/usr/lib" / GO.replace("golang", "go")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "GOROOT": str(root),
        "GOPATH": str(work / "gopath"),
        "GOCACHE": str(work / "gocache"),
        "GOTMPDIR": str(work),
        "GO111MODULE": "off",  # the tree carries its dependencies
        "CGO_ENABLED": "0",
        "GOFLAGS": "",
    }
    return str(root / "bin/go"), environment


def _unpack(work: Path) -> None:
    (archive,) = work.glob("kubernetes_*.orig.tar.*")
    target = work / "gopath/src" / TREE
    target.parent.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(work / "tree", filter="tar")
    (top,) = (work / "tree").iterdir()
    top.rename(target)


def _version(work: Path) -> str:
    (archive,) = work.glob("kubernetes_*.orig.tar.*")
    return archive.name.removeprefix("kubernetes_").split(".orig")[0].split("really")[-1].split("+")[0]


def _openapi(go: str, environment: dict[str, str], work: Path) -> None:
    """Kubernetes' Makefile generates this package; the rest of what it generates is in the tree."""
    source = work / "gopath/src"
    search = ["grep", "-rl", "--include=*.go", "--exclude-dir=_output", "--exclude-dir=testdata"]
    search += ["// *+k8s:openapi-gen=", "."]
    found = subprocess.run(search, check=False, capture_output=True, text=True, cwd=source / TREE)
    files = [Path(line) for line in found.stdout.splitlines()]
    folders = sorted({f"{TREE}/{file.parent}".replace("/staging/src/", "/vendor/") for file in files})
    folders = [folder for folder in folders if "/vendor/k8s.io/code-generator" not in folder]
    generator = work / "openapi-gen"
    _run([go, "build", "-o", str(generator), f"{TREE}/vendor/k8s.io/kube-openapi/cmd/openapi-gen"], work, environment)
    command = [str(generator), "-i", ",".join(folders), "-p", OPENAPI, "-O", "zz_generated.openapi"]
    command += ["-h", str(source / TREE / "hack/boilerplate/boilerplate.generatego.txt")]
    command += ["-r", str(work / "violations.txt"), "--output-base", str(source)]
    _run(command, source / TREE, {**environment, "PATH": f"{Path(go).parent}:{environment['PATH']}"})


def _keep(program: Path) -> None:
    target = CACHE / program.name
    shutil.copy2(program, target.with_suffix(".part"))
    target.with_suffix(".part").rename(target)


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{Path(command[0]).name} {command[1]} failed with status {done.returncode}:\n{last}")


def _say(words: str) -> None:
    print(f"apiserver: {words}", flush=True)


def main() -> int:
    """Make sure that the binaries are there and print where."""
    try:
        found = binaries()
    except RuntimeError as error:
        print(f"apiserver: {error}", file=sys.stderr)
        return 1
    for path in (found.apiserver, found.controller_manager, found.etcd):
        if path is not None:
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
