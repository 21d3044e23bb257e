"""What of a model's text is shown while it writes."""

import pytest

from orchestration.drafts import Draft
from orchestration.prompts import NO_ANSWER


def drafted(text: str, *, size: int = 3) -> Draft:
    draft = Draft(3)
    shown = "".join(draft.feed(text[at : at + size]) for at in range(0, len(text), size))
    shown += draft.close()
    assert shown == draft.text
    return draft


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_an_answer_is_shown_as_it_is_written(size: int) -> None:
    assert (
        drafted(" No leave for contractors [2]. \n", size=size).text
        == "No leave for contractors [1]."
    )


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text", [NO_ANSWER, f"**{NO_ANSWER}**", f"{NO_ANSWER.lower()}. I looked [1]."]
)
def test_the_words_for_no_answer_are_never_shown(text: str, size: int) -> None:
    draft = drafted(text, size=size)
    assert draft.refused
    assert draft.text == ""


def test_an_answer_that_begins_like_a_refusal_is_one_all_the_same() -> None:
    assert (
        drafted("NO ANSWER to that was ever given [1].").text
        == "NO ANSWER to that was ever given [1]."
    )
    assert drafted("NO").text == "NO"


def test_the_model_s_own_words_are_kept_for_the_trace() -> None:
    assert drafted("Yes [9].").written == "Yes [9]."
