"""Ways in which a simulated Resource Manager and token endpoint answer wrongly, by name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.azure.bodies import error

__all__ = ["FAULTS", "TOKEN_FAULTS", "Answer", "entra_error", "fault"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    """Take the request and never answer."""
    reset: bool = False
    """Close the connection instead of an answer."""
    missing: int = 0
    """Announce so many bytes more than are sent, and close."""
    trickle: bool = False
    """Announce a body and send it a byte at a time, for ever."""


def fault(status: int, code: str, message: str, **headers: str) -> Answer:
    """An answer of Resource Manager's that is an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(error(code, message)).encode(), named)


FAULTS: Mapping[str, Answer] = {
    "unauthorized": fault(401, "InvalidAuthenticationToken", "The access token is invalid."),
    "forbidden": fault(
        403,
        "AuthorizationFailed",
        "The client '0000' with object id '0000' does not have authorization to perform action "
        "'Microsoft.ContainerService/managedClusters/read' over scope '/subscriptions/…'.",
    ),
    "not_found": fault(404, "ResourceNotFound", "The Resource was not found."),
    "conflict": fault(409, "OperationNotAllowed", "Another operation is in progress."),
    "unregistered": fault(
        409,
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.ContainerService'.",
    ),
    "throttled": fault(429, "TooManyRequests", "The request is being throttled.", Retry_After="900"),
    "server_error": fault(500, "InternalServerError", "An internal error occurred."),
    "unavailable": fault(503, "ServiceUnavailable", "The service is unavailable.", Retry_After="120"),
    "redirect": Answer(302, headers={"Location": "https://login.invalid/"}),
    "truncated": Answer(body=b'{"properties": {"provisioningState"', missing=4096),
    "cut_json": Answer(body=b'{"properties": {"provisioningState"'),
    "html": Answer(body=b"<html><body>Sign in to the proxy</body></html>", headers={"Content-Type": "text/html"}),
    "not_an_object": Answer(body=b'["properties"]'),
    "not_utf8": Answer(body=b'{"properties": "\xff\xfe"}'),
    "deep": Answer(body=b"[" * 200_000),
    "huge": Answer(body=b'{"properties": {}, "padding": "' + b"x" * 9_000_000 + b'"}'),
    "trickle": Answer(body=b"{", trickle=True),
    "hang": Answer(hang=True),
    "reset": Answer(reset=True),
}
"""Ways in which Resource Manager answers wrongly, by name."""


def entra_error(status: int, word: str, number: int, words: str) -> Answer:
    """An answer of the token endpoint's that is an error."""
    body = {"error": word, "error_description": f"AADSTS{number}: {words} Trace ID: 0000", "error_codes": [number]}
    return Answer(status, json.dumps(body).encode())


TOKEN_FAULTS: Mapping[str, Answer] = {
    "no_federated_credential": entra_error(
        401, "invalid_client", 70021, "No matching federated identity record found for presented assertion subject."
    ),
    "assertion_expired": entra_error(
        401, "invalid_client", 700024, "Client assertion is not within its valid time range."
    ),
    "unknown_client": entra_error(400, "unauthorized_client", 700016, "Application with identifier was not found."),
    "throttled": entra_error(429, "temporarily_unavailable", 90055, "The server is busy."),
    "server_error": Answer(500, b"oops"),
    "html": FAULTS["html"],
    "hang": FAULTS["hang"],
    "reset": FAULTS["reset"],
}
"""Ways in which the token endpoint answers wrongly, by name."""
