"""A node's kubelet and the cluster's CAs in, what it serves and says of its certificates out.

First the handshake, without credentials: whatever is served is seen. The token is sent, on this same connection, only
where the served certificate verifies under the cluster CA and is this node's: `CN=system:node:NAME` and the node's name
or address among its names. Whoever took the address of a node that is gone gets nothing.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.chain import distrust
from exporter.facts.kube.kubelet_metrics import KubeletMetrics, MetricsReader, kubelet_config
from exporter.facts.kube.kubelet_report import KubeletReport, with_metrics
from exporter.facts.usability import NODE_USER
from exporter.facts.x509 import certificate
from exporter.reason import KubeletStatus, Reason
from exporter.sources.exchange import Exchange, Head, ProtocolError, unverified_context
from exporter.sources.http_date import http_date
from exporter.sources.http_failure import socket_reason, tls_word

__all__ = ["Kubelet", "KubeletAsker"]

LARGEST_CONFIG = 1 << 20
LARGEST_METRICS = 16 << 20
"""Bytes; a busy node's /metrics has some 300 KB, of which the part before the certificates' lines is read."""
LONGEST_CHAIN = 10
HOLDING = 3600.0
"""Seconds for which a verdict holds at most."""
NO_CERTIFICATE = "TLSV1_ALERT_INTERNAL_ERROR"
"""A Go server whose GetCertificate fails ends the handshake so; the kubelet's fails while it has no certificate
(pkg/kubelet/certificate/kubelet.go, "no serving certificate available for the kubelet")."""


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Where to ask for a node's certificates."""

    node: str
    host: str
    port: int
    addresses: tuple[str, ...] = ()
    """The node's names and addresses, one of which its certificate must bear."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A chain that was looked at before."""

    authorities: tuple[Certificate, ...]
    chain: tuple[Certificate, ...]
    against: str
    """Why no token may be sent; empty: it may."""
    until: float
    """Unix seconds for which this holds."""

    def of(self, ders: tuple[bytes, ...]) -> bool:
        """Whether this chain is the one that was looked at, to the byte."""
        return ders == tuple(one.der for one in self.chain)


