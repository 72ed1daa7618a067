"""One address that the API server calls in; what it serves, and whether the API server accepts it, out."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from exporter.facts.kube.endpoint import ServedEndpoint, against
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.endpoints.host_roots import host_roots
from exporter.sources.tls import probe
from exporter.thread import begin

__all__ = ["Resolve", "by_name", "in_thread", "look"]

Resolve = Callable[[str, str, int], tuple[str, int]]
"""Namespace and name of a Service and its port in; host and port where it is reached from here out."""


def by_name(namespace: str, service: str, port: int) -> tuple[str, int]:
    """As from any Pod: the cluster's DNS knows SERVICE.NAMESPACE.svc."""
    return f"{service}.{namespace}.svc", port


def look(target: EndpointTarget, resolve: Resolve, timeout: float, clock: Callable[[], float]) -> ServedEndpoint:
    """One handshake, without credentials, in at most `timeout` seconds. Whatever goes wrong is its failure."""
    place = (target.host, target.port) if target.service is None else resolve(*target.service, target.port)
    seen = probe(place, server_name=target.host, timeout=timeout, unconnected=Reason.UNREACHABLE)
    if isinstance(seen, Failure):
        return ServedEndpoint(target, failure=seen)
    roots = host_roots() if None in target.trusts else None
    trusted, untrusted = against(target, seen.chain, roots, clock())
    return ServedEndpoint(target, seen.chain[0], trusted, untrusted)


async def in_thread(work: Callable[[], ServedEndpoint]) -> ServedEndpoint:
    """Do it in a thread of its own, which keeps nobody from ending; asyncio's own pool would be waited for.

    Raises what the work does, and OSError where no thread can be started.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ServedEndpoint] = loop.create_future()

    def settle(found: ServedEndpoint | Exception) -> None:
        if done.done():  # nobody waits any more
            return
        if isinstance(found, Exception):
            done.set_exception(found)
        else:
            done.set_result(found)

    def run() -> None:
        found: ServedEndpoint | Exception
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - handed to who waits
            found = error
        with contextlib.suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(settle, found)

    begin(threading.Thread(target=run, name="endpoint look", daemon=True))
    return await done
