"""Support says how far the words of a quote bear out a sentence."""

import pytest

from orchestration.support import SUPPORTED, best_evidence, reading, support

PASSAGE = (
    "# Leave\n\nEmployees get 25 days of paid leave a year. Contractors do not get paid leave.\n\n"
    "The Zurich office closes at 18:00. It has 1,200 desks."
)


def supported(claim: str, evidence: str = PASSAGE) -> float:
    return support(reading(claim), reading(evidence))


@pytest.mark.parametrize(
    "claim",
    [
        "Employees get 25 days of paid leave a year [1].",
        "An employee gets 25 days of leave.",
        "The office in Zurich closes at 18:00 [2].",
    ],
)
def test_what_the_passage_says_is_supported(claim: str) -> None:
    best = best_evidence(reading(claim), PASSAGE)
    assert best.support >= 0.9


@pytest.mark.parametrize(
    "claim",
    [
        "Employees get 30 days of paid leave a year.",
        "Contractors get paid leave.",
        "The Munich garage opens on Sundays.",
    ],
)
def test_what_it_does_not_say_is_not(claim: str) -> None:
    assert best_evidence(reading(claim), PASSAGE).support < SUPPORTED


def test_the_evidence_for_a_denied_claim_is_the_sentence_that_denies_it() -> None:
    best = best_evidence(reading("Contractors get paid leave."), PASSAGE)
    assert PASSAGE[best.start : best.end] == "Contractors do not get paid leave."


def test_thousands_are_the_same_number_however_written() -> None:
    assert supported("It has 1200 desks.", "It has 1,200 desks.") == 1.0
    assert supported("It has three desks.", "It has 3 desks.") == 1.0


def test_two_neighbours_are_quoted_when_a_claim_needs_both() -> None:
    best = best_evidence(reading("The Zurich office closes at 18:00 and has 1,200 desks."), PASSAGE)
    assert (
        PASSAGE[best.start : best.end] == "The Zurich office closes at 18:00. It has 1,200 desks."
    )


def test_a_claim_without_content_words_has_no_support() -> None:
    assert supported("It is so.") == 0.0


def test_thai_is_compared_by_pairs_of_characters_as_it_is_indexed() -> None:
    passage = "บริษัทให้พนักงานได้รับวันหยุดปีละ 25 วัน"
    assert supported("วันหยุดพนักงาน", passage) > 0.8
    assert supported("วันลาพนักงาน", passage) >= SUPPORTED
    assert supported("โรงอาหารเปิดตอนเช้า", passage) < SUPPORTED


def test_a_hindi_sentence_ends_with_its_own_stop() -> None:
    passage = "भोजनालय सुबह खुलता है। कर्मचारियों को हर साल छुट्टी मिलती है।"
    best = best_evidence(reading("कर्मचारियों को छुट्टी मिलती है।"), passage)
    assert passage[best.start : best.end] == "कर्मचारियों को हर साल छुट्टी मिलती है।"