class KubeletAsker:
    """Asks kubelets, in one event loop. It keeps each verdict, so that an unchanged certificate is verified once."""

    def __init__(
        self,
        authorities: Callable[[], tuple[Certificate, ...]],
        token: Callable[[], str],
        clock: Callable[[], float],
        *,
        timeout: float = 10.0,
    ) -> None:
        """The cluster CAs and our token as they are now, the token empty where there is none; `timeout` is over all."""
        self._authorities, self._token, self._clock, self._timeout = authorities, token, clock, timeout
        self._context = unverified_context()
        self._verdicts: dict[str, _Verdict] = {}

    def forget(self, node: str) -> None:
        """The node is gone."""
        self._verdicts.pop(node, None)

    async def ask(self, kubelet: Kubelet) -> KubeletReport:
        """The report. Whatever goes wrong is its status."""
        report = KubeletReport(kubelet.node, KubeletStatus.ERROR)
        exchange: Exchange | None = None
        try:
            async with asyncio.timeout(self._timeout):
                exchange = await Exchange.open(kubelet.host, kubelet.port, tls=self._context)
                verdict = self._judged(kubelet, tuple(exchange.chain[:LONGEST_CHAIN]))
                report = replace(report, served=verdict.chain)
                if verdict.against:
                    return replace(report, status=KubeletStatus.UNTRUSTED, detail=verdict.against)
                token = self._token()
                if not token:
                    words = "the agent has no token to show"
                    return replace(report, status=KubeletStatus.UNAUTHORIZED, detail=words)
                return await self._told(exchange, report, {"Authorization": f"Bearer {token}"})
        except TimeoutError:
            words = f"no answer within {self._timeout:g} s"
            return replace(report, status=KubeletStatus.TIMEOUT, detail=words)
        except ssl.SSLError as error:
            word = tls_word(error)
            words = (word or str(error)).lower().replace("_", " ")
            status = KubeletStatus.TLS_ERROR
            return replace(report, status=status, detail=words, no_certificate=word == NO_CERTIFICATE)
        except CertificateError as error:
            return replace(report, status=KubeletStatus.TLS_ERROR, detail=str(error))
        except (OSError, ValueError, RecursionError) as error:
            refused = socket_reason(error) is Reason.REFUSED
            words = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            status = KubeletStatus.REFUSED if refused else KubeletStatus.ERROR
            return replace(report, status=status, detail=words or type(error).__name__)
        finally:
            if exchange is not None:
                exchange.close()

    def _judged(self, kubelet: Kubelet, ders: tuple[bytes, ...]) -> _Verdict:
        now, authorities = self._clock(), self._authorities()
        known = self._verdicts.get(kubelet.node)
        if known is not None and not known.of(ders):
            known = None
        if known is not None and known.authorities == authorities and now < known.until:
            return known
        if not ders:
            raise ProtocolError("no certificate was served")
        chain = known.chain if known is not None else tuple(map(certificate, ders))
        against = _against(kubelet, chain, authorities, now)
        moments = (at for one in (*chain, *authorities) for at in (one.not_before, one.not_after) if at >= now)
        until = min(now + HOLDING, *moments)
        verdict = _Verdict(authorities, chain, against, until)
        self._verdicts[kubelet.node] = verdict
        return verdict

    async def _told(self, exchange: Exchange, report: KubeletReport, headers: dict[str, str]) -> KubeletReport:
        head = await exchange.get("/configz", headers)
        body = await exchange.whole(LARGEST_CONFIG)
        status, detail = _refusal("configz", head, body)
        if head.status == 200:
            report = replace(report, config=kubelet_config(json.loads(body)))
        if status is KubeletStatus.UNAUTHORIZED:
            return replace(report, status=status, detail=detail)
        head = await exchange.get("/metrics", headers)
        if head.status != 200:
            refused, words = _refusal("metrics", head, await exchange.whole(LARGEST_CONFIG))
            return replace(report, status=refused, detail="; ".join(filter(None, (detail, words))))
        metrics = await _metrics(exchange)
        return with_metrics(replace(report, status=status, detail=detail), metrics, self._node_clock(head))

    def _node_clock(self, head: Head) -> float:
        """Unix seconds by the node's clock, which its Date header tells.

        It comes from the process that counts the seconds left, over a connection that verifies: however far that clock
        is off, the two together give the right end.
        """
        theirs = http_date(head.headers.get("date", ""))
        return self._clock() if theirs is None else theirs


async def _metrics(exchange: Exchange) -> KubeletMetrics:
    reader, size = MetricsReader(), 0
    async for part in exchange.body():
        reader.feed(part)
        size += len(part)
        if reader.done:
            break
        if size > LARGEST_METRICS:
            raise ProtocolError(f"metrics of over {LARGEST_METRICS >> 20} MiB")
    return reader.result()


def _refusal(what: str, head: Head, body: bytes) -> tuple[KubeletStatus, str]:
    statuses = {200: KubeletStatus.OK, 401: KubeletStatus.UNAUTHORIZED, 403: KubeletStatus.FORBIDDEN}
    status = statuses.get(head.status, KubeletStatus.ERROR)
    if status is KubeletStatus.OK:
        return status, ""
    words = " ".join("".join(c if c.isprintable() else " " for c in body[:300].decode(errors="replace")).split())
    return status, f"{what}: HTTP {head.status}{f', {words}' if words else ''}"


def _against(kubelet: Kubelet, chain: tuple[Certificate, ...], authorities: tuple[Certificate, ...], now: float) -> str:
    """Why the token may not be sent to who serves this; empty: it may."""
    if not authorities:
        return "the cluster's CA is not known"
    purpose = chain[0].purpose
    if purpose is None or purpose.common_name != NODE_USER + kubelet.node:
        return f"it is not this node's certificate but that of {chain[0].subject or 'nobody'}"
    reasons = [distrust(chain, authorities, name, now) for name in (kubelet.node, *kubelet.addresses)]
    if None in reasons:
        return ""
    words: dict[Reason | None, str] = {
        Reason.CERTIFICATE_EXPIRED: "it is outside its dates",
        Reason.CERTIFICATE_HOSTNAME: "it bears neither the node's name nor its address",
    }
    return words.get(reasons[0], "it is not signed by the cluster CA")
