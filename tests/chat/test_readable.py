"""A document's block as people read it: the passage marked, Markdown's own signs gone."""

import pytest

from chat.readable import Piece, shown

TABLE = "| Kite | Wingspan |\n|---|---|\n| Red \\| fork-tailed | 180 cm |\n| Black | 150 cm |"


def read(
    kind: str, text: str, passage: str = "", *, markdown: bool = False
) -> list[tuple[str, bool]]:
    """The pieces of a block in which ``passage`` is marked."""
    start = text.index(passage)
    span = (start, start + len(passage)) if passage else None
    return [(each.text, each.marked) for each in shown(kind, text, span, markdown=markdown).pieces]


def test_the_passage_is_marked_where_it_stands() -> None:
    assert read("paragraph", "Red kites nest in oaks.", "nest") == [
        ("Red kites ", False),
        ("nest", True),
        (" in oaks.", False),
    ]


@pytest.mark.parametrize("passage", ["", "## Feeding", "Feeding"])
def test_a_heading_loses_its_signs_and_keeps_its_mark(passage: str) -> None:
    assert read("heading", "## Feeding", passage) == [("Feeding", bool(passage))]


def test_only_markdown_loses_its_bold() -> None:
    assert read("paragraph", "The **red** kite", markdown=True) == [("The red kite", False)]
    assert read("paragraph", "2 ** 3 ** 4") == [("2 ** 3 ** 4", False)]


def test_code_loses_its_fence() -> None:
    assert read("code", "```python\nx = 1\n```") == [("x = 1", False)]


def test_a_table_has_rows_and_a_mark_goes_over_its_cells() -> None:
    start = TABLE.index("Red")
    rows = shown("table", TABLE, (start, TABLE.index("150"))).rows
    assert [["".join(each.text for each in cell) for cell in row] for row in rows] == [
        ["Kite", "Wingspan"],
        ["Red | fork-tailed", "180 cm"],
        ["Black", "150 cm"],
    ]
    marked = [[any(each.marked for each in cell) for cell in row] for row in rows]
    assert marked == [[False, False], [True, True], [True, False]]


def test_a_mark_cannot_be_forged_by_a_document() -> None:
    assert shown("paragraph", "\ue000All is well\ue001", None).pieces == (
        Piece("\ufffdAll is well\ufffd"),
    )
