"""A context holds no text twice, never a token too many, and numbers from one."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.tokens import count_text
from retrieval.context import LEAST_CHARACTERS, build_context, distinct
from tests.retrieval.passages import passage

SENTENCE = "Blades are inspected by borescope after every five hundred hours of flight. "
LEAVE = "Every employee has thirty days of paid leave, to be taken before the end of March. "


def test_passages_are_numbered_from_one_in_order_of_rank():
    found = [
        passage(SENTENCE, 1),
        passage(LEAVE, 2, start=1000, version_id=uuid4(), document_id=uuid4()),
    ]
    context = build_context(found, budget=1000)
    assert context.text.startswith("[1] Handbook, page 1\nBlades")
    assert "\n\n[2] Handbook, page 1\nEvery" in context.text
    assert context.passages == tuple(found)
    assert context.tokens == count_text(context.text)


def test_the_same_text_is_given_once():
    copies = [
        passage(SENTENCE * 3, rank, version_id=uuid4(), document_id=uuid4()) for rank in (1, 2)
    ]
    assert build_context(copies, budget=1000).passages == (copies[0],)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Northwind Standard plan pays for it. ", "The Northwind Plus plan pays for it. "),
        ("Leave is 5 days a year for all of us. ", "Leave is 10 days a year for all of us. "),
    ],
)
def test_a_name_or_a_number_makes_a_difference(one, other):
    """Two nearly identical plans are not one plan."""
    filler = LEAVE * 10
    found = [passage(filler + one, 1), passage(filler + other, 2, version_id=uuid4())]
    assert len(distinct(found)) == 2


def test_overlapping_chunks_are_trimmed_to_what_is_new():
    text = SENTENCE * 2 + LEAVE * 2
    first = passage(text[:200], 1)
    second = passage(text[120:], 2, start=120)
    _, rest = distinct([first, second])
    assert (rest.span_start, rest.span_end) == (
        200 + text[200:].index(text[200:].strip()),
        len(text.rstrip()),
    )
    assert rest.text == text[rest.span_start : rest.span_end]
    assert rest.chunk_id == second.chunk_id


def test_a_chunk_inside_another_is_left_out():
    text = SENTENCE + LEAVE
    assert len(distinct([passage(text, 1), passage(text[10:150], 2, start=10)])) == 1


def test_neighbours_of_a_document_are_put_into_reading_order():
    later, earlier = passage(LEAVE, 1, start=500), passage(SENTENCE, 2, start=100)
    other = passage(
        "Parking is free for visitors. " * 4, 3, document_id=uuid4(), version_id=uuid4()
    )
    assert build_context([later, earlier, other], budget=1000).passages == (earlier, later, other)


def test_what_does_not_fit_is_cut_at_a_sentence():
    whole = passage(SENTENCE * 20, 1)
    context = build_context([whole], budget=100)
    (part,) = context.passages
    assert part.text.endswith("flight.")
    assert LEAST_CHARACTERS <= len(part.text) < len(whole.text)
    assert part.span_end == part.span_start + len(part.text)
    assert context.tokens <= 100


def test_a_smaller_passage_may_fit_after_one_that_did_not():
    endless = passage("blade" * 2000, 1)
    small = passage(LEAVE, 2, start=20_000)
    assert build_context([endless, small], budget=80).passages == (small,)


def test_no_room_and_no_passages_give_an_empty_context():
    for found, budget in (([passage(SENTENCE * 3)], 5), ([], 100), ([passage(SENTENCE)], 0)):
        context = build_context(found, budget=budget)
        assert (context.text, context.passages, context.tokens) == ("", (), 0)


@given(
    texts=st.lists(st.text(min_size=1, max_size=400), max_size=15),
    budget=st.integers(min_value=0, max_value=300),
)
def test_the_budget_is_kept_whatever_the_texts(texts, budget):
    found = [passage(text, rank, start=1000 * rank) for rank, text in enumerate(texts, 1)]
    context = build_context(found, budget=budget)
    assert context.tokens == count_text(context.text) <= budget


def test_a_few_small_words_make_no_difference_and_many_do():
    few, many = LEAVE * 10 + "and so on ", LEAVE * 10 + "and so on " * 30
    assert len(distinct([passage(LEAVE * 10, 1), passage(few, 2, version_id=uuid4())])) == 1
    assert len(distinct([passage(LEAVE * 10, 1), passage(many, 2, version_id=uuid4())])) == 2
