"""The HTTP side of an agent: metrics, probes, the pages, TLS and basic auth. It asks nobody but its agent."""

import importlib
import importlib.util
import sys


def _lean(package: str, submodules: dict[str, str]) -> None:
    """Put a package in place without running its __init__; `submodules`: where the names are that others ask it for.

    uvicorn's brings its command line and process supervisors along: 1.6 MiB of a node agent's 45, for nothing.
    """
    spec = importlib.util.find_spec(package) if package not in sys.modules else None
    if spec is None:
        return
    module = importlib.util.module_from_spec(spec)

    def attribute(name: str) -> object:  # PEP 562
        if name not in submodules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(submodules[name]), name)

    vars(module)["__getattr__"] = attribute
    sys.modules[package] = module


_lean("uvicorn", {"Config": "uvicorn.config", "Server": "uvicorn.server"})
