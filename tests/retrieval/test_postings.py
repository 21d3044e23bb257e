"""The lexical side of a large search: postings where there are any, a scan for the rest; exact together."""

from random import Random
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from ingestion import postings, upkeep
from ingestion.models import Chunk, Collection, LexicalEntry, Posting, PostingsWindow
from tests.retrieval.corpus import Corpus
from tests.retrieval.pinned import call

pytestmark = pytest.mark.usefixtures("database")
WORDS = [f"w{number}" for number in range(400)]
QUESTION = "w1 w3 w7 w120 w333"
SIZE = 1200


def sentences(count: int, seed: int = 1) -> list[str]:
    """Some words in nearly all of them, most in few."""
    random = Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return [" ".join(random.choices(WORDS, weights, k=random.randint(5, 40))) for _ in range(count)]


@pytest.fixture
def large(acme_corpus: Corpus) -> Corpus:
    """Acme's corpus with so many chunks that words are looked up in the postings."""
    acme_corpus.add_many(acme_corpus.collection("large"), sentences(SIZE))
    return acme_corpus


def found(corpus: Corpus, *groups, **options) -> list[tuple[object, float]]:
    with corpus.reader(*groups):
        rows = call(QUESTION, cut=100, **options)
    return [(row["chunk_id"], row["lexical_score"]) for row in rows]


def scanned(corpus: Corpus, *groups) -> list[tuple[object, float]]:
    """The same by asking for a moment: searches of the past scan."""
    with corpus.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now = cursor.fetchone()[0]
    return found(corpus, *groups, as_of=now)


def same(left, right) -> bool:
    """Equal scores in order; rows of one score may take turns at the end of the list."""
    return [score for _, score in left] == pytest.approx([score for _, score in right])


def test_postings_give_the_scores_of_a_scan(large):
    expected = found(large)
    assert len(expected) == 100
    assert postings.merge(large.tenant.pk)
    with large.scope():
        assert PostingsWindow.objects.get().entries == SIZE
        assert not LexicalEntry.objects.filter(slot=None).exists()
    assert found(large) == expected
    assert same(scanned(large), expected)


def test_what_is_new_is_found_beside_the_postings(large):
    postings.merge(large.tenant.pk)
    large.add(large.collection("new"), QUESTION)
    assert not postings.merge(large.tenant.pk)
    assert same(found(large), scanned(large))
    assert found(large)[0] == scanned(large)[0]


def test_small_windows_are_joined_with_what_is_new(large):
    postings.merge(large.tenant.pk)
    large.add_many(large.collection("more"), sentences(SIZE, 2))
    postings.merge(large.tenant.pk)
    with large.scope():
        window = PostingsWindow.objects.get()
        assert (window.entries, len(window.collection_ids)) == (2 * SIZE, 2)
    assert same(found(large), scanned(large))


def test_several_windows_are_searched_as_one(large, monkeypatch):
    monkeypatch.setattr(postings, "WINDOW", 500)
    monkeypatch.setattr(postings, "LEAST", 1)
    while postings.merge(large.tenant.pk):
        pass
    with large.scope():
        assert sorted(window.slots for window in PostingsWindow.objects.all()) == [200, 500, 500]
    assert same(found(large), scanned(large))


def test_closed_chunks_are_not_found_and_do_not_shorten_the_list(large):
    postings.merge(large.tenant.pk)
    best = [key for key, _ in found(large)[:90]]
    with large.scope():
        LexicalEntry.objects.filter(pk__in=best).update(valid_to="2026-01-01T00:00:00Z")
    rows = found(large)
    assert len(rows) == 100
    assert not set(best) & {key for key, _ in rows}
    assert same(rows, scanned(large))


def test_readers_get_as_many_as_match_for_them(large):
    postings.merge(large.tenant.pk)
    group = uuid4()
    keys = [key for key, _ in found(large)]
    with large.scope():
        LexicalEntry.objects.exclude(pk__in=keys[60:]).update(reader_groups=[group])
    assert [key for key, _ in found(large)] == keys[60:]
    assert same(found(large, group), scanned(large, group))
    assert len(found(large, group)) == 100


def test_one_collection_among_many_is_searched_alone(large):
    other = large.collection("other")
    large.add_many(other, sentences(SIZE, 3))
    postings.merge(large.tenant.pk)
    rows = found(large, collections=[other.pk])
    with large.scope():
        assert {Chunk.objects.get(pk=key).collection_id for key, _ in rows} == {other.pk}
    assert len(rows) == 100


