"""Rate limits as headers: as OpenAI names them, and as the IETF's draft does (RateLimit, RateLimit-Policy)."""

from collections.abc import Iterable
from math import ceil

from api.errors import Problem
from inference.admission import Rate
from inference.errors import LimitReached

Header = tuple[str, str]


def headers(rates: Iterable[Rate]) -> list[Header]:
    """The headers for where the tightest limits stand."""
    found = list(rates)
    if not found:
        return []
    named = [header for rate in found for header in _as_openai(rate)]
    state = ", ".join(f'"{one.measure}";r={one.remaining};t={ceil(one.reset)}' for one in found)
    policy = ", ".join(f'"{one.measure}";q={one.limit};w={ceil(one.window)}' for one in found)
    return [*named, ("RateLimit", state), ("RateLimit-Policy", policy)]


def _as_openai(rate: Rate) -> list[Header]:
    return [
        (f"x-ratelimit-limit-{rate.measure}", str(rate.limit)),
        (f"x-ratelimit-remaining-{rate.measure}", str(rate.remaining)),
        (f"x-ratelimit-reset-{rate.measure}", f"{rate.reset:.3f}s"),
    ]


def problem(error: LimitReached) -> Problem:
    """429 with the seconds to wait; 402 for a budget that is used up, which waiting does not mend."""
    told = tuple(headers(error.rates))
    if error.retry_after is None:
        return Problem(402, error.code, error.member_message, headers=told)
    wait = ("Retry-After", str(ceil(error.retry_after)))
    return Problem(429, error.code, error.member_message, headers=(*told, wait))
