"""Parses by a child process that has no rights, so that whatever a certificate does to its parser is harmless.

The child is started when there is something to parse, goes on as long as there is, and is ended when idle: the agent's
own process never loads the X.509 library.
"""

import hashlib
import logging
import signal
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from exporter.facts.certificate import Certificate, CertificateFile
from exporter.facts.kubeconfig import HostKubeconfig, kubeconfig_text
from exporter.facts.signature import named_issuer
from exporter.reason import FileStatus
from exporter.sources.parsing.interface import Later, ParserFailure
from exporter.sources.parsing.process import Died, ParserProcess, Slow
from exporter.sources.parsing.record import (
    ANSWER,
    BUG,
    certificates_of,
    error_of,
    file_of,
    mapping,
    member,
    signatures_of,
)

__all__ = ["SealedParsing"]

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE, IMPATIENCE = 5.0, 0.5
"""Seconds for an answer; and after one that did not come in time, as long as that is held against the bytes."""
ATTEMPTS = 3
"""Children that one request may end before it is its bytes' fault."""
HELD, HELD_UNSTARTED = 30.0, 3.0
"""Seconds for which bytes that ended their children, or took too long, are not tried again; and where none started."""
_MOST_KEPT = 1024
_MOST_AUTHORITIES = 8
"""CAs with which a file is sent to be parsed, so that who signed it need not be asked once more."""
_MOST_KNOWN = 16
"""What the same bytes were: a file that has only just changed is read at each look until its state can be believed."""


