"""Searches that are kept under a name, on the search page: saved whole, run again, renamed, deleted, watched."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from django.utils import timezone

from retrieval.models import SavedSearch
from tests.cast import Member
from tests.chat.conftest import Browser
from tests.chat.test_search_page import addresses, found, reader, titles
from tests.library import Library

__all__ = ["reader"]


def test_searches_are_saved_run_renamed_and_deleted(
    reader: Client, bob: Member, alice: Member, browser: Browser
) -> None:
    asked = {"q": "paid leave", "f": ["type=markdown"], "name": "Holidays"}
    kept = reader.post("/search/saved/", asked, follow=True).content.decode()
    assert "Saved as “Holidays”." in kept
    assert titles(kept)
    with bob.scope():
        row = SavedSearch.objects.get()
    assert (row.query, row.terms) == ("paid leave", ["type=markdown"])
    (address,) = addresses(found(reader), "Holidays")
    assert titles(reader.get(address).content.decode())
    assert "Holidays" not in found(browser(alice))
    for verb in ("rename", "delete"):
        url = f"/search/saved/{row.pk}/{verb}/"
        assert browser(alice).post(url, {"name": "Mine"}).status_code == 404
    renamed = reader.post(f"/search/saved/{row.pk}/rename/", {"name": "Vacation"}, follow=True)
    assert "It is now called “Vacation”." in renamed.content.decode()
    assert (
        "Give the search a name."
        in reader.post(
            f"/search/saved/{row.pk}/rename/", {"name": " "}, follow=True
        ).content.decode()
    )
    gone = reader.post(f"/search/saved/{row.pk}/delete/", follow=True).content.decode()
    assert "“Vacation” was deleted." in gone
    assert list(addresses(gone, "Vacation")) == []
    restore = f"/search/saved/{row.pk}/restore/"
    assert restore in gone
    assert browser(alice).post(restore).status_code == 404
    back = reader.post(restore, follow=True).content.decode()
    assert "“Vacation” is back." in back
    assert list(addresses(back, "Vacation"))
    assert reader.post(restore).status_code == 404


def test_a_saved_search_tells_what_is_new_until_it_is_looked_at(
    reader: Client, acme_library: Library
) -> None:
    def news() -> list[str]:
        html = reader.get("/search/saved/news/").content.decode()
        return re.findall(r"(\d+) new", html)

    reader.post("/search/saved/", {"q": "paid leave", "name": "Holidays"})
    reader.post("/search/saved/", {"q": "mice type:pdf", "name": "Others"})
    assert news() == []
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    assert news() == ["1"]
    found(reader, "paid leave", cursor="")
    assert news() == []


def test_a_saved_search_keeps_its_day_and_its_order(reader: Client, bob: Member) -> None:
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    form = {"q": "leave", "f": ["type=markdown"], "name": "Then"}
    kept = reader.post("/search/saved/", form | {"as_of": yesterday, "rerank": "1"})
    asked = parse_qs(urlsplit(kept["Location"]).query)
    assert asked == {k: v if k == "f" else [v] for k, v in form.items() if k != "name"} | {
        "as_of": [yesterday],
        "rerank": ["1"],
    }
    html = found(reader)
    (address,) = addresses(html, "Then")
    assert parse_qs(urlsplit(address).query) == asked
    assert "as of" in html
    refused = reader.post("/search/saved/", form | {"as_of": "soon"}, follow=True)
    assert "“As of” is a day such as" in refused.content.decode()
    with bob.scope():
        assert SavedSearch.objects.get().as_of is not None


def test_the_form_that_saves_a_search_holds_all_of_it(reader: Client) -> None:
    today = timezone.localdate().isoformat()
    html = found(reader, "leave", f="type=markdown", as_of=today, rerank="1")
    form = re.findall(r'<form[^>]*action="/search/saved/".*?</form>', html, re.DOTALL)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    del hidden["csrfmiddlewaretoken"]
    assert hidden == {"q": "leave", "f": "type=markdown", "as_of": today, "rerank": "1"}


def test_a_saved_search_of_a_past_day_has_no_news(reader: Client, acme_library: Library) -> None:
    today = timezone.localdate().isoformat()
    reader.post("/search/saved/", {"q": "paid leave", "name": "Then", "as_of": today})
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    assert "new" not in reader.get("/search/saved/news/").content.decode()


def test_a_search_too_long_for_a_redirect_is_saved_and_listed(reader: Client) -> None:
    asked = {"q": "休" * 8000, "name": "Holidays"}
    kept = reader.post("/search/saved/", asked, follow=True).content.decode()
    assert "Saved as “Holidays”." in kept
    assert list(addresses(kept, "Holidays"))


def test_a_name_is_taken_once(reader: Client, bob: Member) -> None:
    for name in ("One", "Two"):
        reader.post("/search/saved/", {"q": name, "name": name})
    reader.post("/search/saved/", {"q": "other words", "name": "Two"})
    with bob.scope():
        assert set(SavedSearch.objects.values_list("query", flat=True)) == {"One", "other words"}
        row = SavedSearch.objects.get(name="One")
    told = reader.post(f"/search/saved/{row.pk}/rename/", {"name": "Two"}, follow=True)
    assert "Another of your searches is called “Two”." in told.content.decode()
    assert (
        "nothing to save"
        in reader.post("/search/saved/", {"name": "x"}, follow=True).content.decode()
    )
