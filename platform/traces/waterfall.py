"""A trace's spans as a waterfall: rows in tree order, bars to one scale. Pure arithmetic, no queries.

Positions are percentages of the whole duration, as SVG takes them, so that the page needs no inline style.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from traces.models import Span

# 1, 2 or 5 times a power of ten is what people read on an axis.
NICE = (1.0, 2.0, 5.0)
MOST_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """One row: a span, how deep it is nested, and where its bar lies (percent)."""

    span: Span
    depth: int
    offset_ms: float
    left: float
    width: float

    @property
    def indent(self) -> int:
        """Pixels before the name; nesting deeper than the column allows is drawn at its last step."""
        return min(self.depth, 12) * 14

    @property
    def label_end(self) -> bool:
        """Is there no room for the duration right of the bar?"""
        return self.left + self.width > 82

    @property
    def label_inside(self) -> bool:
        """Is there no room on its left either?"""
        return self.label_end and self.left < 18

    @property
    def label_at(self) -> float:
        """Where the duration is written."""
        return self.left if self.label_end and not self.label_inside else self.left + self.width


@dataclass(frozen=True)
class Tick:
    """A mark of the time axis."""

    ms: float
    left: float


@dataclass(frozen=True)
class Waterfall:
    """The rows, the scale and its marks."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    total_ms: float


def waterfall(spans: Sequence[Span]) -> Waterfall:
    """Lay out ``spans``; parents before children, siblings by start. A span whose parent is missing is a root."""
    if not spans:
        return Waterfall((), (), 0.0)
    origin = min(span.started_at for span in spans)
    total = max(_since(origin, span) + span.duration_ms for span in spans) or 1.0
    bars = tuple(_bar(span, depth, _since(origin, span), total) for span, depth in in_tree(spans))
    return Waterfall(bars, ticks(total), total)


def in_tree(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    """Each span once with its depth, also when the parents form a loop. Iterative: nesting may be deep."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.started_at):
        parent = span.parent_span_id if span.parent_span_id in known else ""
        children.setdefault(parent, []).append(span)
    seen: set[str] = set()
    yield from _walk(children.get("", []), children, seen)
    yield from _walk([span for span in spans if span.span_id not in seen], children, seen)


def _walk(
    roots: Sequence[Span], children: dict[str, list[Span]], seen: set[str]
) -> Iterator[tuple[Span, int]]:
    waiting = [(span, 0) for span in reversed(roots)]
    while waiting:
        span, depth = waiting.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span.span_id, []))]


def ticks(total_ms: float) -> tuple[Tick, ...]:
    """Marks at round times, at most ``MOST_TICKS``; the end itself is not marked."""
    step = next(step for step in _steps() if total_ms / step <= MOST_TICKS)
    count = int(total_ms / step)
    marks = [Tick(step * n, step * n / total_ms * 100) for n in range(count + 1)]
    return tuple(mark for mark in marks if mark.left < 94)


def _steps() -> Iterator[float]:
    power = 0.001
    while True:
        yield from (power * factor for factor in NICE)
        power *= 10


def _bar(span: Span, depth: int, offset_ms: float, total_ms: float) -> Bar:
    left = round(offset_ms / total_ms * 100, 3)
    width = round(span.duration_ms / total_ms * 100, 3)
    return Bar(span, depth, offset_ms, left, min(width, 100 - left))


def _since(origin: datetime, span: Span) -> float:
    return (span.started_at - origin).total_seconds() * 1000
