"""The score tells passages that answer from passages that do not; what it cannot know it does not pretend."""

import pytest

from retrieval.answerability import answerability, is_answerable
from tests.retrieval.passages import passage

QUESTION = "How many days of paid leave does an employee have?"
LEAVE = "Every employee has thirty days of paid leave."
PARKING = "Parking is free for visitors."


def found(best: float, *, text: str = LEAVE, rest: float = 0.1, share: float = 0.5):
    """Ten passages: the first with this cosine and text, the others far off."""
    first = passage(text, dense_score=best, lexical_score=8.0, lexical_share=share)
    others = [
        passage(PARKING, rank, dense_score=rest, lexical_score=0.5, lexical_share=0.03)
        for rank in range(2, 11)
    ]
    return [first, *others]


def test_an_answer_stands_out():
    assert answerability(QUESTION, found(0.75)) > 0.8
    assert is_answerable(QUESTION, found(0.75))


def test_passages_about_something_else_do_not_answer():
    assert answerability(QUESTION, found(0.2, text=PARKING, share=0.0)) < 0.1
    assert not is_answerable(QUESTION, found(0.2, text=PARKING, share=0.0))


def test_nothing_found_answers_nothing():
    assert answerability(QUESTION, []) == 0


@pytest.mark.parametrize(("worse", "better"), [(0.3, 0.6), (0.5, 0.7)])
def test_a_nearer_passage_scores_higher(worse, better):
    assert answerability(QUESTION, found(worse)) < answerability(QUESTION, found(better))


def test_a_higher_share_of_the_words_scores_higher():
    half = "Every employee has a desk."
    assert answerability(QUESTION, found(0.5, text=half)) < answerability(QUESTION, found(0.5))


def test_a_language_that_the_model_does_not_know_is_judged_by_its_words():
    """A high cosine means nothing there, and a low one is no reason to refuse."""
    question, text = (
        "Πόσες ημέρες άδειας έχει ένας υπάλληλος;",
        "Κάθε υπάλληλος έχει τριάντα ημέρες άδειας.",
    )
    right = found(0.5, text=text, rest=0.45, share=0.5)
    wrong = found(0.9, text="Η στάθμευση είναι δωρεάν.", rest=0.2, share=0.0)
    wrong = [passage(one.text, one.rank, dense_score=one.explain.dense_score) for one in wrong]
    assert answerability(question, right, language="simple") > 0.5
    assert answerability(question, wrong, language="simple") < 0.1


def test_passages_of_the_lexical_side_alone_can_be_judged():
    alone = [passage(LEAVE, lexical_rank=1, lexical_score=8.0, lexical_share=0.5)]
    assert 0 < answerability(QUESTION, alone) < 1


def test_the_page_before_the_best_changes_nothing():
    """It is among the first for the best one's sake, far from the question as it may be."""
    ten = found(0.6)
    before = passage(PARKING, 3, dense_score=-0.2, lexical_score=0.0, page_before=True)
    assert answerability(QUESTION, [*ten[:2], before, *ten[2:]]) == answerability(QUESTION, ten)
