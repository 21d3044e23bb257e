"""Circuit breakers: a model that keeps failing is left alone for a while, then asked by one call at a time.

    closed --(5 failures running, or half of the last 20)--> open --(after a while)--> half-open
      ^                                                        ^                            |
      +----------------------- the probe answered              +------ the probe failed ----+

Entry points: `Breakers.asked` before a call, `failed`, `succeeded` or `released` after it. State is the process's own,
a few instructions under a lock; `inference.routing.circuits` tells the other processes and is told by them. One
breaker per endpoint, key and model name, so that the tenants who share the environment's model share its breaker, and
a key that was replaced starts afresh. A breaker chooses among candidates; it never refuses a call that has nowhere
to go.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias
from uuid import UUID, uuid4

from django.conf import settings

from inference.errors import (
    BadRequest,
    Cancelled,
    ContextTooLong,
    InferenceError,
    ProviderError,
    RateLimited,
)
from inference.providers.provider import Endpoint, ResolvedModel

# The endpoint's fingerprint and the model's name.
Key: TypeAlias = tuple[str, str]


class Verdict(Enum):
    """May the model be asked? A probe is a call that decides whether its breaker closes."""

    YES = "yes"
    NO = "no"
    PROBE = "probe"


@dataclass(frozen=True)
class Trip:
    """A breaker that has just opened. Seconds."""

    id: UUID
    open_for: float


@dataclass(frozen=True)
class Notice:
    """What another process says of a breaker: open until a time by this process's monotonic clock."""

    key: Key
    trip: UUID
    open_for: float
    open_until: float


@dataclass(frozen=True)
class BreakerPolicy:
    """When a breaker opens, and for how long (seconds); each failed probe doubles that."""

    failures_running: int = 5
    window: int = 20
    error_share: float = 0.5
    open_for: float = 10.0
    longest_open: float = 120.0
    probe_takes_at_most: float = 60.0
    # A model that loses so many races running may hang: from then on some losers get so long to show that they answer.
    races_lost: int = 3
    races_doubted: int = 10
    doubt: float = 10.0


@dataclass
class _Breaker:
    recent: deque[bool]
    running: int = 0
    races_lost: int = 0
    open_for: float = 0.0
    open_until: float = 0.0
    probing_until: float = 0.0
    trip: UUID | None = None
    # Under which tenant the others were told, and when.
    told: tuple[UUID, float] | None = None

    @property
    def closed(self) -> bool:
        return self.open_for == 0.0


