"""Reading order: the order of drawing, unless a page was plainly drawn out of order.

Most programs draw text as it is read, columns included, and no geometry knows better. But some draw the
letterhead last, or a form's answers after its questions. There the page's runs of lines are
sorted by two rules (Breuel, 2003): above comes before below where both share a column; left comes
before right where nothing across both stands between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.parsing.pdf_lines import Line

_MOST_RUNS = 80  # on a page: the second rule looks at triples


@dataclass(slots=True)
class _Run:
    """Lines drawn one below the other."""

    lines: list[Line]
    x0: float
    x1: float
    top: float
    bottom: float

    def shares_column(self, other: _Run) -> bool:
        return min(self.x1, other.x1) - max(self.x0, other.x0) > 1.0

    def is_above(self, other: _Run) -> bool:
        return self.bottom >= other.top - 2.0


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The page's lines, sorted only if a run stands above one that was drawn before it."""
    runs = _runs(lines)
    if len(runs) > _MOST_RUNS or not _is_disordered(runs):
        return list(lines)
    return [line for run in _sorted(runs) for line in run.lines]


def _runs(lines: Sequence[Line]) -> list[_Run]:
    runs: list[_Run] = []
    for line in lines:
        top = line.y + (line.table or line.size)
        run = runs[-1] if runs else None
        if (
            run
            and -1.0 < run.bottom - top < 2.5 * line.size
            and line.x0 < run.x1
            and line.x1 > run.x0
        ):
            run.lines.append(line)
            run.x0, run.x1 = min(run.x0, line.x0), max(run.x1, line.x1)
            run.bottom = line.y
        else:
            runs.append(_Run([line], line.x0, line.x1, top, line.y))
    return runs


def _is_disordered(runs: Sequence[_Run]) -> bool:
    return any(
        later.shares_column(earlier) and later.is_above(earlier)
        for index, later in enumerate(runs)
        for earlier in runs[:index]
    )


def _sorted(runs: Sequence[_Run]) -> list[_Run]:
    """Topological order; among those free to come next, the one drawn first."""
    before = {
        index: {
            other for other in range(len(runs)) if other != index and _precedes(runs, other, index)
        }
        for index in range(len(runs))
    }
    order: list[_Run] = []
    waiting = list(range(len(runs)))
    while waiting:
        placed = set(range(len(runs))) - set(waiting)
        free = [index for index in waiting if before[index] <= placed]
        # A cycle cannot be satisfied: then the highest comes next.
        chosen = free[0] if free else max(waiting, key=lambda index: runs[index].top)
        order.append(runs[chosen])
        waiting.remove(chosen)
    return order


def _precedes(runs: Sequence[_Run], first: int, second: int) -> bool:
    a, b = runs[first], runs[second]
    if a.shares_column(b):
        return a.is_above(b) and not b.is_above(a)
    if a.x1 > b.x0 + 1.0:
        return False
    low, high = min(a.bottom, b.bottom), max(a.top, b.top)
    return not any(
        c.shares_column(a) and c.shares_column(b) and low < (c.top + c.bottom) / 2 < high
        for index, c in enumerate(runs)
        if index not in (first, second)
    )
