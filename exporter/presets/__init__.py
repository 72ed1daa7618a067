"""The path tables that are shipped, as data: which files an AKS node has, and what finding each one means."""

from importlib import resources

import yaml

__all__ = ["PRESETS", "preset", "text"]

PRESETS = ("aks-linux", "aks-windows")


def text(name: str) -> str:
    """One preset as it is shipped: YAML with comments."""
    return resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def preset(name: str) -> dict[str, object]:
    """The content of one preset."""
    loaded: dict[str, object] = yaml.safe_load(text(name))
    return loaded
