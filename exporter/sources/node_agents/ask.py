"""A node agent's address and what it said last in; its facts out, unread where nothing changed (RFC 9110, 13.1.2)."""

import asyncio
from dataclasses import dataclass

from exporter.facts.kube.endpoint_slice import PodAddress
from exporter.facts.node_document import NodeDocument, node_document
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.exchange import Exchange, ProtocolError
from exporter.sources.http_failure import socket_reason
from exporter.sources.node_agents.client_config import ClientAccess

__all__ = ["Said", "ask"]

LARGEST = 4 << 20
_STATUSES = {401: Reason.UNAUTHORIZED, 403: Reason.FORBIDDEN, 404: Reason.NOT_FOUND, 429: Reason.THROTTLED}


@dataclass(frozen=True, slots=True)
class Said:
    """What one agent said, and the validator of that answer."""

    document: NodeDocument
    etag: str = ""


async def ask(pod: PodAddress, former: Said | None, access: ClientAccess, timeout: float) -> Said | Failure:
    """The agent's facts; `former` itself where they have not changed. `timeout` in seconds is over all."""
    exchange: Exchange | None = None
    try:
        async with asyncio.timeout(timeout):
            exchange = await Exchange.open(pod.host, pod.port, tls=access.context, server_name=access.server_name)
            asked = {"Accept": "application/json", **access.headers}
            if former is not None and former.etag:
                asked["If-None-Match"] = former.etag
            head = await exchange.get("/facts", asked)
            if head.status == 304 and former is not None:
                return former
            body = await exchange.whole(LARGEST)
            if head.status != 200:
                server = Reason.SERVER_ERROR if head.status >= 500 else Reason.ERROR
                return Failure(_STATUSES.get(head.status, server), f"HTTP {head.status}")
            document = node_document(body)
            if document.node != pod.node:
                return Failure(Reason.DECODE, f"it speaks of another node, {document.node[:253]}")
            etag = head.headers.get("etag", "")
            return Said(document, etag if etag.isascii() and len(etag) <= 200 else "")
    except TimeoutError:
        return Failure(Reason.TIMEOUT, f"no answer within {timeout:g} s")
    except ProtocolError as error:
        return Failure(Reason.DECODE, str(error))
    except OSError as error:  # ssl.SSLError is one
        words = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        return Failure(socket_reason(error) or Reason.ERROR, words or type(error).__name__)
    except (ValueError, RecursionError) as error:
        return Failure(Reason.DECODE, str(error))
    finally:
        if exchange is not None:
            exchange.close()