class SealedParsing:
    """See Parsing."""

    def __init__(self, start: Callable[[], ParserProcess] = ParserProcess, patience: float = PATIENCE) -> None:
        """`start` starts a child; `patience`: seconds for an answer."""
        self._start, self._patience = start, patience
        self._lock = threading.Lock()
        self._child: ParserProcess | None = None
        self._signed: OrderedDict[tuple[str, str], bool] = OrderedDict()
        self._authorities: OrderedDict[str, bytes] = OrderedDict()
        self._held: dict[bytes, tuple[float, ParserFailure]] = {}
        self._known: OrderedDict[bytes, object] = OrderedDict()
        self._told: object = None
        self.certificate_file = self._leaf
        self.authority_file = self._bundle
        self.kubeconfig = self._kubeconfig

    def served_chain(self, chain: Sequence[bytes]) -> tuple[Certificate, ...]:
        """See `x509.served_chain`. Raises CertificateError and ParserFailure."""
        return self._ask(b"C", _row(chain), certificates_of)

    def signed_by(self, child: Certificate, authority: Certificate) -> bool:
        """See `signature.signed_by`. Raises ParserFailure with the child's certificate."""
        pair = child.fingerprint_sha256, authority.fingerprint_sha256
        known = self._signed.get(pair)
        if known is None:
            known = named_issuer(child, authority) and self._verified(child, authority)
            with self._lock:
                self._know(pair, signed=known)
        return known

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._discard()

    def _verified(self, child: Certificate, authority: Certificate) -> bool:
        try:
            return self._ask(b"S", _row((child.der, authority.der)), lambda answer: member(answer, "signed", bool))
        except ParserFailure as failure:
            raise ParserFailure(failure.status, f"its signature: {failure}", child) from None

    def _leaf(self, content: bytes) -> Later[CertificateFile]:
        return Later(lambda: self._leaf_file(content))

    def _leaf_file(self, content: bytes) -> CertificateFile:
        with self._lock:
            authorities = dict(self._authorities)

        def read(answer: Mapping[str, object]) -> CertificateFile:
            found = file_of(answer)
            for authority, signed in zip(authorities, signatures_of(answer), strict=False):
                if signed is not None:
                    self._know((found.certificates[0].fingerprint_sha256, authority), signed=signed)
            return found

        return self._ask(b"L", _row((content, *authorities.values())), read, key=content)

    def _bundle(self, content: bytes) -> Later[CertificateFile]:
        return Later(lambda: self._bundle_file(content))

    def _bundle_file(self, content: bytes) -> CertificateFile:
        found = self._ask(b"A", content, file_of)
        with self._lock:
            for one in found.certificates[:_MOST_AUTHORITIES]:
                self._authorities[one.fingerprint_sha256] = one.der
                self._authorities.move_to_end(one.fingerprint_sha256)
            while len(self._authorities) > _MOST_AUTHORITIES:
                self._authorities.popitem(last=False)
        return found

    def _know(self, pair: tuple[str, str], *, signed: bool) -> None:
        """Whether the first was signed by the second, by their fingerprints. Only under the lock."""
        self._signed[pair] = signed
        while len(self._signed) > _MOST_KEPT:
            self._signed.popitem(last=False)

    def _kubeconfig(self, content: bytes) -> HostKubeconfig | Later[HostKubeconfig]:
        text = kubeconfig_text(content)
        if text.client is None and text.authorities is None:
            return text.bare
        return Later(
            lambda: text.parsed(self._leaf_file, self._bundle_file),
        )

    def _ask(self, kind: bytes, body: bytes, read: Callable[[Mapping[str, object]], T], key: bytes | None = None) -> T:
        """What `read` makes of the answer. Raises the parser's CertificateError, and ParserFailure.

        `key`: that part of the body which the answer is about, where that is not all of it.
        """
        key = hashlib.sha256(kind + (body if key is None else key)).digest()
        with self._lock:
            now = time.monotonic()
            for old in [one for one, (until, _) in self._held.items() if until <= now]:
                del self._held[old]
            if key in self._held:
                raise self._held[key][1]
            if key in self._known:
                return cast("T", self._known[key])
            patience = min(IMPATIENCE, self._patience) if self._held else self._patience
            try:
                found = self._answer(kind, body, read, patience)
            except ParserFailure as failure:
                log.warning("parsing: %s", failure)
                held = HELD_UNSTARTED if failure.status is FileStatus.ERROR else HELD
                self._held[key] = time.monotonic() + held, failure
                raise
            self._known[key] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
            return found

    def _answer(self, kind: bytes, body: bytes, read: Callable[[Mapping[str, object]], T], patience: float) -> T:
        status, words = FileStatus.ERROR, ""
        for _ in range(ATTEMPTS):
            try:
                child = self._child or self._started()
                status = FileStatus.MALFORMED  # it had sealed itself and was waiting: what comes is the bytes' doing
                while (found := child.ask(kind, body, patience)) is None:  # it was idle, and is ended for that
                    child = self._started()
                answer = mapping(found)
                if answer.get("error") == BUG:
                    raise ParserFailure(FileStatus.ERROR, f"{member(answer, 'words', str)[:80]} while parsing")
                if (fault := error_of(answer)) is None:
                    return read(answer)
            except Slow:
                self._child = None
                raise ParserFailure(FileStatus.TIMEOUT, f"no answer of the parser within {patience:g} s") from None
            except Died as died:
                self._child = None
                if died.status == -signal.SIGXCPU:
                    words = "the parser took more processor time than it may have"
                    raise ParserFailure(FileStatus.TIMEOUT, words) from None
                words = f"the parser {died}"
            except ValueError:
                self._discard()
                words = "the parser gave an answer that is none"
            else:
                raise fault
        raise ParserFailure(status, f"{words}, {ATTEMPTS} times in a row")

    def _discard(self) -> None:
        """End a child that cannot be believed."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _started(self) -> ParserProcess:
        """A new child, and a line in the log about its seal where that is another than before."""
        try:
            self._child = child = self._start()
        except (OSError, subprocess.SubprocessError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise ParserFailure(FileStatus.ERROR, f"the parser cannot be started: {words}") from None
        if child.sealed != self._told:
            self._told = child.sealed
            log.info("parsing in a child: %s", ", ".join(f"{key} {child.sealed[key]}" for key in sorted(child.sealed)))
        return child


def _row(parts: Sequence[bytes]) -> bytes:
    return b"".join(ANSWER.pack(len(one)) + one for one in parts)
