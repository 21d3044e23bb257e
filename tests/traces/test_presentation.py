"""Attributes are shown by their shape."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from traces import presentation
from traces.presentation import Branch, Leaf, shown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_a_prompt_is_shown_as_messages() -> None:
    found = shown({"gen_ai.input.messages": [{"role": "user", "content": "Why?"}]})
    assert found.messages[0].name == "Prompt"
    assert found.messages[0].items[0].text.value == "Why?"


def test_parts_of_a_message_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "content": "two"}]
    found = shown({"prompt": [{"role": "user", "parts": parts}]})
    assert found.messages[0].items[0].text.value == "one\n\ntwo"


def test_passages_are_a_table_with_rank_first_and_texts_below() -> None:
    passage = {"score": 0.031746, "chunk_id": "c", "title": "T", "text": "long " * 60, "rank": 1}
    table = shown({"footnote.passages": [passage]}).tables[0]
    assert [column.name for column in table.columns] == ["rank", "title", "score"]
    assert [cell.text.value for cell in table.rows[0].cells] == ["1", "T", "0.0317"]
    assert table.rows[0].texts[0].value == passage["text"]


def test_a_column_of_numbers_stays_one_where_a_number_is_missing() -> None:
    table = shown({"passages": [{"page": 3, "title": "T"}, {"page": None, "title": "U"}]}).tables[0]
    assert [column.number for column in table.columns] == [False, True]
    assert [row.cells[1].number for row in table.rows] == [True, True]


def test_the_title_of_a_passage_carries_its_document() -> None:
    table = shown({"passages": [{"title": "T", "document_id": "d"}]}).tables[0]
    assert table.rows[0].cells[0].document_id == "d"


def test_a_long_text_is_cut_at_a_word_and_kept_whole() -> None:
    text = shown({"query": "word " * 200}).blocks[0]
    assert text.is_long
    assert text.beginning.endswith("word")
    assert text.value == "word " * 200


def test_an_error_stands_first_and_not_among_the_attributes() -> None:
    found = shown({"error.type": "TimeoutError", "error.message": "too late", "n": 1})
    assert found.error == "TimeoutError: too late"
    assert [node.name for node in found.tree] == ["n"]


def test_what_is_long_folds_and_what_is_short_is_a_line() -> None:
    (branch,) = shown({"timings": {"embed": 3.5, "steps": list(range(40)), "few": [1, 2]}}).tree
    assert isinstance(branch, Branch)
    assert [child.kind for child in branch.children] == ["text", "branch", "text"]
    assert isinstance(branch.children[2], Leaf)
    assert branch.children[2].text.value == "[1, 2]"


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_attributes_can_be_shown_and_are_whole_in_the_json(attributes: dict[str, Any]) -> None:
    found = shown(attributes)
    assert json.loads(found.raw) == attributes
    parts = len(found.tables) + len(found.messages) + len(found.blocks) + len(found.tree)
    errors = sum(1 for key in presentation.ERROR_KEYS if key in attributes)
    assert parts == len(attributes) - errors
