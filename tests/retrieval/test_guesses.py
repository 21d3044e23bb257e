"""A search is sent whole on a guess where it looks; what has changed meanwhile is noticed in the same transaction."""

from collections import OrderedDict
from uuid import uuid4

import pytest
from django.db import connection

from inference import gateway
from ingestion.models import Collection, EmbeddingSpace
from retrieval import guesses, ranking
from retrieval.errors import UnknownCollection
from retrieval.models import SlowQuery
from retrieval.passages import SearchRequest, SearchResult
from retrieval.places import Place
from retrieval.search import search
from tenants.scope import Principal
from tests.retrieval.corpus import Corpus, axis

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements went out at once, for each search that did."""
    calls: list[int] = []
    whole = ranking.read_at_once

    def counted(principal, statements):
        calls.append(len(statements))
        return whole(principal, statements)

    monkeypatch.setattr(ranking, "read_at_once", counted)
    return calls


def ask(corpus: Corpus, query: str = "turbine blades", *groups, **options) -> SearchResult:
    asker = Principal(corpus.tenant.pk, group_ids=frozenset(groups))
    return search(SearchRequest(query, **options), principal=asker)


def texts(result: SearchResult) -> list[str]:
    return [passage.text for passage in result.passages]


@pytest.fixture
def manual(acme_corpus: Corpus) -> Collection:
    made = acme_corpus.collection("manual")
    acme_corpus.add(made, "Turbine blades.", axis(0))
    return made


def test_the_second_search_goes_out_at_once_and_finds_the_same(acme_corpus, manual, sent) -> None:
    first = ask(acme_corpus, stated=True)
    assert sent == []
    second = ask(acme_corpus, stated=True)
    assert sent == [2]
    assert second.passages == first.passages
    assert second.state == first.state != ""
    acme_corpus.add(manual, "More turbine blades.", axis(1))
    third = ask(acme_corpus, stated=True)
    assert len(third.passages) == 2
    assert third.state != second.state


def test_a_new_collection_is_searched_at_once(acme_corpus, manual) -> None:
    assert texts(ask(acme_corpus)) == ["Turbine blades."]
    acme_corpus.add(acme_corpus.collection("more"), "Blades of a turbine.", axis(0))
    assert len(ask(acme_corpus).passages) == 2


def test_what_is_closed_to_a_reader_is_not_found_on_an_old_guess(acme_corpus, manual, sent) -> None:
    asked = {"collection_ids": (manual.pk,)}
    for _ in range(2):
        assert texts(ask(acme_corpus, **asked)) == ["Turbine blades."]
    with acme_corpus.scope():
        Collection.objects.update(reader_groups=[uuid4()])
    for _ in range(2):
        with pytest.raises(UnknownCollection):
            ask(acme_corpus, **asked)
    assert sent == [2, 2], "one to learn of it"
    assert ask(acme_corpus).passages == ()


def test_a_language_that_has_changed_is_noticed(acme_corpus, manual, sent) -> None:
    assert len(ask(acme_corpus, "blade", side="lexical").passages) == 1
    with acme_corpus.scope():
        Collection.objects.update(language="german")
    assert ask(acme_corpus, "blade", side="lexical").passages == ()
    assert sent == [2]


def test_a_space_that_has_changed_is_noticed(acme_corpus, manual, sent) -> None:
    before = ask(acme_corpus)
    with acme_corpus.scope():
        EmbeddingSpace.objects.update(model="other")
    after = ask(acme_corpus)
    assert "axes" in before.degraded[0]
    assert "other" in after.degraded[0]
    assert sent == [2]


def test_a_tenant_that_has_moved_is_followed_by_all_its_askers(
    acme_corpus, manual, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[str] = []
    embed = ranking.embedded_question

    def noted(query, asker, specification):
        models.append(specification)
        return embed(query, asker, specification)

    monkeypatch.setattr(ranking, "embedded_question", noted)
    group, cut = uuid4(), f"{gateway.embedding_model().name}@256"
    for _ in range(2):
        ask(acme_corpus)
        ask(acme_corpus, "turbine blades", group)
    with acme_corpus.scope():
        EmbeddingSpace.objects.update(specification=cut)
    ask(acme_corpus)
    ask(acme_corpus, "turbine blades", group)
    assert models == [""] * 5 + [cut] * 2


def test_what_is_slow_is_kept_of_a_search_at_once(acme_corpus, manual, sent, settings) -> None:
    settings.SLOW_SEARCH_MS = 0.001
    for _ in range(2):
        ask(acme_corpus)
    assert sent == [2]
    with acme_corpus.scope():
        kept = list(SlowQuery.objects.all())
    assert len(kept) == 2
    assert all("1 passages in 1 collections" in one.plan for one in kept)


def test_guesses_are_one_askers_own(acme_corpus, globex_corpus, manual) -> None:
    group = uuid4()
    hidden = acme_corpus.collection("hidden", reader_groups=[group])
    acme_corpus.add(hidden, "Secret turbine blades.", axis(0), groups=[group])
    for _ in range(2):
        assert len(ask(acme_corpus, "turbine blades", group).passages) == 2
        assert texts(ask(acme_corpus)) == ["Turbine blades."]
        assert ask(globex_corpus).passages == ()


def test_a_plan_and_an_open_scope_are_asked_step_by_step(acme_corpus, manual, sent) -> None:
    ask(acme_corpus)
    assert "footnote_search" in ask(acme_corpus, plan=True).plan
    with acme_corpus.reader():
        assert len(search(SearchRequest("blades")).passages) == 1
        assert len(ask(acme_corpus).passages) == 1
    assert sent == []


def test_a_search_that_fails_leaves_the_connection_clean(acme_corpus, manual, sent) -> None:
    ask(acme_corpus)
    with pytest.raises(Exception, match="cut"):
        failing(acme_corpus)
    assert sent == [2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant_id', true)")
        assert cursor.fetchone()[0] in (None, "")
    assert texts(ask(acme_corpus)) == ["Turbine blades."]


def failing(corpus: Corpus) -> None:
    """A search whose call the database refuses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "statement", lambda *_: "SELECT * FROM footnote_search(cut)")
        ask(corpus)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "CAPACITY", 2)
    monkeypatch.setattr(guesses, "_known", OrderedDict())
    askers = [Principal(uuid4()) for _ in range(3)]
    for asker in askers:
        guesses.remember(asker, None, Place({uuid4(): "english"}, None))
    assert [guesses.guess(asker, None) is not None for asker in askers] == [False, True, True]
    large = Place({uuid4(): "english" for _ in range(guesses.MOST_COLLECTIONS + 1)}, None)
    guesses.remember(askers[2], None, large)
    assert guesses.guess(askers[2], None) is None
