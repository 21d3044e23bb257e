"""A follow-up is searched with what it follows."""

import pytest

from orchestration.questions import Question, search_text

HISTORY = (
    ("user", "What is the travel policy for contractors?"),
    ("assistant", "Contractors book themselves [1]."),
)


@pytest.mark.parametrize(
    "text",
    [
        "And in Zurich?",
        "Who approves it?",
        "Why?",
        "What about employees of the Berlin office?",
        "How is that?",
    ],
)
def test_a_follow_up_is_searched_with_the_question_before(text: str) -> None:
    asked = search_text(Question(text, history=HISTORY))
    assert asked == f"What is the travel policy for contractors? {text}"


@pytest.mark.parametrize(
    ("before", "text", "sought"),
    [
        ("How many days has department 7?", "And department 9?", "How many days has department 9?"),
        ("What is the rent in Berlin?", "What about in Zurich?", "What is the rent in Zurich?"),
        ("Price of Northwind Standard?", "And Northwind Plus?", "Price of Northwind Plus?"),
        ("What did Plan Basic cost in 2023?", "And in 2024?", "What did Plan Basic cost in 2024?"),
        (
            "Was ist in Bern und in Genf erlaubt?",
            "And in Zug?",
            "Was ist in Bern und in Genf erlaubt?",
        ),
        ("What is the rent in Berlin?", "And in 2024?", "What is the rent in Berlin?"),
        ("Which pump does AX-4711 fit?", "And its price?", "Which pump does AX-4711 fit?"),
    ],
)
def test_a_follow_up_about_another_one_is_searched_with_that_one(
    before: str, text: str, sought: str
) -> None:
    history = (("user", before), ("assistant", "17 [1]."))
    assert search_text(Question(text, history=history)) == f"{sought} {text}"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "How many days of paid leave do employees get?",
        "Which documents describe the backup schedule that runs at night?",
    ],
)
def test_a_question_that_stands_alone_is_searched_as_it_is(text: str) -> None:
    assert search_text(Question(text, history=HISTORY)) == text


def test_without_history_there_is_nothing_to_add() -> None:
    assert search_text(Question("And in Zurich?")) == "And in Zurich?"


def test_a_chain_of_follow_ups_goes_back_to_the_last_full_question() -> None:
    history = (*HISTORY, ("user", "Who approves it?"), ("assistant", "Dana [1]."))
    assert search_text(Question("Why?", history=history)).startswith("What is the travel policy")
