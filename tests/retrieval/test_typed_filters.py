"""Filters between words as people type them: what is one, what they ask, how much of it is taken."""

import pytest

from retrieval.filters import FilterRefused, exactly, parse, read_asked, read_query, read_term
from tests.retrieval.corpus import Corpus
from tests.retrieval.filtered import add_with_metadata, found


@pytest.mark.parametrize(
    "typed",
    [
        '"the name:foo entry"',
        'about "name:foo"',
        "“the name:foo entry”",
        "„the name:foo entry“ „type:pdf”",
        "« type:pdf »",
        "「 type:pdf 」",
        'foo:"a type:pdf b"',
        '(see "type:pdf x")',
        '"a" "b type:pdf c"',
    ],
)
def test_what_stands_in_quotes_is_words(typed: str) -> None:
    query = read_query(typed)
    assert (query.text, query.filter) == (typed, None)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ('"paid leave" type:pdf "sick leave"', '"paid leave" "sick leave"'),
        ('a 5" pipe type:pdf and a 6" pipe', 'a 5" pipe and a 6" pipe'),
        ('"never closed type:pdf', '"never closed'),
        ('"never closed type:pdf "closed"', '"never closed "closed"'),
        ("it’s type:pdf «open", "it’s «open"),
    ],
)
def test_between_quotes_there_are_filters(typed: str, text: str) -> None:
    query = read_query(typed)
    assert (query.text, query.filter) == (text, parse({"and": [{"type": "pdf"}]}))


@pytest.mark.parametrize(
    ("typed", "raw"),
    [
        ("title=a,b,c", {"title": ["a", "b", "c"]}),
        ("-title=a,b", {"not": {"title": ["a", "b"]}}),
        ("title!=a,b", {"title": {"nin": ["a", "b"]}}),
        ("type:pdf,mail", {"type": ["pdf", "mail"]}),
        ("date:2023,2024-05", {"date": ["2023", "2024-05"]}),
        ("pages:1,2", {"pages": [1, 2]}),
        ("tag:a,b", {"or": [{"tags": {"contains": "a"}}, {"tags": {"contains": "b"}}]}),
    ],
)
def test_values_that_are_asked_for_exactly_are_one_comparison(typed: str, raw: object) -> None:
    assert read_term(typed) == parse({"and": [raw]})


@pytest.mark.parametrize(
    ("typed", "raw"),
    [
        ('metadata.ver>"9"', {"metadata.ver": {"gt": "9"}}),
        ('metadata.ver:"9"', {"metadata.ver": {"contains": "9"}}),
        ('metadata.ver="9"', {"metadata.ver": "9"}),
        ('metadata.done="true"', {"metadata.done": "true"}),
        ("metadata.done=true", {"metadata.done": ["true", True]}),
        ("metadata.ver:9", {"metadata.ver": ["9", 9]}),
        ("metadata.due>=2024-05-31", {"metadata.due": {"gte": "2024-05-31"}}),
        ('pages>"9"', {"pages": {"gt": 9}}),
    ],
)
def test_metadata_in_quotes_is_text(typed: str, raw: object) -> None:
    assert read_term(typed) == parse({"and": [raw]})


@pytest.mark.usefixtures("database")
def test_metadata_is_compared_as_the_number_and_as_the_text_that_it_is(acme_corpus: Corpus) -> None:
    papers = [
        {"due": "2024-05-31"},
        {"due": "2023"},
        {"due": 2025},
        {"due": 2023.5},
        {"ver": "9.1"},
        {"ver": 9.1},
    ]
    add_with_metadata(acme_corpus, papers)
    assert found(acme_corpus, "metadata.due>2024") == {"0", "2"}
    assert found(acme_corpus, "-metadata.due>2024 metadata.due:*") == {"1", "3"}
    assert found(acme_corpus, "metadata.due<=2024") == {"1", "3"}
    assert found(acme_corpus, "metadata.ver>9") == {"4", "5"}
    assert found(acme_corpus, 'metadata.ver>"9"') == {"4"}


MANY = ",".join(f"t{n}" for n in range(1000))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("tag:" + ",".join("a" * 101), "a filter has at most 100 comparisons"),
        (" ".join(["tag:a,b,c"] * 34), "a filter has at most 100 comparisons"),
        ("author=" + ",".join("a" * 1001), "a filter has at most 1,000 values"),
        (f"author={MANY} author=b", "a filter has at most 1,000 values"),
        ("author=" + "a" * 8000, "a filter has at most 8,000 characters"),
        ("author=" + "x," * 50_000 + "x", "a filter has at most 8,000 characters"),
        (" ".join(["type:pdf"] * 51), "at most 50 filters"),
    ],
)
def test_as_much_is_taken_as_in_json(typed: str, message: str) -> None:
    with pytest.raises(FilterRefused, match=message) as caught:
        read_term(typed)
    assert len(caught.value.message) < 300


def test_the_limits_are_taken_and_hold_for_chosen_filters_with_those_typed() -> None:
    fifty = "tag:" + ",".join("a" * 50)
    assert read_term("tag:" + ",".join("a" * 100)) is not None
    assert read_term(f"author={MANY}") == parse({"and": [{"author": MANY.split(",")}]})
    assert read_asked(f"leave {fifty}", [fifty])[0] == "leave"
    with pytest.raises(FilterRefused, match="at most 100 comparisons"):
        read_asked(f"leave {fifty}", [fifty, exactly("tag", "b")])
    with pytest.raises(FilterRefused, match="at most 1,000 values"):
        read_asked("leave", [f"author={MANY}", "type:pdf"])
