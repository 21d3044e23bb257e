"""A citation quotes an exact span of the cited version, the one that bears out the sentence."""

from uuid import uuid4

from orchestration.citations import LONGEST_QUOTE, cited
from retrieval.passages import Explanation, Passage

BEFORE = "x" * 100
TEXT = "Employees get 25 days of paid leave. Contractors get none. The office closes at 18:00."


def passage(text: str = TEXT, *, start: int = len(BEFORE)) -> Passage:
    return Passage(
        rank=1,
        score=0.5,
        chunk_id=uuid4(),
        document_id=uuid4(),
        version_id=uuid4(),
        collection_id=uuid4(),
        external_id="leave.md",
        title="Leave",
        page=3,
        page_end=3,
        text=text,
        heading_path=(),
        span_start=start,
        span_end=start + len(text),
        explain=Explanation(1, 0.5, 1, 2.0, 0.9),
    )


def test_the_quote_is_the_span_of_the_version() -> None:
    version = BEFORE + TEXT
    checked = cited("The office closes at 18:00 [1].", {1: 1}, [passage()])
    (citation,) = checked.citations
    assert citation.quote == "The office closes at 18:00."
    assert version[citation.span_start : citation.span_end] == citation.quote
    assert checked.support == 1.0


def test_every_sentence_says_what_it_cites_and_how_far_it_is_supported() -> None:
    checked = cited(
        "Staff get 25 days of leave [1]. The moon is made of cheese.", {1: 1}, [passage()]
    )
    first, second = checked.sentences
    assert (first.citations, second.citations) == ((1,), ())
    assert first.support > 0.7
    assert second.support == 0.0
    assert checked.support == 0.5


def test_headings_and_lead_ins_are_no_claims() -> None:
    checked = cited("In short:\n- The office closes at 18:00 [1].", {1: 1}, [passage()])
    assert checked.support == 1.0


def test_a_quote_serves_all_its_sentences_when_it_can_stay_short() -> None:
    answer = "Employees get 25 days of paid leave [1]. The office closes at 18:00 [1]."
    (citation,) = cited(answer, {1: 1}, [passage()]).citations
    assert citation.quote == TEXT


def test_a_quote_that_would_be_long_is_that_of_the_best_supported_sentence() -> None:
    long = f"Employees get 25 days of paid leave. {'Filler words stand here. ' * 60}The office closes at 18:00."
    answer = "Staff get 25 days of leave [1]. The office closes at 18:00 [1]."
    (citation,) = cited(answer, {1: 1}, [passage(long)]).citations
    assert citation.quote == "The office closes at 18:00."
    assert len(citation.quote) < LONGEST_QUOTE


def test_two_passages_together_bear_out_what_neither_does_alone() -> None:
    passages = [
        passage("Dana Keller leads finance."),
        passage("Finance approves travel above 500 EUR."),
    ]
    checked = cited("Dana Keller approves travel above 500 EUR [1][2].", {1: 1, 2: 2}, passages)
    assert checked.sentences[0].support == 1.0


def test_a_mark_maps_to_its_passage_not_to_its_place() -> None:
    passages = [passage("Nothing here."), passage("The office closes at 18:00.")]
    (citation,) = cited("It closes at 18:00 [1].", {2: 1}, passages).citations
    assert (citation.n, citation.chunk_id) == (1, passages[1].chunk_id)


def test_an_answer_of_lead_ins_alone_is_judged_by_them() -> None:
    assert cited("The office closes at 18:00: [1]", {1: 1}, [passage()]).support == 1.0
