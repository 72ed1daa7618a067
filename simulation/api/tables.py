"""Objects in, the table that kubectl prints out (meta.k8s.io/v1 Table), with the columns of a real server."""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["table"]

Row = list[object]
_NAME = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}


def _column(name: str, priority: int = 0) -> dict[str, object]:
    return {"name": name, "type": "string", "format": "", "description": "", "priority": priority}


def table(plural: str, items: Iterable[dict[str, Any]], metadata: Mapping[str, object]) -> dict[str, Any]:
    """A Table of these objects. Each row carries its object's metadata, as kubectl asks for by default."""
    columns, row = _KINDS.get(plural, _ANY)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": [_NAME, *columns],
        "rows": [
            {
                "cells": [item["metadata"]["name"], *row(item)],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": item["metadata"],
                },
            }
            for item in items
        ],
    }


def _age(item: dict[str, Any]) -> str:
    made = dt.datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp()
    seconds = max(0.0, time.time() - made)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def _node(item: dict[str, Any]) -> Row:
    status = item.get("status", {})
    ready: dict[str, Any] = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), {})
    words = "Ready" if ready.get("status") == "True" else "NotReady"
    if item.get("spec", {}).get("unschedulable"):
        words += ",SchedulingDisabled"
    info = status.get("nodeInfo", {})
    addresses = [one["address"] for one in status.get("addresses", ()) if one["type"] == "InternalIP"]
    return [words, "<none>", _age(item), info.get("kubeletVersion", ""), *(addresses[:1] or ["<none>"]), "<none>"]


def _csr(item: dict[str, Any]) -> Row:
    # pkg/printers/internalversion/printers.go, extractCSRStatus
    spec, status = item["spec"], item.get("status", {})
    types = {one["type"] for one in status.get("conditions", ())}
    words = ["Denied"] if "Denied" in types else ["Approved"] if "Approved" in types else ["Pending"]
    if "Failed" in types:
        words.append("Failed")
    if status.get("certificate"):
        words.append("Issued")
    seconds = spec.get("expirationSeconds")
    return [_age(item), spec["signerName"], spec["username"], f"{seconds}s" if seconds else "<none>", ",".join(words)]


def _lease(item: dict[str, Any]) -> Row:
    return [item.get("spec", {}).get("holderIdentity", ""), _age(item)]


_ANY: tuple[list[dict[str, object]], Callable[[dict[str, Any]], Row]] = ([_column("Age")], lambda item: [_age(item)])
_KINDS: dict[str, tuple[list[dict[str, object]], Callable[[dict[str, Any]], Row]]] = {
    "nodes": (
        [*map(_column, ("Status", "Roles", "Age", "Version")), _column("Internal-IP", 1), _column("External-IP", 1)],
        _node,
    ),
    "certificatesigningrequests": (
        [*map(_column, ("Age", "SignerName", "Requestor", "RequestedDuration", "Condition"))],
        _csr,
    ),
    "leases": ([_column("Holder"), _column("Age")], _lease),
}
