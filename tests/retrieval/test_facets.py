"""What a facet offers can be asked for, and finds what was counted."""

import pytest

from ingestion.parsing import detection
from ingestion.parsing.registry import PARSERS
from retrieval.facets import Facet
from retrieval.filters import exactly
from retrieval.filters.fields import TYPES, short_type
from retrieval.paging import search_page
from retrieval.passages import SearchRequest
from tenants.scope import Principal
from tests.retrieval.corpus import Corpus
from tests.retrieval.filtered import add_with_metadata, found

pytestmark = pytest.mark.usefixtures("database")


def counted(corpus: Corpus, field: str) -> tuple[Facet, ...]:
    """The facet of a field over all of the tenant's documents."""
    request = SearchRequest("turbine blades")
    page = search_page(request, principal=Principal(corpus.tenant.pk), facets=True)
    assert page.facets is not None
    return page.facets.counts[field]


@pytest.mark.parametrize("kind", PARSERS)
def test_every_type_that_is_read_has_a_name_that_finds_all_that_bear_it(kind: str) -> None:
    named_so = {other for other in PARSERS if short_type(other) == short_type(kind)}
    assert set(TYPES[short_type(kind)]) == named_so


def test_each_type_that_is_offered_finds_what_was_counted(acme_corpus: Corpus) -> None:
    manual = acme_corpus.collection("manual")
    for kind in PARSERS:
        acme_corpus.add(manual, "Turbine blades.", name=kind, media_type=kind)
    facets = counted(acme_corpus, "type")
    assert sum(facet.count for facet in facets) == len(PARSERS)
    for facet in facets:
        assert len(found(acme_corpus, exactly("type", facet.value))) == facet.count, facet


def test_whatever_a_tag_or_an_author_is_it_finds_its_documents(acme_corpus: Corpus) -> None:
    values = ['the "big" one', '"', "back\\slash", "C:\\ and D:\\", "a, b", "*", "-x", "x" * 90]
    manual = acme_corpus.collection("manual")
    for value in values:
        metadata = {"tags": [value, "all"], "author": value}
        acme_corpus.add(manual, "Turbine blades.", name=value, metadata=metadata)
    assert {facet.value for facet in counted(acme_corpus, "tags")} == {*values, "all"}
    for value in values:
        assert found(acme_corpus, exactly("tag", value)) == {value}
        assert found(acme_corpus, exactly("author", value)) == {value}


def test_years_are_counted_where_the_filter_finds_them(acme_corpus: Corpus) -> None:
    dates = [
        "2023-12-31T23:30:00-05:00",
        "2024-01-01T00:30:00+02:00",
        "2024",
        "9999-12-31T23:00:00-05:00",
    ]
    add_with_metadata(acme_corpus, ({"date": date} for date in dates))
    years = {facet.value: facet.count for facet in counted(acme_corpus, "year")}
    assert years == {"2024": 2, "2023": 1}
    assert found(acme_corpus, "date:2024") == {"0", "2"}
    assert found(acme_corpus, "date:2023") == {"1"}


def test_mail_is_outlooks_too_and_each_kind_has_its_name(acme_corpus: Corpus) -> None:
    manual = acme_corpus.collection("manual")
    for kind in (detection.EML, detection.MSG, detection.PNG, detection.PDF):
        acme_corpus.add(manual, "Turbine blades.", name=kind, media_type=kind)
    assert found(acme_corpus, {"type": "mail"}) == {detection.EML, detection.MSG}
    assert found(acme_corpus, {"type": ["msg", "image"]}) == {detection.MSG, detection.PNG}
    assert found(acme_corpus, {"type": detection.MSG}) == {detection.MSG}
    assert found(acme_corpus, {"type": {"ne": "mail"}}) == {detection.PNG, detection.PDF}
