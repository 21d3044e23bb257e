"""Dates of which only the year or the month is known, and dates at the end of time."""

from typing import Any

import pytest

from retrieval.paging import search_page
from retrieval.passages import SearchRequest
from tenants.scope import Principal
from tests.retrieval.corpus import Corpus
from tests.retrieval.filtered import add_with_metadata, found

pytestmark = pytest.mark.usefixtures("database")
DATES = ["2023-12-31", "2024", "2024-05", "2024-05-01", "2024-05-31T10:00:00+02:00", "2025", None]


@pytest.fixture
def dated(acme_corpus: Corpus) -> Corpus:
    add_with_metadata(acme_corpus, ({"date": date} if date else {} for date in DATES))
    return acme_corpus


@pytest.mark.parametrize(
    ("asked", "dates"),
    [
        ("date:2024", DATES[1:5]),
        ("date:2024-05", DATES[2:5]),
        ("date:2024-05-01", DATES[2:4]),
        ("date>2024-05-01", DATES[4:6]),
        ("date>=2024-05", DATES[2:6]),
        ("date<2024-05", DATES[:2]),
        ("date<=2024", DATES[:5]),
        ("date>2024", DATES[5:6]),
        ("-date:2024", [DATES[0], *DATES[5:]]),
        ({"date": {"exists": True}}, DATES[:6]),
        ({"date": {"exists": False}}, DATES[6:]),
    ],
)
def test_a_year_or_a_month_counts_as_its_first_day(dated: Corpus, asked: Any, dates: Any) -> None:
    assert found(dated, asked) == {str(DATES.index(date)) for date in dates}


@pytest.mark.parametrize("last", ["9999", "9999-12", "9999-12-31"])
def test_the_last_dates_are_dates(acme_corpus: Corpus, last: str) -> None:
    papers = ["9999-12-31", "9999-11-30", "2024-05-31"]
    add_with_metadata(acme_corpus, ({"date": date, "due": date} for date in papers))
    within = {"0", "1"} if last == "9999" else {"0"}
    assert found(acme_corpus, {"date": last}) == within
    assert found(acme_corpus, {"date": {"lte": last}}) == {"0", "1", "2"}
    assert found(acme_corpus, {"date": {"lt": last}}) == {"0", "1", "2"} - within
    assert found(acme_corpus, {"date": {"gt": last}}) == set()
    assert found(acme_corpus, {"metadata.due": {"lt": "9999-12-31"}}) == {"1", "2"}


def test_the_years_of_partial_dates_are_counted(dated: Corpus) -> None:
    request = SearchRequest("turbine blades")
    page = search_page(request, principal=Principal(dated.tenant.pk), facets=True)
    assert page.facets is not None
    years = {one.value: one.count for one in page.facets.counts["year"]}
    assert years == {"2023": 1, "2024": 4, "2025": 1}
