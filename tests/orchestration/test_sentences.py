"""Sentences end where a reader would say so."""

import pytest

from orchestration.sentences import passage_sentences, sentences


def texts(answer: str) -> list[str]:
    return [answer[start:end] for start, end in sentences(answer)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Leave is 25 days. [1] It is paid. [2][3] More.",
            ["Leave is 25 days. [1]", "It is paid. [2][3]", "More."],
        ),
        ("It costs 3.5 EUR [1]. Really.", ["It costs 3.5 EUR [1].", "Really."]),
        (
            "Ask Dr. Keller, e.g. by mail. She knows.",
            ["Ask Dr. Keller, e.g. by mail.", "She knows."],
        ),
        ("The U.S. Treasury agreed. In the U.S.", ["The U.S. Treasury agreed.", "In the U.S."]),
        ("J. Doe signed. Done.", ["J. Doe signed.", "Done."]),
        ("1. First item\n2. Second item", ["1. First item", "2. Second item"]),
        ("- One\n- Two. And three.", ["- One", "- Two.", "And three."]),
        ("He said “no.” Then he left.", ["He said “no.”", "Then he left."]),
        ("休暇は25日です。[1]有給です。", ["休暇は25日です。[1]", "有給です。"]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_an_answer_is_split_into_its_sentences(answer: str, expected: list[str]) -> None:
    assert texts(answer) == expected


def test_a_line_break_inside_a_paragraph_ends_no_sentence_of_a_document() -> None:
    text = "The office\ncloses at six. It opens\nat nine.\n\n# Next\n- item one\n- item two"
    found = [text[start:end] for start, end in passage_sentences(text)]
    assert found == [
        "The office\ncloses at six.",
        "It opens\nat nine.",
        "# Next",
        "- item one",
        "- item two",
    ]
