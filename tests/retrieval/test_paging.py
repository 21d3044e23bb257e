"""Pages of one search: what holds over their seams."""

import pytest

from retrieval.paging import search_page
from retrieval.passages import SearchRequest
from tenants.scope import Principal
from tests.retrieval.corpus import Corpus

pytestmark = pytest.mark.usefixtures("database")


def test_no_later_page_scores_higher_than_the_one_before(acme_corpus: Corpus) -> None:
    """Each page is searched anew and deeper, so what it has not given yet may by then score higher."""
    manual = acme_corpus.collection("manual")
    for number in range(4):
        acme_corpus.add(manual, f"Blades, among many other parts of a wind farm, number {number}.")
    request = SearchRequest("turbine blades", limit=2, side="lexical")
    principal = Principal(acme_corpus.tenant.pk)
    first = search_page(request, principal=principal)
    acme_corpus.add(manual, "Turbine blades.", name="late.txt")
    second = search_page(request, principal=principal, cursor=first.next)
    third = search_page(request, principal=principal, cursor=second.next)
    shown = [*first.passages, *second.passages, *third.passages]
    assert second.passages[0].external_id == "late.txt"
    assert [one.rank for one in shown] == [1, 2, 3, 4, 5]
    scores = [one.score for one in shown]
    assert scores == sorted(scores, reverse=True)
