"""Filters between words as people type them: what is one, what they ask, how much of it is taken."""

import pytest

from retrieval.filters import parse, read_query


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
    found = read_query(typed)
    assert (found.text, found.filter) == (typed, None)


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
    found = read_query(typed)
    assert (found.text, found.filter) == (text, parse({"and": [{"type": "pdf"}]}))
