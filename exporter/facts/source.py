"""What happened when a source was asked: a ledger of successes and failures, and its frozen reading."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.reason import Reason, Source

__all__ = ["REASONS", "UNREACHED", "Failure", "SourceFacts", "SourceLedger", "skipped"]

_UNREACHED = (
    Reason.DNS,
    Reason.REFUSED,
    Reason.UNREACHABLE,
    Reason.RESET,
    Reason.TIMEOUT,
    Reason.TLS_ALERT,
    Reason.TLS_PROTOCOL,
)
_CONNECTION = (*_UNREACHED, Reason.ERROR, Reason.BUG)
_CERTIFICATE = (
    Reason.CERTIFICATE_EXPIRED,
    Reason.CERTIFICATE_HOSTNAME,
    Reason.CERTIFICATE_UNTRUSTED,
    Reason.CERTIFICATE_MALFORMED,
    Reason.NO_CERTIFICATE,
)
_API = (
    *_CONNECTION,
    *_CERTIFICATE,
    Reason.UNAUTHORIZED,
    Reason.FORBIDDEN,
    Reason.NOT_FOUND,
    Reason.EXPIRED,
    Reason.THROTTLED,
    Reason.SERVER_ERROR,
    Reason.DECODE,
    Reason.TOO_LARGE,
    Reason.CREDENTIALS,
)

REASONS: dict[Source, tuple[Reason, ...]] = {
    Source.KUBELET: (*_CONNECTION, Reason.CERTIFICATE_MALFORMED, Reason.NO_CERTIFICATE),
    Source.CSRS: _API,
    Source.NODES: _API,
    Source.CONFIGMAPS: _API,
    Source.LEASES: _API,
    Source.WEBHOOKS: _API,
    Source.APISERVICES: _API,
    Source.APISERVER: (*_CONNECTION, *_CERTIFICATE),
    Source.AZURE: (*_API, Reason.CONFLICT),
    Source.KUBELETS: _API,
    Source.NODE_AGENTS: _API,
    Source.ENDPOINTS: (*_CONNECTION, *_CERTIFICATE),
    Source.WORKLOADS: _API,
    Source.PREFLIGHT: _API,
}
"""Every reason a source can give: all are exposed from the start at 0, so that an increase is never a birth."""

UNREACHED = frozenset({*_UNREACHED, Reason.SERVER_ERROR})
"""Why a server gave no answer, or none of its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that was asked and did not answer: the reason, and one line of words that holds no secret.

    The words go into sentences: a full stop that they came with, from a library or a program, is not kept.
    """

    reason: Reason
    words: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words.rstrip(" ."))


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source: does it answer now, when did it last (Unix seconds), and how often it failed, by reason."""

    source: Source
    up: bool | None
    """None: not asked yet."""
    last_success: float | None
    errors: Mapping[Reason, int]
    last_error: str = ""
    """The last failure in words, for the page and the log; never holds a secret."""
    last_reason: Reason | None = None
    """The last failure's reason; None once the source answers again."""
    skipped: str = ""
    """Why the source is not looked at at all, in words; empty: it is."""


def skipped(source: Source, why: str, *, on_purpose: bool) -> SourceFacts:
    """A source that is not looked at. Where nobody chose that, it counts as one that does not answer."""
    errors = dict.fromkeys(REASONS[source], 0)
    words = "" if on_purpose else f"not looked at: {why}"
    return SourceFacts(source, None if on_purpose else False, None, errors, words, skipped=why)


class SourceLedger:
    """Counts what one source does. Owned by one thread; `facts` is a copy that any thread may read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._up: bool | None = None
        self._last_success: float | None = None
        self._errors: Counter[Reason] = Counter()
        self._last_error = ""
        self._last_reason: Reason | None = None

    def success(self, now: float) -> None:
        """The source answered at `now` (Unix seconds)."""
        self._up, self._last_success, self._last_error, self._last_reason = True, now, "", None

    def failure(self, reason: Reason, words: str = "") -> None:
        """The source did not answer. A reason it does not declare counts as ERROR."""
        self._up = False
        self._count(reason, words)

    def complaint(self, reason: Reason, words: str = "") -> None:
        """The source answers, but what it answered is not as it should be: an error that does not take it down."""
        self._count(reason, words)

    def facts(self) -> SourceFacts:
        """The ledger now."""
        errors = {reason: self._errors[reason] for reason in REASONS[self.source]}
        return SourceFacts(self.source, self._up, self._last_success, errors, self._last_error, self._last_reason)

    def _count(self, reason: Reason, words: str) -> None:
        self._last_reason = reason if reason in REASONS[self.source] else Reason.ERROR
        self._errors[self._last_reason] += 1
        self._last_error = words or reason.value
