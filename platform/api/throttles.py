"""How often one key may call: counted in the database, so that the limit is one however many processes serve."""

from typing import Any, NamedTuple

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from inference.admission import Rate
from tenants.scope import Principal


class KeyThrottle(SimpleRateThrottle):
    """``FOOTNOTE_API_RATE`` calls (such as ``600/minute``) per key. One query per request."""

    scope = "key"
    # Set by the class above from the rate; None: not limited.
    num_requests: int | None
    duration: int | None

    def rate_of_keys(self) -> tuple[int | None, int | None]:
        """Requests, and the seconds that they are for; nothing where the rate is not limited."""
        return self.num_requests, self.duration

    def allow_request(self, request: Request, view: APIView) -> bool:
        """A bucket that holds the rate's requests and refills evenly."""
        principal = request.auth
        if not isinstance(principal, Principal) or not self.num_requests or not self.duration:
            return True
        found = _take(principal, self.num_requests, self.duration)
        self._wait = found.wait
        # For the answer's headers (``api.views``).
        view.rate = Rate(  # type: ignore[attr-defined]
            "requests", self.num_requests, found.remaining, found.full_in, self.duration
        )
        return found.allowed

    def wait(self) -> float | None:
        """Seconds until the next request may pass."""
        return self._wait

    _wait: float | None = None


class Taken(NamedTuple):
    """One request against the key's bucket. Times in seconds."""

    allowed: bool
    remaining: int
    wait: float
    full_in: float


def _take(principal: Principal, amount: int, seconds: int) -> Taken:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT allowed, remaining, wait, full_in FROM footnote_throttle(%s, %s, %s, %s)",
            [principal.tenant_id, principal.api_key_id, amount, seconds],
        )
        row: Any = cursor.fetchone()
    return Taken(bool(row[0]), int(row[1]), float(row[2]), float(row[3]))
