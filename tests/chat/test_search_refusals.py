"""What the search page refuses it says to a person, and there is a way on from there."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.chat.test_search_page import addresses, found, reader, titles

__all__ = ["reader"]


@pytest.mark.parametrize(
    ("q", "chosen"),
    [
        ("paid leave", ["date:2024-13"]),
        ("paid leave", ["type=markdown", "pumps"]),
        ("", ["type=markdown"]),
    ],
)
def test_a_search_that_is_refused_can_be_freed_of_its_filters(
    reader: Client, q: str, chosen: list[str]
) -> None:
    html = found(reader, q, f=chosen)
    assert 'role="alert"' in html
    without = [parse_qs(urlsplit(each).query) for each in addresses(html, "Remove this filter")]
    assert [each.get("f", []) for each in without] == [
        [other for other in chosen if other != term] for term in chosen
    ]
    (cleared,) = addresses(html, "Clear filters")
    freed = reader.get(cleared).content.decode()
    assert 'role="alert"' not in freed
    assert titles(freed) or not q


def test_clearing_keeps_what_was_typed_where_its_filter_cannot_be_told(reader: Client) -> None:
    html = found(reader, "leave date>=soon", f="type=markdown", rerank="1")
    (cleared,) = addresses(html, "Clear filters")
    assert parse_qs(urlsplit(cleared).query) == {"q": ["leave date>=soon"], "rerank": ["1"]}
