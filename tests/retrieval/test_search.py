"""``search()``: what may be asked, as whom it reads, what it says of itself."""

from datetime import datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from inference import gateway
from ingestion.models import EmbeddingSpace
from retrieval import guesses
from retrieval.errors import SearchRefused, UnknownCollection
from retrieval.filters import parse
from retrieval.passages import SearchRequest
from retrieval.questions import MAX_CHARACTERS
from retrieval.search import search, search_as_steward
from tenants.scope import NoTenantScope, Principal, platform_principal
from tests.retrieval.corpus import Corpus, axis

pytestmark = pytest.mark.usefixtures("database")
TEXT = "Turbine blades are inspected by borescope."
HOLIDAYS = "Every employee has thirty days of paid leave."


@pytest.fixture
def embedded(acme_corpus: Corpus) -> Corpus:
    """Acme's corpus in the real model's space, with two texts."""
    model = gateway.embedding_model()
    with acme_corpus.scope():
        EmbeddingSpace.objects.update(model=model.name, dimensions=model.dimensions)
        vectors = gateway.embed([TEXT, HOLIDAYS], feature="test").vectors
    manual = acme_corpus.collection("manual")
    for text, vector in zip((TEXT, HOLIDAYS), vectors, strict=True):
        acme_corpus.add(manual, text, vector.tolist(), name=f"{text.split()[0].lower()}.txt")
    return acme_corpus


def member(corpus: Corpus, *groups) -> Principal:
    return Principal(corpus.tenant.pk, group_ids=frozenset(groups))


def ask(corpus: Corpus, query: str, **options):
    return search(SearchRequest(query, **options), principal=member(corpus))


def test_a_question_without_a_common_word_is_answered_by_meaning(embedded):
    result = ask(embedded, "How much vacation do people get?")
    best = result.passages[0]
    assert (best.rank, best.external_id, best.text) == (1, "every.txt", HOLIDAYS)
    assert best.explain.dense_rank == 1
    assert best.explain.lexical_rank is None
    assert result.degraded == ()
    assert set(result.timings_ms) == {"embed", "search"}


def test_a_question_in_the_texts_own_words_says_which(embedded):
    best = ask(embedded, "Who inspects the blades?", explain=True).passages[0]
    assert best.text == TEXT
    assert best.explain.lexical_rank == 1
    assert best.explain.terms == ("blade", "inspect")


def test_a_search_that_is_sent_at_once_finds_what_the_first_one_found(embedded):
    """Its vector travels as it is kept, and its parameters apart from the statement."""
    now = timezone.now()
    for options in (
        {},
        {"as_of": now},
        {"filter": parse({"external_id": "every.txt"})},
        {"side": "dense"},
    ):
        guesses.forget(member(embedded), None)
        first, second = (ask(embedded, "Who inspects the blades?", **options) for _ in range(2))
        assert first.degraded == ()
        assert first.passages
        assert second.passages == first.passages


def test_the_page_before_the_best_says_what_it_is(acme_corpus):
    model = gateway.embedding_model()
    before, best = "Notes on the engine.", TEXT
    with acme_corpus.scope():
        EmbeddingSpace.objects.update(model=model.name, dimensions=model.dimensions)
        first, second = gateway.embed([before, best], feature="test").vectors
    chunk = acme_corpus.add(acme_corpus.collection("manual"), before, first.tolist(), page=1)
    acme_corpus.follow(chunk, best, second.tolist(), page=2)
    found = ask(acme_corpus, "How are turbine blades inspected?").passages
    assert [one.explain.page_before for one in found] == [False, True]
    assert "the page before the best" in str(found[1].explain)
    assert found[1].explain.as_json()["page_before"] is True


def test_terms_are_told_only_when_asked_for(embedded):
    assert ask(embedded, "Who inspects the blades?").passages[0].explain.terms == ()


def test_it_gives_no_more_passages_than_asked_for(embedded):
    assert len(ask(embedded, "blades", limit=1).passages) == 1
    assert len(ask(embedded, "blades", limit=50).passages) == 2


