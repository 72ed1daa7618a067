"""How long the server waits for a client, and how many it serves at once."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, in seconds, and how many.

    The requests that may be at work or wait (scrapes, documents, logins) are together fewer than the connections: some
    connection is always waiting for its client, and can be ended to make room for another.
    """

    request: float = 10.0
    """From the connection, or a later request's first byte, to the request's end."""
    take: float = 30.0
    """How long a client may let a response lie without taking any of it."""
    idle: float = 75.0
    """Between two requests: longer than the usual scrape interval, so that Prometheus need not connect anew."""
    turned_away: float = 2.0
    """How long the answer to who is turned away is kept back. Such a connection may be ended to make room."""
    grace: float = 1.0
    """How long responses under way may take after the order to stop."""
    look: float = 2.0
    """Between two looks at the web configuration and its files for a change."""
    handshakes: int = 64
    """TLS handshakes under way at once. One more ends the oldest."""
    connections: int = 256
    """At once, whatever state they are in. One more ends one that waits for its client."""
    scrapes: int = 40
    """Scrapes at work or waiting: what cannot be served within Prometheus's patience of ten seconds is not worth it."""
    documents: int = 16
    """The same for the documents below each path: pages must not hold up scrapes, nor scrapes the pages."""
    logins: int = 128
    """Passwords being checked or waiting to be: tens of milliseconds each, or a quarter of a second."""
