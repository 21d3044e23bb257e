"""Bars to one scale, in the order of the tree."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from traces.models import Span
from traces.waterfall import in_tree, ticks, waterfall

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def span(name: str, parent: str = "", *, at: float = 0, ms: float = 10) -> Span:
    return Span(
        span_id=name,
        parent_span_id=parent,
        name=name,
        kind="step",
        outcome="ok",
        started_at=NOON + timedelta(milliseconds=at),
        duration_ms=ms,
    )


def test_bars_lie_where_their_time_lies() -> None:
    fall = waterfall([span("root", ms=200), span("a", "root", at=50, ms=100)])
    assert [(bar.left, bar.width) for bar in fall.bars] == [(0, 100), (25, 50)]
    assert fall.total_ms == 200


def test_children_follow_their_parent_in_order_of_their_start() -> None:
    spans = [span("root"), span("b", "root", at=5), span("b1", "b", at=6), span("a", "root", at=1)]
    assert [(bar.span.name, bar.depth) for bar in waterfall(spans).bars] == [
        ("root", 0),
        ("a", 1),
        ("b", 1),
        ("b1", 2),
    ]


def test_a_span_whose_parent_is_missing_is_shown_as_a_root() -> None:
    assert [depth for _, depth in in_tree([span("lost", "gone")])] == [0]


def test_spans_that_are_each_others_parents_are_shown_once() -> None:
    names = [span.name for span, _ in in_tree([span("a", "b"), span("b", "a")])]
    assert sorted(names) == ["a", "b"]


def test_a_trace_without_spans_has_no_bars() -> None:
    assert waterfall([]).bars == ()


def test_a_trace_that_took_no_time_is_drawn() -> None:
    assert waterfall([span("root", ms=0)]).bars[0].left == 0


def test_nesting_of_ten_thousand_is_no_recursion() -> None:
    spans = [span(str(n), str(n - 1) if n else "") for n in range(10_000)]
    assert sum(1 for _ in in_tree(spans)) == 10_000


@given(st.floats(min_value=0.001, max_value=1e9))
def test_the_axis_has_few_round_marks(total: float) -> None:
    marks = ticks(total)
    assert 1 <= len(marks) <= 7
    assert marks[0].ms == 0
    assert all(0 <= mark.left < 94 for mark in marks)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1e5), st.floats(0, 1e5)),
        unique_by=lambda row: row[0],
        max_size=10,
    )
)
def test_every_span_is_one_bar_inside_the_frame(rows: list[tuple[int, int, float, float]]) -> None:
    spans = [span(str(name), str(parent), at=at, ms=ms) for name, parent, at, ms in rows]
    bars = waterfall(spans).bars
    assert sorted(bar.span.name for bar in bars) == sorted(each.name for each in spans)
    assert all(0 <= bar.left <= 100.01 and bar.left + bar.width <= 100.01 for bar in bars)
