"""What an image is made of, as CycloneDX 1.6: the locked Python packages with their hashes, without the base image."""

import json
import re
from pathlib import Path
from typing import Any

from tools.image import ROOT, version

__all__ = ["LOCKS", "document"]

LOCKS = {"aks-cert-exporter": "requirements.lock", "aks-cert-exporter-node": "requirements-node.lock"}
"""Each image with the list that it is installed from."""

PURL = "pkg:pypi/{}@{}"


def document(image: str, created: str, root: Path = ROOT) -> str:
    """The bill of materials of one image; `created` is the commit's time (RFC 3339), so that it can be repeated."""
    packages = [_component(name, number, hashes) for name, number, hashes in _locked(root / LOCKS[image])]
    own = {"type": "application", "bom-ref": image, "name": image, "version": version(root)}
    content: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": created, "component": {**own, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": packages,
        "dependencies": [{"ref": image, "dependsOn": [one["bom-ref"] for one in packages]}],
    }
    return json.dumps(content, indent=2) + "\n"


def _component(name: str, number: str, hashes: list[str]) -> dict[str, Any]:
    purl = PURL.format(name, number)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": number,
        "purl": purl,
        # One hash for each file that PyPI has of this version; the image holds one of them.
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl,
                "hashes": [{"alg": "SHA-256", "content": one} for one in hashes],
            }
        ],
    }


def _locked(file: Path) -> list[tuple[str, str, list[str]]]:
    """Name, version and SHA-256 of each package of a lock file. Raises ValueError for a line that is none of these."""
    found: list[tuple[str, str, list[str]]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.strip().removesuffix("\\").strip()
        package = re.match(r"([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)( ; .*)?$", text)
        if package:
            found.append((package[1], package[2], []))
        elif text.startswith("--hash=sha256:") and found:
            found[-1][2].append(text.removeprefix("--hash=sha256:"))
        elif text and not text.startswith("#"):
            raise ValueError(f"{file.name}: {text}")
    return found
