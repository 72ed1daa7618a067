"""The path tables that are shipped, as data: which files an AKS node has, and what finding each one means."""

import pkgutil

import yaml

__all__ = ["PRESETS", "preset", "text"]

PRESETS = ("aks-linux", "aks-windows")


def text(name: str) -> str:
    """One preset as it is shipped: YAML with comments."""
    data = pkgutil.get_data(__name__, f"{name}.yaml")  # importlib.resources brings zipfile along
    if data is None:
        raise FileNotFoundError(name)
    return data.decode()


def preset(name: str) -> dict[str, object]:
    """The content of one preset."""
    loaded: dict[str, object] = yaml.safe_load(text(name))
    return loaded
