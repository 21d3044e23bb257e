"""A passage of a document that the question names comes before its like in other documents."""

from collections import Counter
from dataclasses import replace

import pytest

from ingestion.lexical import terms
from retrieval.naming import with_named_first
from retrieval.passages import Passage, SearchRequest
from retrieval.search import search
from tenants.models import Tenant
from tenants.scope import Principal
from tests.library import Library
from tests.retrieval.passages import passage

PLUS, STANDARD = "Northwind Health Plus Plan", "Northwind Health Standard Plan"


def listed(*titles: str, scores: tuple[float, ...] = ()) -> list[Passage]:
    """Passages with these titles, best first, as good as each other unless told."""
    scores = scores or tuple(1 - n / 100 for n in range(len(titles)))
    return [
        passage(
            "Hospice care is covered.", rank, title=title, score=score, external_id=f"{rank}.pdf"
        )
        for rank, (title, score) in enumerate(zip(titles, scores, strict=True), start=1)
    ]


def order(question: str, passages: list[Passage], language: str = "english") -> list[str]:
    asked = {language: Counter(terms(question, language, question=True))}
    return [one.title for one in with_named_first(tuple(passages), asked)]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Does Northwind Health Plus cover hospice care?", PLUS),
        ("Does Northwind Health Standard cover hospice care?", STANDARD),
        # Neither is told apart, or both are: it stays as it was.
        ("Does Northwind Health cover hospice care?", STANDARD),
        ("Hospice care in Plus and Standard?", STANDARD),
    ],
)
def test_the_title_that_the_question_names_comes_first(question, first):
    assert order(question, listed(STANDARD, PLUS))[0] == first


def test_it_says_so_and_scores_fall():
    asked = {"english": Counter(terms("Is hospice care part of Plus?", question=True))}
    found = with_named_first(tuple(listed(STANDARD, PLUS, STANDARD)), asked)
    assert [one.explain.title_named for one in found] == [True, False, False]
    assert [one.rank for one in found] == [1, 2, 3]
    assert sorted((one.score for one in found), reverse=True) == [one.score for one in found]
    assert "its title is named" in str(found[0].explain)
    assert found[0].explain.as_json()["title_named"] is True


def test_what_is_clearly_better_stays_before_a_named_title():
    passages = listed(STANDARD, PLUS, scores=(1.0, 0.85))
    assert order("Does Plus cover hospice care?", passages) == [STANDARD, PLUS]


def test_half_of_what_tells_a_title_apart_does_not_name_it():
    passages = listed("Holiday Rules", "Travel Rules for Managers")
    assert order("What are the rules for travel?", passages)[0] == "Holiday Rules"
    assert order("What are managers' rules for travel?", passages)[0].startswith("Travel")


def test_a_word_that_few_titles_have_tells_more_than_one_that_most_have():
    passages = listed(STANDARD, PLUS, "Northwind Health Vision Plan", "Leave")
    assert order("Does the Northwind Health Plan cover hospice care?", passages)[0] == STANDARD
    assert order("Does Plus cover hospice care?", passages)[0] == PLUS


def test_a_file_name_is_named_by_its_words():
    passages = listed("benefits", "staff_handbook-v2")
    assert order("What does the staff handbook v2 say?", passages)[0] == "staff_handbook-v2"


@pytest.mark.parametrize(
    ("question", "titles", "first"),
    [
        ("What is new in release 2.1?", ("Release Notes 1.1", "Release Notes 2.1"), 1),
        ("What changed in 2 hours?", ("Release Notes 1.1", "Release Notes 2.1"), 0),
        ("Where are the C# loops?", ("C++ Guide", "C# Guide"), 1),
        ("हिंदी पुस्तिका में क्या है?", ("यात्रा पुस्तिका", "हिंदी पुस्तिका"), 1),
        ("Two of three words: alpha beta", ("Delta", "Alpha Beta Gamma"), 1),
    ],
)
def test_titles_are_read_as_questions_are(question, titles, first):
    assert order(question, listed(*titles))[0] == titles[first]


def test_a_named_twin_may_pass_the_best_and_the_page_before_it():
    best, twin = listed(STANDARD, PLUS)
    before = replace(best, rank=3, score=0.8, explain=replace(best.explain, page_before=True))
    asked = {"english": Counter(terms("Does Plus cover hospice care?", question=True))}
    found = with_named_first((best, twin, before), asked)
    assert [one.title for one in found] == [PLUS, STANDARD, STANDARD]
    assert found[2].explain.page_before


def test_languages_without_blanks_are_told_apart_too():
    passages = [replace(one, language="simple") for one in listed("员工手册", "差旅手册")]
    assert order("差旅手册里住宿怎么报销？", passages, "simple")[0] == "差旅手册"


def test_only_the_first_ten_are_ordered_so_that_a_deeper_search_orders_them_alike():
    titles = [STANDARD] * 9 + ["Vision", PLUS]
    passages = listed(*titles)
    question = "Does Northwind Health Plus cover hospice care?"
    assert order(question, passages) == titles
    assert order(question, passages[:10]) == titles[:10]


@pytest.mark.parametrize("passages", [[], listed("Alone"), listed("Same", "Same")])
def test_where_nothing_tells_titles_apart_nothing_changes(passages):
    assert with_named_first(tuple(passages), {"english": Counter(same=1, alone=1)}) == tuple(
        passages
    )


TEXT = b"Hospice care at home is covered for one hundred and eighty days.\n"


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_search_finds_the_named_twin_first_however_little_is_asked_for(
    acme_library: Library, acme: Tenant, limit: int
):
    acme_library.add("plans", **{"plan-plus": TEXT, "plan-standard": TEXT, "plan-vision": TEXT})
    for name in ("plus", "standard", "vision"):
        request = SearchRequest(f"Is hospice care covered by {name}?", limit=limit)
        found = search(request, principal=Principal(acme.pk)).passages
        assert found[0].external_id == f"plan-{name}.md"
        assert found[0].explain.title_named
        assert len(found) == limit


def test_one_side_alone_is_given_as_it_is(acme_library: Library, acme: Tenant):
    acme_library.add("plans", **{"plan-plus": TEXT, "plan-standard": TEXT})
    for side in ("dense", "lexical"):
        request = SearchRequest("Is hospice care covered by standard?", side=side)
        found = search(request, principal=Principal(acme.pk)).passages
        assert not any(one.explain.title_named for one in found)