@dataclass
class Breakers:
    """All breakers of a process. Thread-safe; every method is a few instructions under one lock."""

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    now: Callable[[], float] = time.monotonic
    _all: dict[Key, _Breaker] = field(default_factory=dict)
    # Trips that ended here, of which others may not have heard yet.
    _over: deque[UUID] = field(default_factory=lambda: deque(maxlen=100))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def asked(self, model: ResolvedModel) -> Verdict:
        """Whether the model may be asked now. In half-open state the first caller becomes the probe."""
        with self._lock:
            breaker, now = self._all.get(key_of(model)), self.now()
            if breaker is None or breaker.closed:
                return Verdict.YES
            if now < max(breaker.open_until, breaker.probing_until):
                return Verdict.NO
            breaker.probing_until = now + self.policy.probe_takes_at_most
            return Verdict.PROBE

    def admits(self, model: ResolvedModel) -> bool:
        """The same by this process's word alone, for who cannot wait for the database (the lean way)."""
        return self.asked(model) is not Verdict.NO

    def state(self, model: ResolvedModel) -> str:
        """closed, open or half-open, for people. Claims nothing."""
        with self._lock:
            breaker = self._all.get(key_of(model))
            if breaker is None or breaker.closed:
                return "closed"
            return "open" if self.now() < breaker.open_until else "half-open"

    def succeeded(self, model: ResolvedModel) -> bool:
        """It answered: a probe closes its breaker. Whether it did."""
        with self._lock:
            breaker = self._all.get(key_of(model))
            if breaker is None:
                return False
            if not breaker.closed:
                self._close(key_of(model))
                return True
            breaker.running = breaker.races_lost = 0
            breaker.recent.append(True)
            return False

    def is_doubtful(self, model: ResolvedModel) -> bool:
        """It has lost a race. Whether to find out if it answers at all: some losers in a row, and every probe."""
        with self._lock:
            breaker = self._all.setdefault(key_of(model), self._new())
            breaker.races_lost += 1
            doubted = breaker.races_lost - self.policy.races_lost
            return not breaker.closed or 0 <= doubted < self.policy.races_doubted

    def failed(self, model: ResolvedModel, error: InferenceError) -> Trip | None:
        """It failed, if the fault is the provider's; a probe opens its breaker again. The trip, if it opened now.

        What was under way when the breaker opened is no probe, and tells nothing new.
        """
        if not is_providers_fault(error):
            self.released(model)
            return None
        with self._lock:
            breaker = self._all.setdefault(key_of(model), self._new())
            if self.now() < breaker.open_until:
                return None
            breaker.running += 1
            breaker.recent.append(False)
            if breaker.closed and not self._is_too_much(breaker):
                return None
            return self._open(breaker, _asked_to_wait(error))

    def told(self, model: ResolvedModel, trip: Trip, tenant_id: UUID) -> None:
        """The others know of this trip from now on."""
        with self._lock:
            breaker = self._all.get(key_of(model))
            if breaker is not None and breaker.trip == trip.id:
                breaker.told = (tenant_id, time.monotonic())

    def heed(self, tenant_id: UUID, notices: Iterable[Notice], read_at: float) -> None:
        """Take over what other processes found out, as read from `read_at` (monotonic) on: what they opened is open
        here too, and what was known to them and is no longer is closed.
        """
        with self._lock:
            # Not by trip: of two that this process told of, the older one may have been written last.
            still_open = set()
            for notice in notices:
                still_open.add(notice.key)
                self._heed(tenant_id, notice, read_at)
            for key, breaker in list(self._all.items()):
                told_to, told_at = breaker.told or (None, 0.0)
                if told_to == tenant_id and told_at < read_at and key not in still_open:
                    self._close(key)

    def _heed(self, tenant_id: UUID, notice: Notice, read_at: float) -> None:
        if notice.trip in self._over:
            return
        breaker = self._all.setdefault(notice.key, self._new())
        if breaker.trip == notice.trip:
            return
        breaker.trip, breaker.told = notice.trip, (tenant_id, read_at)
        breaker.open_for = notice.open_for
        breaker.open_until = self.now() + notice.open_until - time.monotonic()
        breaker.probing_until = 0.0
        breaker.recent.clear()

    def released(self, model: ResolvedModel) -> bool:
        """The call ended without a verdict: somebody else may probe. Whether it may have been the probe."""
        with self._lock:
            breaker = self._all.get(key_of(model))
            if breaker is None or breaker.closed:
                return False
            breaker.probing_until = 0.0
            return True

    def _is_too_much(self, breaker: _Breaker) -> bool:
        if breaker.running >= self.policy.failures_running:
            return True
        is_full = len(breaker.recent) == self.policy.window
        failures = breaker.recent.count(False)
        return is_full and failures >= self.policy.window * self.policy.error_share

    def _new(self) -> _Breaker:
        return _Breaker(deque(maxlen=self.policy.window))

    def _close(self, key: Key) -> None:
        if trip := self._all.pop(key).trip:
            self._over.append(trip)

    def _open(self, breaker: _Breaker, at_least: float) -> Trip:
        policy = self.policy
        doubled = breaker.open_for * 2 or policy.open_for
        breaker.open_for = min(policy.longest_open, max(doubled, at_least))
        breaker.open_until = self.now() + breaker.open_for
        breaker.probing_until = 0.0
        breaker.recent.clear()
        if breaker.trip is not None:
            self._over.append(breaker.trip)
        breaker.trip, breaker.told = uuid4(), None
        return Trip(breaker.trip, breaker.open_for)


def key_of(model: ResolvedModel) -> Key:
    """What models that fail together have in common."""
    return fingerprint(model.endpoint), model.name


@lru_cache(maxsize=4096)
def fingerprint(endpoint: Endpoint) -> str:
    """Address and key as 32 characters that tell neither."""
    secret = settings.SECRET_KEY.encode()[:64]
    said = f"{endpoint.base_url}\0{endpoint.api_key}".encode()
    return blake2b(said, digest_size=16, key=secret).hexdigest()


def is_providers_fault(error: InferenceError) -> bool:
    """Whether another request would likely have failed as well."""
    asked_wrongly = isinstance(error, Cancelled | ContextTooLong | BadRequest)
    return isinstance(error, ProviderError) and not asked_wrongly


def _asked_to_wait(error: InferenceError) -> float:
    return (error.retry_after or 0.0) if isinstance(error, RateLimited) else 0.0
