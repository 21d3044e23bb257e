"""Confidence intervals (95 %) for what routes are compared by.

Shares: Wilson's score interval (E. B. Wilson, JASA 22, 1927), which stays within 0 and 1 and means something at three
calls. Means: Student's t with the sample's standard deviation; costs and latencies are skewed, so below some thirty
calls it is a rough guide, which the page says. Quantiles of t by the Cornish-Fisher expansion (Abramowitz and Stegun,
26.7.5), exact to three digits from five degrees of freedom on, by table below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
_FEW = (math.nan, 12.7062, 4.3027, 3.1824, 2.7764)


@dataclass(frozen=True)
class Interval:
    """A value with the bounds between which the true one lies, 95 times of 100."""

    value: float
    low: float
    high: float
    n: int


def share(hits: int, n: int) -> Interval | None:
    """Of `n` calls, how many; None for none."""
    if n == 0:
        return None
    observed = hits / n
    denominator = 1 + Z**2 / n
    centre = (observed + Z**2 / (2 * n)) / denominator
    spread = Z / denominator * math.sqrt(observed * (1 - observed) / n + Z**2 / (4 * n**2))
    # At none and at all of them the bound is exact, whatever the last bits of a float say.
    low = max(0.0, centre - spread) if hits else 0.0
    high = min(1.0, centre + spread) if hits < n else 1.0
    return Interval(observed, low, high, n)


def mean(average: float | None, deviation: float | None, n: int) -> Interval | None:
    """Of `n` values of 0 or more, with this sample deviation; None for fewer than two."""
    if average is None or deviation is None or n < 2:
        return None
    spread = t_quantile(n - 1) * deviation / math.sqrt(n)
    return Interval(average, max(0.0, average - spread), average + spread, n)


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t."""
    if freedom < len(_FEW):
        return _FEW[freedom]
    one = (Z**3 + Z) / 4
    two = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    three = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    four = (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160
    return Z + one / freedom + two / freedom**2 + three / freedom**3 + four / freedom**4
