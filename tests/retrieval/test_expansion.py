"""``expand``: other wordings of a question, or its parts, are searched too; never more than four in all."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.encryption import encrypt
from inference.models import Model, ModelCall, Provider
from retrieval.expansion import MOST_QUERIES
from retrieval.paging import search_page
from retrieval.passages import SearchRequest, SearchResult
from retrieval.search import search
from tenants.scope import Principal, tenant_scope
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer
from tests.retrieval.corpus import Corpus

pytestmark = pytest.mark.usefixtures("database")
HOLIDAYS = "Staff get thirty days of annual leave."
TURBINES = "Turbine blades are inspected by borescope."
TWO = "How are turbine blades inspected and how many days of annual leave are there?"


@pytest.fixture
def corpus(acme_corpus: Corpus) -> Corpus:
    manual = acme_corpus.collection("manual")
    for text in (TURBINES, HOLIDAYS, "Nothing of the kind."):
        acme_corpus.add(manual, text)
    return acme_corpus


@pytest.fixture
def model(corpus: Corpus, model_server: ModelServer) -> ModelServer:
    with corpus.scope():
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt("sk-1")
        )
        Model.objects.create(provider=provider, name="fake-model", is_default=True)
    return model_server


def ask(corpus: Corpus, query: str, **options: object) -> SearchResult:
    request = SearchRequest(query, **({"side": "lexical", "explain": True} | options))  # type: ignore[arg-type]
    return search(request, principal=Principal(corpus.tenant.pk))


def test_another_wording_finds_what_the_question_does_not(
    corpus: Corpus, model: ModelServer
) -> None:
    assert ask(corpus, "vacation").passages == ()
    model.script(does.answer('1. "annual leave"\n- vacation\n\nholiday entitlement\n'))
    found = ask(corpus, "vacation", expand="variants")
    assert found.queries == ("vacation", "annual leave", "holiday entitlement")
    assert [passage.text for passage in found.passages] == [HOLIDAYS]
    assert found.passages[0].explain.found_by == (("annual leave", 1),)
    assert found.degraded == ()
    assert set(found.timings_ms) == {"expand", "embed", "search"}
    with tenant_scope(Principal(corpus.tenant.pk, role="admin")):
        assert [call.feature for call in ModelCall.objects.all()] == ["rewrite"]


def test_there_are_never_more_than_four_queries(corpus: Corpus, model: ModelServer) -> None:
    model.script(does.answer("\n".join(f"wording number {n}" for n in range(40))))
    assert len(ask(corpus, "vacation", expand="variants").queries) == MOST_QUERIES


def test_a_model_divides_a_question(corpus: Corpus, model: ModelServer) -> None:
    model.script(does.answer("How are blades inspected?\nHow long is leave?"))
    found = ask(corpus, TWO, expand="parts")
    assert found.queries == (TWO, "How are blades inspected?", "How long is leave?")
    assert {passage.text for passage in found.passages} == {TURBINES, HOLIDAYS}


@pytest.mark.parametrize("behaviour", [does.failure(500), does.answer("")], ids=["fails", "empty"])
def test_without_the_models_help_the_question_itself_is_searched(
    corpus: Corpus, model: ModelServer, behaviour: does.Behaviour
) -> None:
    model.script(*[behaviour] * 4)
    found = ask(corpus, "annual leave", expand="variants")
    assert found.queries == ("annual leave",)
    assert found.passages[0].text == HOLIDAYS
    assert found.degraded == (
        "expand: there is no model to write other queries, or it wrote none.",
    )


def test_without_a_model_a_rule_divides_it(corpus: Corpus) -> None:
    found = ask(corpus, TWO, expand="parts")
    assert found.queries == (
        TWO,
        "How are turbine blades inspected",
        "how many days of annual leave are there?",
    )
    assert found.degraded == ()
    assert found.passages[0].explain.found_by[0][0] == TWO
    assert len(found.passages[0].explain.found_by) == 2


@pytest.mark.parametrize(
    "query", ["Terms and conditions of leave", "What is it? And why?", "leave; days"]
)
def test_what_asks_one_thing_is_not_divided(corpus: Corpus, query: str) -> None:
    assert ask(corpus, query, expand="parts").queries == (query,)


def test_the_asked_question_stands_before_equals_and_scores_fall(corpus: Corpus) -> None:
    found = ask(corpus, TWO, expand="parts").passages
    scores = [passage.score for passage in found]
    assert scores == sorted(scores, reverse=True)
    assert [passage.rank for passage in found] == [1, 2]


def test_pages_say_what_was_searched(corpus: Corpus) -> None:
    request = SearchRequest(TWO, side="lexical", expand="parts", limit=1)
    principal = Principal(corpus.tenant.pk)
    first = search_page(request, principal=principal)
    second = search_page(request, principal=principal, cursor=first.next)
    assert len(first.queries) == 3
    assert {first.passages[0].text, second.passages[0].text} == {TURBINES, HOLIDAYS}


def test_plan_and_state_are_those_of_the_question_and_asked_for_once(corpus: Corpus) -> None:
    with CaptureQueriesContext(connection) as asked:
        found = ask(corpus, TWO, expand="parts", plan=True, stated=True)
    assert len(found.queries) == 3
    assert found.state == ask(corpus, TWO, stated=True).state != ""
    assert "Execution Time" in found.plan
    assert sum("EXPLAIN" in query["sql"] for query in asked) == 1


def test_no_transaction_waits_for_a_model(corpus: Corpus) -> None:
    with corpus.reader(), pytest.raises(ValueError, match="asks a model"):
        search(SearchRequest("vacation", expand="variants"))
