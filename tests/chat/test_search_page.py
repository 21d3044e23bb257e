"""The search page as a browser without scripts sees it: results, filters, facets, pages, saved searches, refusals."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import escape, unescape
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from chat.search_results import EXTRACT, extract
from inference.models import Model, Provider
from ingestion import suggestions
from ingestion.models import Document
from tenants.scope import platform_principal, tenant_scope
from tests.cast import Member
from tests.chat.conftest import Browser
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library


@pytest.fixture
def reader(bob: Member, browser: Browser, acme_library: Library) -> Client:
    return browser(bob)


def found(client: Client, q: str = "", status: int = 200, **more: object) -> str:
    response = client.get("/search/?" + urlencode({"q": q} | more, doseq=True))
    assert response.status_code == status
    return str(response.content.decode())


def titles(html: str) -> list[str]:
    return [unescape(each) for each in re.findall(r"data-result[^>]*>([^<]*)</a>", html)]


def addresses(html: str, words: str) -> Iterator[str]:
    """Links whose text has these words."""
    for address, text in re.findall(
        r'<a [^>]*href="(/search/[^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL
    ):
        if words in re.sub(r"<[^>]*>", " ", text):
            yield unescape(address)


def test_results_are_marked_and_open_at_their_passage(reader: Client) -> None:
    html = found(reader, "paid leave")
    assert titles(html)[0] == "Leave"
    assert "<mark>paid</mark> <mark>leave</mark>" in html
    address = unescape(re.findall(r'href="(/documents/[^"]*)"', html)[0])
    opened = reader.get(address)
    assert opened.status_code == 200
    assert "25 days" in opened.content.decode()


def test_it_is_in_the_navigation(reader: Client) -> None:
    assert 'href="/search/"' in reader.get("/").content.decode()
    assert "/search/?q=leave" in reader.get("/palette/?q=leave").content.decode()


def test_typed_filters_narrow_and_wrong_ones_say_so(reader: Client) -> None:
    assert set(titles(found(reader, "leave title:exp*"))) == {"Expenses"}
    assert titles(found(reader, "leave type:pdf")) == []
    html = unescape(found(reader, "leave date>=soon"))
    assert "date>=soon: expected a date such as 2024" in html
    assert 'value="leave date>=soon"' in html
    assert "there is no type 'floppy'" in unescape(found(reader, "leave type:floppy"))
    assert "Add a word to look for" in found(reader, "type:markdown")


def test_facets_add_a_filter_and_chips_remove_it(reader: Client, acme_library: Library) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    html = found(reader, "leave")
    assert set(titles(html)) == {"Leave", "Expenses", "Mice"}
    (narrower,) = addresses(html, "Lab")
    narrowed = reader.get(narrower).content.decode()
    assert titles(narrowed) == ["Mice"]
    (wider,) = addresses(narrowed, "Remove this filter")
    assert len(titles(reader.get(wider).content.decode())) == len(titles(html))


def test_an_author_with_quotes_and_a_long_name_can_be_chosen(reader: Client, bob: Member) -> None:
    authors = {"Leave": 'Ann "Bo" Lee', "Expenses": "Committee of " + 'the "x" ' * 60}
    with tenant_scope(platform_principal(bob.tenant.pk)):
        for title, author in authors.items():
            metadata = {"author": author.strip()}
            Document.objects.filter(title=title).update(metadata=metadata)
    html = found(reader, "leave")
    for title, author in authors.items():
        (narrower,) = addresses(html, escape(author[:20]))
        assert titles(reader.get(narrower).content.decode()) == [title]


def test_pages_follow_each_other(reader: Client, acme_library: Library) -> None:
    files = {f"note{n}": f"# Note {n}\n\nPaid leave, number {n}.\n".encode() for n in range(14)}
    acme_library.add("notes", **files)
    first = found(reader, "paid leave number")
    (second,) = addresses(first, "Next page")
    rest = reader.get(second).content.decode()
    assert "Passages 11–" in rest
    assert len(titles(first)) == 10
    assert not set(titles(first)) & set(titles(rest)) - {"Leave", "Expenses"}
    assert list(addresses(rest, "First page"))


def test_as_of_a_day_shows_what_was_there(reader: Client) -> None:
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    today = timezone.localdate().isoformat()
    assert titles(found(reader, "leave", as_of=today))
    html = found(reader, "leave", as_of=yesterday)
    assert titles(html) == []
    assert "Search what is current" in html
    assert "“As of” is a day such as" in found(reader, "leave", as_of="31.1.2026")


def test_a_chosen_filter_that_is_none_is_named(reader: Client) -> None:
    assert "'pumps' is no filter" in unescape(found(reader, "leave", f="pumps"))


def test_nothing_found_says_what_to_try(reader: Client) -> None:
    html = found(reader, "leave", f="type=pdf")
    assert "Nothing was found" in html
    (wider,) = addresses(html, "Search without the filters")
    assert titles(reader.get(wider).content.decode())


def test_whoever_has_no_documents_is_told(charlie: Member, browser: Browser) -> None:
    assert "There is nothing to search yet" in found(browser(charlie))


def test_another_tenants_documents_are_not_found(
    charlie: Member, browser: Browser, acme_library: Library
) -> None:
    client = browser(charlie)
    assert titles(found(client, "paid leave")) == []
    assert "Leave" not in client.get("/search/suggest/?q=lea").content.decode()


def test_a_member_outside_the_group_gets_no_title_suggested(reader: Client, bob: Member) -> None:
    suggestions.learn(bob.tenant.pk)
    assert "Leave" in reader.get("/search/suggest/?q=lea").content.decode()
    with tenant_scope(platform_principal(bob.tenant.pk)):
        Document.objects.filter(title="Leave").update(reader_groups=[uuid4()])
    assert "Leave" not in reader.get("/search/suggest/?q=lea").content.decode()


def test_fields_are_suggested_where_one_begins(reader: Client) -> None:
    assert 'data-fills="leave type:"' in reader.get("/search/suggest/?q=leave+ty").content.decode()


def test_no_field_is_suggested_inside_a_value(reader: Client) -> None:
    for q in ('leave author:"Ann ty', "leave author:ty"):
        shown = reader.get("/search/suggest/?" + urlencode({"q": q})).content.decode()
        assert "type:" not in shown, q


def test_words_are_completed_while_they_are_typed(
    reader: Client, charlie: Member, browser: Browser, bob: Member
) -> None:
    suggestions.learn(bob.tenant.pk)
    html = reader.get("/search/suggest/?q=paid+emplo").content.decode()
    assert 'data-searches="paid Employees"' in html
    assert "Employees" not in browser(charlie).get("/search/suggest/?q=emplo").content.decode()


def test_results_are_reranked_where_there_is_a_reranker(
    reader: Client, bob: Member, model_server: ModelServer
) -> None:
    """The fake reranker counts the words of the question that a passage holds."""
    assert 'name="rerank"' not in found(reader, "employees")
    with tenant_scope(platform_principal(bob.tenant.pk)):
        provider = Provider.objects.create(
            name="r", base_url=model_server.base_url, protocol="cohere"
        )
        Model.objects.create(provider=provider, name="ranker", kind=Model.Kind.RERANK)
    assert 'name="rerank"' in found(reader, "employees")
    assert "reranker:" not in found(reader, "employees")
    html = found(reader, "employees", rerank="1")
    assert re.search(r"reranker: (up from|down from|same place)", html)
    model_server.script(*[behaviours.failure(500)] * 9)
    html = found(reader, "employees", rerank="1")
    assert "Not reranked." in html
    assert "Searched by words alone" not in html
    assert titles(html)


@pytest.mark.parametrize(
    "q",
    ["<script>alert(1)</script>", "%s {x}", "x" * 9000, "مرحبا", 'a" onx="'],
    ids=repr,
)
def test_odd_words_are_only_words(reader: Client, q: str) -> None:
    html = found(reader, q)
    assert "<script>alert" not in html
    assert 'onx="' not in html


def test_extracts_show_where_the_marks_are_densest() -> None:
    text = "leave. " + "filler word " * 80 + "Paid leave is paid. " + "filler word " * 80
    marks = [found.span() for found in re.finditer("(?i)paid|leave", text)]
    pieces = extract(text, marks)
    shown = "".join(piece.text for piece in pieces)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert [piece.text for piece in pieces if piece.is_marked] == ["Paid", "leave", "paid"]
    assert len(shown) < EXTRACT + 10
    assert extract("short", []) == extract("short", ())


def test_back_to_what_is_current_keeps_the_filters(reader: Client) -> None:
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    html = unescape(found(reader, "leave", f="type=markdown", as_of=yesterday))
    assert 'href="/search/?q=leave&f=type%3Dmarkdown">Search what is current' in html