def test_a_chunk_that_is_current_again_is_found(large):
    postings.merge(large.tenant.pk)
    key = found(large)[0][0]
    with large.scope():
        LexicalEntry.objects.filter(pk=key).update(valid_to="2026-01-01T00:00:00Z")
        PostingsWindow.objects.update(stale=True)
    postings.merge(large.tenant.pk)
    assert found(large)[0][0] != key
    with large.scope():
        LexicalEntry.objects.filter(pk=key).update(valid_to=None)
        assert LexicalEntry.objects.get(pk=key).slot is None
    assert found(large)[0][0] == key


def test_a_chunk_that_goes_to_another_collection_is_found_there(large):
    postings.merge(large.tenant.pk)
    other = large.collection("other")
    large.add_many(other, sentences(SIZE, 3))
    key = found(large)[0][0]
    with large.scope():
        LexicalEntry.objects.filter(pk=key).update(collection_id=other.pk)
    assert key in {key for key, _ in found(large, collections=[other.pk])}


def test_weights_of_another_time_are_written_anew(large):
    postings.merge(large.tenant.pk)
    with large.scope():
        collection = Collection.objects.get(slug="large")
        Collection.objects.update(average_length=1000.0)
    upkeep.reweigh()
    with large.scope():
        assert PostingsWindow.objects.get(collection_ids__contains=[collection.pk]).stale
    assert same(found(large), scanned(large))
    postings.merge(large.tenant.pk)
    with large.scope():
        assert not PostingsWindow.objects.get().stale
    assert same(found(large), scanned(large))


def test_what_is_erased_leaves_the_postings_with_the_next_round(large):
    postings.merge(large.tenant.pk)
    with large.scope():
        before = Posting.objects.count()
        keys = list(LexicalEntry.objects.values_list("pk", flat=True)[: SIZE - 5])
        LexicalEntry.objects.filter(pk__in=keys).delete()
        assert PostingsWindow.objects.get().stale
    assert postings.merge_due() >= 1
    with large.scope():
        assert PostingsWindow.objects.get().entries == 5
        assert Posting.objects.count() < before
    assert len(found(large)) <= 5


def test_a_chunk_that_somebody_is_changing_is_left_to_be_scanned(large):
    with large.scope():
        key = LexicalEntry.objects.values_list("pk", flat=True)[0]
    with connections["operator"].cursor() as other, transaction.atomic(using="operator"):
        other.execute("SELECT FROM ingestion_lexicalentry WHERE id = %s FOR UPDATE", [key])
        assert postings.merge(large.tenant.pk)
    with large.scope():
        assert LexicalEntry.objects.get(slot=None).pk == key
        assert PostingsWindow.objects.get().stale
    assert same(found(large), scanned(large))
    postings.merge(large.tenant.pk)
    with large.scope():
        assert not LexicalEntry.objects.filter(slot=None).exists()


def test_a_window_is_not_rewritten_while_somebody_changes_one_of_its_chunks(large):
    postings.merge(large.tenant.pk)
    with large.scope():
        PostingsWindow.objects.update(stale=True)
        key = LexicalEntry.objects.values_list("pk", flat=True)[0]
    with connections["operator"].cursor() as other, transaction.atomic(using="operator"):
        other.execute("SELECT FROM ingestion_lexicalentry WHERE id = %s FOR UPDATE", [key])
        assert not postings.merge(large.tenant.pk)
    with large.scope():
        assert PostingsWindow.objects.get().stale
        assert not LexicalEntry.objects.filter(slot=None).exists()
    assert same(found(large), scanned(large))


def test_another_tenants_postings_are_not_read(large, globex_corpus):
    globex_corpus.add_many(globex_corpus.collection("large"), sentences(SIZE, 5))
    postings.merge(large.tenant.pk)
    postings.merge(globex_corpus.tenant.pk)
    with large.scope():
        own = set(LexicalEntry.objects.values_list("pk", flat=True))
    assert {key for key, _ in found(large)} <= own
    assert not {key for key, _ in found(globex_corpus)} & own


def test_small_windows_join_in_steps_that_double():
    def window(number, current, *, stale=False):
        return postings.Window(number, 0, current, current, stale, current)

    def joined(*windows, unmerged):
        return [one.number for one in postings.to_rewrite(windows, unmerged)]

    assert joined(window(1, 8000), unmerged=999) == []
    assert joined(window(1, 8000), unmerged=1000) == []
    assert joined(window(1, 2000), window(2, 7000), unmerged=1000) == [1]
    assert joined(window(1, 2500), unmerged=1000) == []
    assert joined(window(1, 1000), window(2, 3500), unmerged=1000) == [1, 2]
    assert joined(window(1, 8000, stale=True), window(2, 100), unmerged=0) == [1]
