"""How much one client, and all together, may ask: token buckets, and counts of what is at work. All on the event loop: no locks."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auricle.service.config import Limits
from auricle.service.problems import ServiceError

MOST_CLIENTS = 4096  # remembered; who was not seen for longest is forgotten, which gives it a full bucket


class Throttle:
    """Bounds of rate and concurrency, client by client. now: seconds of a clock that never goes back."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._now = limits, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client → tokens, when
        self._at_work: Counter[str] = Counter()
        self._all = 0
        self.waiting_bytes = 0  # of bodies in memory

    def charge(self, client: str, local: bool) -> None:
        """Take one token. Raises ServiceError 429 where none is left."""
        rate, burst = (self.limits.local_rate, self.limits.local_burst) if local else (self.limits.rate, self.limits.burst)
        if rate <= 0:
            return
        now = self._now()
        tokens, then = self._buckets.pop(client, (float(burst), now))
        tokens = min(float(burst), tokens + (now - then) * rate)
        enough = tokens >= 1
        self._buckets[client] = (tokens - 1 if enough else tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        if not enough:
            wait = math.ceil((1 - tokens) / rate)
            raise ServiceError(429, "rate_limited", f"More than {rate:g} requests a second.", hint="Ask more slowly.", retry_after=wait)

    @contextmanager
    def at_work(self, client: str) -> Iterator[None]:
        """Held while a request is worked on. Raises ServiceError: 503 when the server is full, 429 when this client has enough."""
        everyone, one = self.limits.concurrency, self.limits.client_concurrency
        if everyone and self._all >= everyone:
            raise ServiceError(503, "busy", f"The server is at work on {everyone} requests.", hint="Try again soon.", retry_after=1)
        if one and self._at_work[client] >= one:
            detail = f"This client has {one} requests at work."
            raise ServiceError(429, "too_many_at_once", detail, hint="Wait for some of them.", retry_after=1)
        self._all += 1
        self._at_work[client] += 1
        try:
            yield
        finally:
            self._all -= 1
            self._at_work[client] -= 1
            if not self._at_work[client]:
                del self._at_work[client]


def client_of(address: str) -> str:
    """Whom a rate is counted for: an address, or a network of IPv6, of which one client has 2**64 addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 and not ip.is_loopback else str(ip)