def test_vectors_of_another_model_are_not_compared(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    result = ask(acme_corpus, "turbine blades")
    assert [passage.text for passage in result.passages] == [TEXT]
    assert result.passages[0].explain.dense_score is None
    assert "axes (8 dimensions)" in result.degraded[0]


def test_a_steward_searches_as_a_reader(acme_corpus):
    """Whoever starts a search, it reads what the asker's groups may read."""
    group = uuid4()
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0), groups=[group])
    request = SearchRequest("turbine blades")
    platform = platform_principal(acme_corpus.tenant.pk)
    assert search(request, principal=platform).passages == ()
    with acme_corpus.scope():
        assert search(request).passages == ()
    assert len(search(request, principal=member(acme_corpus, group)).passages) == 1
    assert len(search_as_steward(request, principal=platform).passages) == 1


def test_it_can_run_in_the_open_scope_but_not_without_one(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    with acme_corpus.reader():
        assert len(search(SearchRequest("blades")).passages) == 1
    with pytest.raises(NoTenantScope):
        search(SearchRequest("blades"))


def test_only_the_chosen_collections_are_searched(acme_corpus):
    manual, rules = acme_corpus.collection("manual"), acme_corpus.collection("rules")
    acme_corpus.add(manual, TEXT, axis(0))
    acme_corpus.add(rules, "Rules: " + TEXT, axis(0))
    (only,) = ask(acme_corpus, "blades", collection_ids=(rules.id,)).passages
    assert (only.collection_id, only.text) == (rules.id, "Rules: " + TEXT)
    assert ask(acme_corpus, "blades", collection_ids=()).passages == ()


def test_absent_foreign_and_forbidden_collections_are_refused_alike(acme_corpus, globex_corpus):
    foreign = globex_corpus.collection("manual")
    forbidden = acme_corpus.collection("secret", reader_groups=[uuid4()])
    messages = []
    for collection_id in (uuid4(), foreign.id, forbidden.id):
        with pytest.raises(UnknownCollection) as caught:
            ask(acme_corpus, "blades", collection_ids=(collection_id,))
        assert caught.value.field == "collections"
        messages.append(caught.value.message.replace(str(collection_id), "ID"))
    assert len(set(messages)) == 1


def test_an_empty_tenant_finds_nothing_and_fails_at_nothing(acme_corpus):
    assert ask(acme_corpus, "blades").passages == ()
    acme_corpus.collection("manual")
    assert ask(acme_corpus, "blades").passages == ()


def test_each_language_is_asked_in_its_own_stems(acme_corpus):
    english = acme_corpus.collection("english")
    plain = acme_corpus.collection("plain", language="simple")
    acme_corpus.add(english, "They inspected it.", axis(0))
    acme_corpus.add(plain, "They inspected it.", axis(0))
    found = ask(acme_corpus, "inspection", explain=True).passages
    assert [passage.collection_id for passage in found] == [english.id]
    found = ask(acme_corpus, "inspected", explain=True).passages
    assert {passage.collection_id for passage in found} == {english.id, plain.id}


@pytest.mark.parametrize(
    "query",
    ["", "  \n\t ", "\x00", "\u200b\ufeff", "x" * (MAX_CHARACTERS + 1), None, 7],
    ids=["empty", "blank", "nul", "invisible", "long", "none", "number"],
)
def test_what_is_no_question_is_refused_by_name(acme_corpus, query):
    with pytest.raises(SearchRefused) as caught:
        ask(acme_corpus, query)
    assert caught.value.field == "query"


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limits_out_of_range_are_refused(acme_corpus, limit):
    with pytest.raises(SearchRefused, match="between 1 and 1000") as caught:
        ask(acme_corpus, "blades", limit=limit)
    assert caught.value.field == "limit"


def test_a_time_without_a_zone_is_refused(acme_corpus):
    with pytest.raises(SearchRefused, match="time zone") as caught:
        ask(acme_corpus, "blades", as_of=datetime(2026, 1, 31))
    assert caught.value.field == "as_of"


@pytest.mark.parametrize(
    "query",
    [
        "bla\x00des turbine",
        "turbine \ud800 blades",
        "'; DROP TABLE ingestion_chunk; -- turbine blades",
        "turbine blades {1:2}/3 %s %(x)s \\",
        "turbine " + "blades " * 900,
        "τουρμπίνα turbine blades 涡轮",
    ],
)
def test_odd_questions_are_cleaned_and_answered(acme_corpus, query):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    assert [passage.text for passage in ask(acme_corpus, query).passages] == [TEXT]


def test_a_question_without_letters_finds_nothing_by_words(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    assert ask(acme_corpus, "?!").passages == ()
