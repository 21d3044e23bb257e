"""Citation marks are read while they stream, whatever the pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.marks import LONGEST_MARK, Marks


def streamed(text: str, *, passages: int = 5, size: int = 1) -> tuple[str, Marks]:
    marks = Marks(passages)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return "".join(map(marks.feed, pieces)) + marks.close(), marks


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Leave is 25 days [1].", "Leave is 25 days [1]."),
        ("First [3], then [1], again [3].", "First [1], then [2], again [1]."),
        ("Both [2, 4] and [1-3].", "Both [1][2] and [3][1][4]."),
        ("Full width 【2】.", "Full width [1]."),
        ("Invented [9] mark.", "Invented mark."),
        ("Half invented [9, 2].", "Half invented [1]."),
        ("Nought [0] is no passage.", "Nought is no passage."),
        ("Not marks: [a] [1a] [] [12", "Not marks: [a] [1a] [] [12"),
        (
            "Code `rows[1]` and\n```\nx[2]\n```\nthen [2].",
            "Code `rows[1]` and\n```\nx[2]\n```\nthen [1].",
        ),
        ("An open ` tick\nends with its line [2].", "An open ` tick\nends with its line [1]."),
        ("Trailing space ", "Trailing space "),
    ],
)
def test_marks_are_renumbered_in_order_of_first_use(written: str, shown: str, size: int) -> None:
    assert streamed(written, size=size)[0] == shown


def test_invented_marks_are_counted() -> None:
    assert streamed("One [7], two [8, 9], real [1].")[1].invented == 3


def test_numbers_map_passages_to_marks() -> None:
    assert streamed("B [4]. A [2].")[1].numbers == {4: 1, 2: 2}


@given(st.text(alphabet="ab [1234567890],-`\n【】", max_size=80), st.integers(1, 5))
def test_the_pieces_make_no_difference(text: str, size: int) -> None:
    whole, at_once = streamed(text, size=max(1, len(text)))
    pieces, piecewise = streamed(text, size=size)
    assert (pieces, piecewise.numbers, piecewise.invented) == (
        whole,
        at_once.numbers,
        at_once.invented,
    )


def test_little_is_held_back() -> None:
    marks = Marks(5)
    given_back = marks.feed("x [" + "1," * 200)
    assert len("x [" + "1," * 200) - len(given_back) <= LONGEST_MARK + 3
