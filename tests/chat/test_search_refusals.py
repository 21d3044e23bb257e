"""What the search page refuses it says to a person, and there is a way on from there."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.cast import Member
from tests.chat.conftest import Browser
from tests.chat.test_search_page import addresses, found, reader, titles
from tests.library import Library

__all__ = ["reader"]
TURNED_BACK = "This is the first page."


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


def test_a_later_page_in_a_shared_address_is_the_first_page_of_whoever_opens_it(
    reader: Client, alice: Member, browser: Browser, acme_library: Library
) -> None:
    files = {f"note{n}": f"# Note {n}\n\nPaid leave, number {n}.\n".encode() for n in range(14)}
    acme_library.add("notes", **files)
    first = found(reader, "paid leave number")
    (second,) = addresses(first, "Next page")
    assert TURNED_BACK not in reader.get(second).content.decode()
    for shared in (second, "/search/?q=paid+leave+number&cursor=zzz"):
        html = browser(alice).get(shared).content.decode()
        assert TURNED_BACK in html
        assert 'role="alert"' not in html
        assert titles(html) == titles(first)
        assert not list(addresses(html, "First page"))
        (following,) = addresses(html, "Next page")
        assert "Passages 11–" in browser(alice).get(following).content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "0026-01-31", "1899-12-31"])
def test_a_day_that_can_only_be_a_slip_is_no_search_of_today(reader: Client, day: str) -> None:
    html = found(reader, "leave", as_of=day)
    assert "“As of” is a day from the year 1900 on" in html
    assert titles(html) == []
    assert f'name="as_of" value="{day}"' in html
    assert "Nothing was found" in found(reader, "leave", as_of="1900-01-01")
