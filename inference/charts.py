"""Costs per day as stacked bars, in the units of an SVG's view box; a template draws them. Entry point: ``stacked``.

The four dearest groups have a colour of their own; the rest is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from inference.costs import DayCost

WIDTH, HEIGHT = 720, 180
COLOURED = 4


@dataclass(frozen=True)
class Part:
    """One group's piece of a day's bar; ``colour`` is 1 to 5, the last for what is left."""

    day: date
    name: str
    colour: int
    cost_usd: Decimal
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Series:
    """A group's sum over the period; the name is empty for what is left."""

    name: str
    colour: int
    cost_usd: Decimal
    percent: int


@dataclass(frozen=True)
class Chart:
    """A whole chart; ``top_usd`` is the dearest day, which is as high as the chart."""

    parts: tuple[Part, ...]
    series: tuple[Series, ...]
    first: date
    last: date
    top_usd: Decimal


def stacked(rows: Sequence[DayCost], *, days: int, last: date) -> Chart | None:
    """The days up to ``last``; None where nothing was spent."""
    ranked = _ranked(rows)
    if not ranked:
        return None
    colours = {name: min(at, COLOURED + 1) for at, name in enumerate(ranked, start=1)}
    first = last - timedelta(days=days - 1)
    by_day = _by_day(rows, colours)
    top = max(sum(found.values()) for found in by_day.values())
    names = {colour: name if colour <= COLOURED else "" for name, colour in colours.items()}
    parts: list[Part] = []
    for day, found in sorted(by_day.items()):
        parts += _bar(day, found, names, at=(day - first).days, days=days, top=Decimal(top))
    return Chart(tuple(parts), _series(by_day, names), first, last, Decimal(top))


def _ranked(rows: Sequence[DayCost]) -> list[str]:
    """Groups that cost anything, the dearest first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.group] += row.cost_usd
    return sorted((name for name in sums if sums[name] > 0), key=lambda name: (-sums[name], name))


def _by_day(rows: Sequence[DayCost], colours: dict[str, int]) -> dict[date, dict[int, Decimal]]:
    """Costs of each day by colour, without what cost nothing."""
    found: dict[date, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        if row.cost_usd > 0:
            found[row.day][colours[row.group]] += row.cost_usd
    return found


def _bar(
    day: date, found: dict[int, Decimal], names: dict[int, str], *, at: int, days: int, top: Decimal
) -> list[Part]:
    step = Decimal(WIDTH) / days
    parts, floor = [], Decimal(HEIGHT)
    for colour, cost in sorted(found.items()):
        height = cost / top * HEIGHT
        floor -= height
        sizes = (at * step, floor, step * Decimal("0.8"), height)
        parts.append(Part(day, names[colour], colour, cost, *(f"{size:.2f}" for size in sizes)))
    return parts


def _series(by_day: dict[date, dict[int, Decimal]], names: dict[int, str]) -> tuple[Series, ...]:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for found in by_day.values():
        for colour, cost in found.items():
            sums[colour] += cost
    total = sum(sums.values())
    return tuple(
        Series(names[colour], colour, cost, round(cost / total * 100))
        for colour, cost in sorted(sums.items())
    )
