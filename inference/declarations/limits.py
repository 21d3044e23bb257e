"""Rate limits: how often, how many tokens, and how many calls at once."""

from __future__ import annotations

from inference.declarations import counted
from inference.models import RateLimit

LONGEST_SECONDS = 31_536_000
PROPERTIES = {
    "measure": {"enum": RateLimit.Measure.values},
    "amount": {
        "type": "integer",
        "minimum": 1,
        "maximum": 2**31 - 1,
        "description": "a whole number of at least 1",
    },
    "seconds": {
        "type": "integer",
        "minimum": 1,
        "maximum": LONGEST_SECONDS,
        "description": f"a whole number from 1 to {LONGEST_SECONDS}",
    },
}
DEFAULTS = {"measure": "requests", "seconds": 60}

KIND = counted.kind("limits", "limit", RateLimit, PROPERTIES, DEFAULTS, "amount")
