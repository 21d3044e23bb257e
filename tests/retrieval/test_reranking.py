"""``rerank`` in a search: the tenant's reranker orders the best passages; without its help the search goes on."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inference.models import Model, Provider
from inference.reranking import calls
from inference.types import Timeouts
from retrieval.errors import SearchRefused
from retrieval.paging import search_page
from retrieval.passages import SearchRequest, SearchResult
from retrieval.reranking import RERANKED
from retrieval.runs import run_lines
from retrieval.search import search
from tenants.scope import Principal
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer
from tests.retrieval.corpus import Corpus

pytestmark = pytest.mark.usefixtures("database")
QUERY = "how are the turbine blades"
# Its terms over and over win the lexical side; the fake reranker counts distinct words, small ones too.
NOISE = "Turbine blades, turbine blades, turbine blades: turbine blades."
ANSWER = "This is how long and how well all of the many turbine blades here are inspected."


@pytest.fixture
def corpus(acme_corpus: Corpus) -> Corpus:
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, NOISE, name="noise.txt")
    acme_corpus.add(manual, ANSWER, name="answer.txt")
    return acme_corpus


@pytest.fixture
def reranker(corpus: Corpus, model_server: ModelServer) -> ModelServer:
    add_reranker(corpus, model_server)
    return model_server


def add_reranker(corpus: Corpus, server: ModelServer) -> None:
    with corpus.scope():
        provider = Provider.objects.create(name="r", base_url=server.base_url, protocol="cohere")
        Model.objects.create(provider=provider, name="ranker", kind=Model.Kind.RERANK)


def member(corpus: Corpus) -> Principal:
    return Principal(corpus.tenant.pk)


def ask(corpus: Corpus, **options: Any) -> SearchResult:
    request = SearchRequest(QUERY, **({"rerank": True, "side": "lexical"} | options))
    return search(request, principal=member(corpus))


def names(result: SearchResult) -> list[str]:
    return [passage.external_id for passage in result.passages]


def test_the_reranker_decides_and_the_result_says_what_it_changed(
    corpus: Corpus, reranker: ModelServer
) -> None:
    before = ask(corpus, rerank=False)
    result = ask(corpus)
    assert names(before) == ["noise.txt", "answer.txt"]
    assert names(result) == ["answer.txt", "noise.txt"]
    best = result.passages[0]
    assert (best.rank, best.explain.rank_before) == (1, 2)
    assert best.explain.rerank_score == pytest.approx(1.0)
    assert "reranked 1.000 (before #2)" in str(best.explain)
    assert [one.score for one in result.passages] == [one.score for one in before.passages]
    assert result.degraded == ()
    assert "rerank" in result.timings_ms


def test_it_reads_the_title_and_the_headings_too(corpus: Corpus, reranker: ModelServer) -> None:
    ask(corpus)
    (request,) = reranker.requests
    best = ask(corpus, rerank=False).passages[0]
    assert request.body["documents"][0] == "\n".join((best.title, *best.heading_path, best.text))


def test_what_is_worse_than_the_page_may_come_up(corpus: Corpus, reranker: ModelServer) -> None:
    assert names(ask(corpus, limit=1)) == ["answer.txt"]
    with pytest.raises(SearchRefused, match="between 1 and 1000"):
        ask(corpus, limit=0)


def test_only_the_best_are_read_and_the_rest_stay_behind(
    acme_corpus: Corpus, model_server: ModelServer
) -> None:
    manual = acme_corpus.collection("manual")
    for number in range(RERANKED + 5):
        acme_corpus.add(manual, NOISE + " Borescope." * number, name=f"n{number}")
    add_reranker(acme_corpus, model_server)
    result = ask(acme_corpus, limit=RERANKED + 5)
    assert len(model_server.requests[0].body["documents"]) == RERANKED
    scores = [one.explain.rerank_score for one in result.passages]
    assert None not in scores[:RERANKED]
    assert scores[RERANKED:] == [None] * 5
    assert [one.rank for one in result.passages] == list(range(1, RERANKED + 6))
    assert names(result)[RERANKED:] == names(ask(acme_corpus, limit=100, rerank=False))[RERANKED:]


@pytest.mark.parametrize("behaviour", [does.failure(401), does.hang(), does.malformed()])
def test_a_reranker_that_fails_leaves_the_order(
    behaviour: does.Behaviour,
    corpus: Corpus,
    reranker: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "TIMEOUTS", Timeouts(first_token=0.3, total=0.5))
    reranker.default = behaviour
    result = ask(corpus)
    assert names(result) == ["noise.txt", "answer.txt"]
    assert result.passages[0].explain.rerank_score is None
    assert result.degraded[0].startswith("rerank: ")
    assert "The order is that of the search." in result.degraded[0]


def test_no_transaction_waits_for_the_reranker(
    corpus: Corpus, reranker: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    asked = calls.rerank_with

    def watched(*arguments: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return asked(*arguments)

    monkeypatch.setattr(calls, "rerank_with", watched)
    ask(corpus)
    assert seen == [False]
    with corpus.reader(), pytest.raises(ValueError, match="needs its principal"):
        search(SearchRequest(QUERY, rerank=True))


def test_without_a_reranker_it_is_refused_by_name(corpus: Corpus) -> None:
    with pytest.raises(SearchRefused, match="There is no reranker") as caught:
        ask(corpus)
    assert caught.value.field == "rerank"


def test_nothing_found_asks_nobody(corpus: Corpus, reranker: ModelServer) -> None:
    request = SearchRequest("zebra", rerank=True, side="lexical")
    assert search(request, principal=member(corpus)).passages == ()
    assert reranker.requests == []


def test_pages_go_through_the_rerankers_order(corpus: Corpus, reranker: ModelServer) -> None:
    request = SearchRequest(QUERY, limit=1, side="lexical", rerank=True)
    first = search_page(request, principal=member(corpus))
    second = search_page(request, principal=member(corpus), cursor=first.next)
    found = [page.passages[0].external_id for page in (first, second)]
    assert (found, second.next) == (["answer.txt", "noise.txt"], None)
    other = SearchRequest(QUERY, limit=1, side="lexical")
    with pytest.raises(SearchRefused, match="another search"):
        search_page(other, principal=member(corpus), cursor=first.next)


def test_a_run_file_keeps_the_rerankers_order(corpus: Corpus, reranker: ModelServer) -> None:
    lines = [line.split() for line in run_lines("q", ask(corpus).passages, "tag")]
    assert [line[2] for line in lines] == ["answer.txt", "noise.txt"]
    assert float(lines[0][4]) > float(lines[1][4])


def test_the_command_reranks_and_explains(corpus: Corpus, reranker: ModelServer) -> None:
    said = run_command(corpus, "--rerank", "--explain")
    assert said.index("answer.txt") < said.index("noise.txt")
    assert "reranked 1.000 (before #2)" in said
    (row, _) = json.loads(run_command(corpus, "--rerank", "--explain", "--json"))
    assert (row["explain"]["rank_before"], row["explain"]["rerank_score"]) == (2, 1.0)


def test_the_command_says_that_there_is_no_reranker(corpus: Corpus) -> None:
    with pytest.raises(CommandError, match="There is no reranker"):
        run_command(corpus, "--rerank")


def run_command(corpus: Corpus, *options: str) -> str:
    out = StringIO()
    call_command(
        "search", QUERY, *options, tenant=corpus.tenant.slug, side="lexical", stdout=out,
        stderr=StringIO(),
    )  # fmt: skip
    return out.getvalue()
