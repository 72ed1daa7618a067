"""The path of a request in, which object, subresource or collection of the simulated API it names out."""

from dataclasses import dataclass

from simulation.api.kinds import KINDS

__all__ = ["Place", "place"]


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names."""

    plural: str
    namespace: str = ""
    name: str = ""
    """Empty for the collection."""
    subresource: str = ""
    rest: str = ""
    """Of a proxied request: the path behind it, with its slash."""


def place(path: str) -> Place | None:
    """The place; None where the path is none of a kind's."""
    for plural, kind in KINDS.items():
        if path.startswith(f"{kind.root}/") and (found := _below(path.removeprefix(f"{kind.root}/"), plural)):
            if found.namespace and not kind.namespaced:
                continue
            if kind.namespaced and found.name and not found.namespace:
                continue
            return found
    return None


def _below(path: str, plural: str) -> Place | None:
    namespace = ""
    parts = path.split("/")
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] in KINDS:
        namespace, parts = parts[1], parts[2:]
    if not parts or parts[0] != plural:
        return None
    match parts[1:]:
        case []:
            return Place(plural, namespace)
        case [name]:
            return Place(plural, namespace, name)
        case [name, subresource, *rest]:
            return Place(plural, namespace, name, subresource, "/" + "/".join(rest))
    return None
