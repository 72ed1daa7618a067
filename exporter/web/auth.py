"""Requests in, refusals out: basic auth, rate limit and extra headers of the web configuration."""

import base64
import hashlib
import hmac
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from exporter.web.config import WebConfig
from exporter.web.request import Request
from exporter.web.response import Response, plain
from exporter.web.thread_pool import ThreadPool

__all__ = ["ConfiguredGate", "credentials"]

log = logging.getLogger(__name__)

PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that the kubelet asks: it can neither log in nor wait for its turn."""

REMEMBERED = 100
"""How many accepted logins are remembered, as in the toolkit."""

REFUSED = 1000
"""How many refused ones: to send the same wrong password again costs nothing."""

KEPT_BACK = 10.0
"""Seconds at most that a refusal is kept back: some clients wait no longer, and see a server that hangs."""

CHECKED = 5.0
"""Seconds at most that is waited for the end of a check under way: those of bcrypt's highest usual costs."""

BCRYPT_BYTES = 72
"""bcrypt looks no further; Go's cuts a longer password off, Python's refuses it."""


class ConfiguredGate:
    """The gate of a web configuration, which `use` may exchange.

    /healthz and /readyz pass without login and limit: the kubelet cannot log in, and they tell nothing but the names of
    sources. The toolkit itself has no such exception, and no way for probes either.
    """

    def __init__(self, config: WebConfig, logins: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`logins`: how many passwords may be checked or wait to be; `clock`: seconds that only go forward."""
        self._clock = clock
        # One at a time: a login costs tens of milliseconds of a core, and guessing must not take the others.
        self._workers = ThreadPool("login", threads=1, waiting=logins - 1)
        self._secret = os.urandom(32)
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self.use(config)

    def use(self, config: WebConfig) -> None:
        """Apply another configuration from the next request on."""
        self._config = config
        self._tokens, self._refilled = float(config.burst), self._clock()

    def close(self) -> None:
        """Let the worker thread end, and wait for that: a check that Python's own end overtakes ends in SIGABRT."""
        self._workers.close(CHECKED)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers for every response."""
        return self._config.headers

    async def refusal(self, request: Request) -> Response | None:
        """429 beyond the rate limit, 401 without a valid login, else None."""
        if request.path in PROBES:
            return None
        if not self._within_rate():
            return plain(HTTPStatus.TOO_MANY_REQUESTS)
        users = self._config.users
        if not users:
            return None
        seconds = await self._refused_for(users, credentials(request.header(b"authorization")), request.client)
        if seconds is None:
            return None
        challenge = ("www-authenticate", 'Basic realm="aks-cert-exporter", charset="UTF-8"')
        return replace(plain(HTTPStatus.UNAUTHORIZED, "", challenge), after=seconds)

    def _within_rate(self) -> bool:
        if not self._config.interval:
            return True
        now = self._clock()
        gained = (now - self._refilled) / self._config.interval
        self._tokens, self._refilled = min(self._tokens + gained, float(self._config.burst)), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _refused_for(
        self, users: Mapping[bytes, bytes], given: tuple[bytes, bytes] | None, client: str
    ) -> float | None:
        """None for a login that is right, else how many seconds its refusal is kept back.

        Whoever guessed wrong hears of it once the logins that wait at the same address are checked: to guess again at
        once would be to push in before them.
        """
        if given is None:
            return 0.0
        name, password = given
        known = users.get(name)
        # Whoever guesses names must not learn from the time an answer takes which of them exist: an unknown name is
        # checked against one of the real hashes all the same, always the same one for the same name.
        digest = self._digest(name)
        checked = known or sorted(users.values())[digest[0] % len(users)]
        key = self._digest(name, checked, password)
        if known and key in self._accepted:
            self._accepted.move_to_end(key)
            return None
        if key in self._refused:
            return 0.0

        def check() -> tuple[bool, float]:
            """Whether it is right, and how many seconds those that wait will take."""
            if key in self._accepted or key in self._refused:  # checked while this one waited
                return key in self._accepted, 0.0
            began = self._clock()
            matched = _matches(password, checked)
            return matched, (self._clock() - began) * self._workers.waiting(client)

        matched, seconds = await self._workers.call(check, client)
        if matched and known:
            _remember(self._accepted, key, REMEMBERED)
            return None
        if key not in self._refused:
            log.warning("login of %r refused", name[:64].decode(errors="replace"))
            _remember(self._refused, key, REFUSED)
        return min(seconds, KEPT_BACK)

    def _digest(self, *parts: bytes) -> bytes:
        """A keyed hash of the parts: nothing that is remembered leads back to a password without this process."""
        code = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in parts:
            code.update(len(part).to_bytes(8) + part)
        return code.digest()


def credentials(header: str) -> tuple[bytes, bytes] | None:
    """Name and password of an Authorization header (RFC 7617 §2); None where it holds none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return None
    name, colon, password = decoded.partition(b":")
    return (name, password) if colon else None


def _remember(keys: OrderedDict[bytes, None], key: bytes, most: int) -> None:
    keys[key] = None
    while len(keys) > most:
        keys.popitem(last=False)


def _matches(password: bytes, hashed: bytes) -> bool:
    import bcrypt  # only where somebody has to log in

    try:
        return bcrypt.checkpw(password[:BCRYPT_BYTES], hashed)
    except ValueError:  # the salt is not one, although the hash has the form
        return False
