"""A write that kubectl sends in, what is stored and answered out: approval, cordon, deletion, creation.

No admission, no validation: what kubectl's own commands send is stored as it is.
"""

import json
from typing import Any

from simulation.api.kinds import KINDS
from simulation.api.place import Place
from simulation.api.store import Store

__all__ = ["WriteError", "written"]


class WriteError(Exception):
    """The write is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def written(store: Store, method: str, place: Place, sent: dict[str, Any]) -> tuple[int, bytes]:
    """Status and body of the answer. Raises WriteError."""
    plural, namespace = place.plural, place.namespace
    if "create" not in KINDS[plural].verbs:
        raise WriteError(405, "the simulation only reads these")
    if method == "POST":
        if place.subresource == "eviction":
            return _deleted(store, place)
        name = sent.get("metadata", {}).get("name", "")
        if store.get(plural, name, namespace) is not None:
            raise WriteError(409, f'{plural} "{name}" already exists')
        item = {**sent, "metadata": {**sent.get("metadata", {}), **({"namespace": namespace} if namespace else {})}}
        store.put(plural, item)
        return 201, store.get(plural, name, namespace) or b"{}"
    if not place.name:
        raise WriteError(405, "the simulation changes one object at a time")
    known = store.get(plural, place.name, namespace)
    if known is None:
        raise WriteError(404, f'{plural} "{place.name}" not found')
    if method == "DELETE":
        return _deleted(store, place)
    if method == "PUT":
        item = json.loads(known)
        # A subresource changes its own part only.
        item = {**item, "status": sent.get("status", {})} if place.subresource in {"approval", "status"} else sent
    elif method == "PATCH":
        item = _merged(json.loads(known), sent)
    else:
        raise WriteError(405, f"no {method} here")
    item["metadata"].pop("resourceVersion", None)
    store.put(plural, item)
    return 200, store.get(plural, place.name, namespace) or b"{}"


def _deleted(store: Store, place: Place) -> tuple[int, bytes]:
    store.delete(place.plural, place.name, place.namespace)
    return 200, json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}).encode()


def _merged(item: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396, which the patches of kubectl come to where they change plain fields."""
    result = dict(item)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            found = result.get(key)
            result[key] = _merged(found if isinstance(found, dict) else {}, value)
        else:
            result[key] = value
    return result
