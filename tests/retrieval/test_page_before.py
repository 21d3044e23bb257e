"""What the best passage follows on from, across the end of a page, comes among the first: the section begins there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from ingestion.models import Chunk, Embedding, LexicalEntry
from tests.retrieval.corpus import axis, between
from tests.retrieval.pinned import call, texts

pytestmark = pytest.mark.usefixtures("database")
QUESTION = "How are turbine blades inspected?"
BEST = "Turbine blades are inspected by borescope, blade after blade."
BEFORE = "Maintenance of the engine."
SHARE = 0.8


def two_pages(corpus, collection, *, pages=(1, 2), groups=(), before=BEFORE, **fields):
    """A document whose second passage answers; its first has nothing of the question."""
    first = corpus.add(collection, before, axis(5), page=pages[0], **fields)
    return first, corpus.follow(first, BEST, axis(0), page=pages[1], groups=groups)


def rivals(corpus, collection, count=6):
    """Passages that know more of the question than the page before, and less than the best."""
    for number in range(count):
        corpus.add(collection, f"Blades of lot {number}.", between(0, 1, 0.3), name=f"lot-{number}")


def asked(corpus, **options):
    return call(QUESTION, axis(0), space=corpus.space.id, **options)


def test_the_page_before_the_best_comes_among_the_first_and_says_why(acme_corpus):
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual)
    rivals(acme_corpus, manual)
    with acme_corpus.reader():
        rows = asked(acme_corpus)
    assert texts(rows)[:2] == [BEST, BEFORE]
    assert [row["page_before"] for row in rows] == [False, True, *[False] * 6]
    assert rows[1]["score"] == pytest.approx(SHARE * rows[0]["score"])
    assert rows[1]["dense_score"] == pytest.approx(0)


def test_as_many_rows_as_asked_for_and_no_row_twice(acme_corpus):
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual)
    rivals(acme_corpus, manual)
    with acme_corpus.reader():
        for cut in (1, 2, 3, 8, 50):
            found = texts(asked(acme_corpus, cut=cut))
            assert len(found) == len(set(found)) == min(cut, 8)


def test_what_neither_side_had_among_its_candidates_comes_with_its_scores(acme_corpus):
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual, before=f"Maintenance. {'All else ' * 40} Blades.")
    rivals(acme_corpus, manual)
    with acme_corpus.reader():
        rows = asked(acme_corpus, depth=3, cut=3)
    (row,) = [row for row in rows if row["page_before"]]
    assert (row["dense_rank"], row["lexical_rank"]) == (None, None)
    assert row["dense_score"] == pytest.approx(0)
    assert row["lexical_score"] > 0


def test_what_holds_no_word_has_no_rank_among_words(acme_corpus):
    """A scan lists it all the same, where there are fewer passages than candidates."""
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual)
    rivals(acme_corpus, manual)
    with acme_corpus.reader():
        rows = asked(acme_corpus, cut=3)
    (row,) = [row for row in rows if row["page_before"]]
    assert row["text"] == BEFORE
    assert (row["lexical_rank"], row["lexical_score"]) == (None, 0)
    assert row["dense_rank"] is not None


def test_on_the_same_page_or_without_pages_it_stands_for_itself(acme_corpus):
    for pages in ((2, 2), (None, None)):
        manual = acme_corpus.collection(f"manual-{pages[0]}")
        two_pages(acme_corpus, manual, pages=pages)
        rivals(acme_corpus, manual)
        with acme_corpus.reader():
            rows = asked(acme_corpus, collections=[manual.id])
        assert texts(rows)[-1] == BEFORE
        assert not any(row["page_before"] for row in rows)


def test_what_is_good_by_itself_keeps_its_place_and_reason(acme_corpus):
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual)
    with acme_corpus.scope():
        alone = call(QUESTION, axis(5), space=acme_corpus.space.id, trust=0.1)
    assert texts(alone) == [BEFORE, BEST]
    assert not any(row["page_before"] for row in alone)


def test_one_side_alone_finds_what_it_finds(acme_corpus):
    manual = acme_corpus.collection("manual")
    two_pages(acme_corpus, manual)
    rivals(acme_corpus, manual)
    with acme_corpus.reader():
        by_words = call(QUESTION)
        by_meaning = call(vector=axis(0), space=acme_corpus.space.id)
    assert BEFORE not in texts(by_words)
    assert texts(by_meaning)[-1] == BEFORE
    assert not any(row["page_before"] for row in [*by_words, *by_meaning])


def test_a_passage_that_the_asker_may_not_read_does_not_come_with_the_best(acme_corpus):
    manual, group = acme_corpus.collection("manual"), uuid4()
    first, _ = two_pages(acme_corpus, manual)
    with acme_corpus.scope():
        for model in (Chunk, Embedding, LexicalEntry):
            model.objects.filter(pk=first.pk).update(reader_groups=[group])
    with acme_corpus.reader():
        assert texts(asked(acme_corpus)) == [BEST]
    with acme_corpus.reader(group):
        assert texts(asked(acme_corpus)) == [BEST, BEFORE]


def test_the_past_has_its_own_page_before(acme_corpus):
    manual, now = acme_corpus.collection("manual"), timezone.now()
    then = {"valid_from": now - timedelta(days=9), "valid_to": now - timedelta(days=5)}
    two_pages(acme_corpus, manual, before="Maintenance, first edition.", **then)
    two_pages(acme_corpus, manual)
    with acme_corpus.reader():
        assert texts(asked(acme_corpus)) == [BEST, BEFORE]
        past = asked(acme_corpus, as_of=now - timedelta(days=7))
    assert texts(past) == [BEST, "Maintenance, first edition."]
