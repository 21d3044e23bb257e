"""Which units go together: the cheapest way to divide a whole document into chunks.

Greedy packing leaves crumbs before every heading and cuts wherever the budget ends. Here each chunk
has a cost (its distance from the target size, what it cuts, what it runs over) and the division
with the least sum is found exactly, in one pass over the units.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.chunking.profiles import ChunkProfile
from ingestion.chunking.units import CUT_COST, Unit

_PER_CHUNK = 0.02  # of two divisions that are equal else, the one with fewer chunks
_OVERSIZE = 2.0  # how much worse a token above the target is than one below
_LEFT_BEHIND = 0.6  # a heading or lead-in at a chunk's end, parted from what it introduces


def pack(units: Sequence[Unit], profile: ChunkProfile, room: int) -> list[tuple[int, int]]:
    """(first, last + 1) of each chunk's units. At most `room` tokens and the profile's characters."""
    best = [0.0] + [float("inf")] * len(units)
    back = [0] * (len(units) + 1)
    for first in range(len(units)):
        _extend(units, first, best, back, profile, room)
    bounds, last = [], len(units)
    while last:
        bounds.append((back[last], last))
        last = back[last]
    return bounds[::-1]


def _extend(
    units: Sequence[Unit],
    first: int,
    best: list[float],
    back: list[int],
    profile: ChunkProfile,
    room: int,
) -> None:
    """Try every chunk that begins at `first`."""
    unit = units[first]
    base = best[first] + _PER_CHUNK + CUT_COST[unit.cut]
    tokens, inside, top = 0, 0.0, unit.level
    for last in range(first, len(units)):
        latest = units[last]
        tokens += latest.tokens
        if last > first:
            if tokens > room or latest.end - unit.start > profile.max_chars:
                return
            inside += _inside_cost(units[last - 1], latest, top, profile)
        cost = base + inside + _size_cost(tokens, profile.target_tokens)
        if latest.leads and last + 1 < len(units):
            cost += _LEFT_BEHIND
        if cost < best[last + 1]:
            best[last + 1], back[last + 1] = cost, first


def _size_cost(tokens: int, target: int) -> float:
    distance = (tokens - target) / target
    return distance * distance * (_OVERSIZE if distance > 0 else 1.0)


def _inside_cost(before: Unit, unit: Unit, top: int, profile: ChunkProfile) -> float:
    """What it costs that a chunk runs on over the boundary between two units."""
    cost = 0.0
    if unit.page != before.page and not unit.flows:
        cost += profile.page_cost
    if unit.level and before.kind != "heading":
        # Going on under a deeper heading is better than running into the next chapter.
        cost += profile.heading_cost * (1.0 if top and unit.level > top else 1.5)
    return cost
