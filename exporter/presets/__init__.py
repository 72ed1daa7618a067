"""The path tables that are shipped, as data: which files an AKS node has, and what finding each one means."""

from importlib import resources

import yaml

__all__ = ["PRESETS", "preset"]

PRESETS = ("aks-linux", "aks-windows")


def preset(name: str) -> dict[str, object]:
    """The content of one preset."""
    text = resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, object] = yaml.safe_load(text)
    return loaded
