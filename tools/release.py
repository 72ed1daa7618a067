"""Everything that a release publishes, made here and published nowhere: `make release` (dry run), into dist/.

The wheel and the source distribution lie in dist/ already (`make package`). With IMAGE_DIGEST and NODE_IMAGE_DIGEST the
chart names the images by them. Image archives are made where an engine can build.
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tools import image, sbom, versions
from tools.generated import ROOT
from tools.helm import binary

__all__ = ["archive", "main", "pinned"]

DIST = ROOT / "dist"
CHART = ROOT / "helm" / "aks-cert-exporter"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
BUNDLES = {
    "rules": ("helm/aks-cert-exporter/files/rules/*.yaml", "helm/aks-cert-exporter/files/alertmanager/*.yaml"),
    "dashboards": ("helm/aks-cert-exporter/files/dashboards/*.json", "dashboards/*.json"),
}
"""Archives for those who do not use the chart; a file that is found twice is the same one."""
FILES = {"azure/rule-groups.json": "azure-rule-groups", "docs/azure-role.json": "azure-role", "docs/vex.json": "vex"}
"""Files that go along by another name."""


def pinned(values: str, digests: Mapping[str, str]) -> str:
    """The chart's values with the digests of the cluster agent's (`image`) and the node agent's image (`node.image`).

    Raises ValueError for what is no digest, or where the values have no place for it.
    """
    for key, digest in digests.items():
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"not a digest: {digest}")
        above = {"image": r"^image:\n", "node.image": r"^node:\n(?:  .*\n)*?  image:\n"}[key]
        indent = "  " * (key.count(".") + 1)
        values, count = re.subn(
            rf'({above}(?:{indent}.*\n)*?{indent}digest: )""$', rf'\g<1>"{digest}"', values, count=1, flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(f"values.yaml has no empty {key}.digest")
    return values


def chart(digests: Mapping[str, str]) -> Path:
    """The packed chart."""
    with tempfile.TemporaryDirectory() as work:
        copy = Path(shutil.copytree(CHART, Path(work) / CHART.name))
        values = copy / "values.yaml"
        values.write_text(pinned(values.read_text(encoding="utf-8"), digests), encoding="utf-8")
        subprocess.run([binary("helm"), "lint", "--strict", copy], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([binary("helm"), "package", "--destination", DIST, copy], check=True, stdout=subprocess.DEVNULL)
    return DIST / f"{CHART.name}-{image.version()}.tgz"


def archive(target: Path, files: Iterable[Path], moment: int) -> Path:
    """Files in a gzipped tar archive whose bytes depend on nothing but them."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as opened:
        for name, file in sorted({file.name: file for file in files}.items()):
            entry = tarfile.TarInfo(f"{target.name.removesuffix('.tar.gz')}/{name}")
            entry.size, entry.mtime = file.stat().st_size, moment
            with file.open("rb") as stream:
                opened.addfile(entry, stream)
    target.write_bytes(gzip.compress(content.getvalue(), mtime=0))
    return target


def images() -> Iterator[Path]:
    """Both images as archives of the Open Container Initiative's layout; none where nothing here can build."""
    name = image.engine(os.environ.get("ENGINE", ""))
    if name is None:
        print("release: no docker, podman or buildah that can build: image archives are left out")
        return
    words = [sys.executable, "tools/image.py", f"--engine={name}", f"--archive={DIST}"]
    words += [f"--base={base}"] if (base := os.environ.get("BASE")) else []
    subprocess.run(words, cwd=ROOT, check=True)
    yield from (DIST / f"{whole}-{image.version()}.oci.tar" for whole in sbom.LOCKS)


def packages() -> Iterator[Path]:
    """The wheel and the source distribution that `make package` made. Raises FileNotFoundError."""
    for name in (
        f"aks_cert_exporter-{image.version()}-py3-none-any.whl",
        f"aks_cert_exporter-{image.version()}.tar.gz",
    ):
        if not (DIST / name).exists():
            raise FileNotFoundError(f"dist/{name} is missing: make package")
        yield DIST / name


def made(digests: Mapping[str, str]) -> Iterator[Path]:
    """Each file of the release, as it is made."""
    number, moment = image.version(), int(image.epoch())
    yield from packages()
    yield chart(digests)
    for name, patterns in BUNDLES.items():
        files = [file for pattern in patterns for file in ROOT.glob(pattern)]
        yield archive(DIST / f"aks-cert-exporter-{name}-{number}.tar.gz", files, moment)
    for source, name in FILES.items():
        yield Path(shutil.copyfile(ROOT / source, DIST / f"aks-cert-exporter-{name}-{number}.json"))
    for whole in sbom.LOCKS:
        bill = DIST / f"{whole}-{number}.cdx.json"
        bill.write_text(sbom.document(whole, datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
        yield bill
    # The krew manifest and what it points to, by `make package`.
    yield from (file for name in ("akscert.yaml", "kubectl-akscert-*.tar.gz") for file in sorted(DIST.glob(name)))
    yield from images()


def main() -> int:
    """Make all files, list them with their checksums, and say what would be published where."""
    tag = os.environ.get("TAG", "")
    if found := list(versions.disagreements(tag)):
        print("\n".join(f"release: {line}" for line in found), file=sys.stderr)
        return 1
    given = {"image": os.environ.get("IMAGE_DIGEST", ""), "node.image": os.environ.get("NODE_IMAGE_DIGEST", "")}
    digests = {key: digest for key, digest in given.items() if digest}
    DIST.mkdir(exist_ok=True)
    try:
        files = list(made(digests))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (DIST / "SHA256SUMS").write_text("".join(sums))
    (DIST / "NOTES.md").write_text(versions.notes() + "\n")
    for file in files:
        print(f"{file.stat().st_size:>12,}  dist/{file.name}")
    if not digests:
        print("the chart names its images by tag: IMAGE_DIGEST and NODE_IMAGE_DIGEST pin them")
    print(f"nothing was published. A tag v{image.version()} does that: docs/releasing.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
