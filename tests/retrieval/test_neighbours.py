"""Neighbours: what stands next to a passage, for those who may read it, behind the ranked passages of a context."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inference.tokens import count_text
from ingestion.models import Chunk
from retrieval.context import beside, build_context
from retrieval.neighbours import neighbours
from retrieval.passages import Passage
from tests.retrieval.corpus import Corpus
from tests.retrieval.passages import passage

pytestmark = pytest.mark.usefixtures("database")
SENTENCES = [
    f"Sentence {number} tells of blade number {number} and its long life. " * 2
    for number in range(9)
]


def written(corpus: Corpus, headings: str, *, groups: tuple[UUID, ...] = ()) -> list[Passage]:
    """A document of chunks, one per letter of ``headings``, which names its section; as passages, ranked in order."""
    first = corpus.add(corpus.collection(f"c-{uuid4().hex[:6]}"), SENTENCES[0], groups=groups)
    start, made = len(SENTENCES[0]), [first]
    with corpus.scope():
        Chunk.objects.filter(pk=first.pk).update(heading_path=[headings[0]])
        for ordinal, heading in enumerate(headings[1:], start=1):
            text = SENTENCES[ordinal]
            made.append(
                Chunk.objects.create(
                    collection_id=first.collection_id, document_id=first.document_id,
                    version_id=first.version_id, ordinal=ordinal, text=text, heading_path=[heading],
                    page=ordinal, page_end=ordinal, span_start=start, span_end=start + len(text),
                    tokens=9, content_hash=b"x", reader_groups=list(groups), valid_from=first.valid_from,
                )
            )  # fmt: skip
            start += len(text)
    return [
        passage(
            one.text, rank, start=one.span_start, chunk_id=one.pk, version_id=one.version_id,
            document_id=one.document_id, page=one.page,
        )
        for rank, one in enumerate(made, start=1)
    ]  # fmt: skip


def around(corpus: Corpus, *given: Passage) -> list[str]:
    with corpus.reader():
        return [SENTENCES.index(one.text) for one in neighbours(given)]


def test_the_rest_of_the_section_comes_nearest_first_and_one_chunk_beyond_a_heading(
    acme_corpus: Corpus,
) -> None:
    chunks = written(acme_corpus, "aabbbcccc")
    assert around(acme_corpus, chunks[3]) == [2, 4]
    assert around(acme_corpus, chunks[2]) == [1, 3, 4]
    assert around(acme_corpus, chunks[5]) == [4, 6, 7, 8]


def test_what_was_found_itself_is_no_neighbour(acme_corpus: Corpus) -> None:
    chunks = written(acme_corpus, "aaaaaaaaa")
    assert around(acme_corpus, *chunks[3:5]) == [2, 5, 1, 6, 0, 7]
    assert around(acme_corpus) == []


def test_a_neighbour_has_its_own_chunk_page_and_span_under_its_document(
    acme_corpus: Corpus,
) -> None:
    chunks = written(acme_corpus, "ab")
    with acme_corpus.reader():
        (found,) = neighbours(chunks[:1])
    assert (found.chunk_id, found.page, found.heading_path) == (chunks[1].chunk_id, 1, ("b",))
    assert (found.span_start, found.span_end) == (chunks[1].span_start, chunks[1].span_end)
    assert found.title == chunks[0].title


def test_it_is_one_query_as_the_reader_of_this_tenant(
    acme_corpus: Corpus, globex_corpus: Corpus
) -> None:
    group = uuid4()
    chunks = written(acme_corpus, "aaa", groups=(group,))
    assert around(acme_corpus, chunks[1]) == []
    assert around(globex_corpus, chunks[1]) == []
    with acme_corpus.reader(group), CaptureQueriesContext(connection) as queries:
        assert len(neighbours([chunks[1]])) == 2
    assert len(queries) == 1


def test_it_keeps_to_the_time_that_was_asked_for(acme_corpus: Corpus) -> None:
    chunks = written(acme_corpus, "aaa")
    with acme_corpus.scope():
        Chunk.objects.filter(version_id=chunks[0].version_id).update(valid_to=timezone.now())
    assert around(acme_corpus, chunks[1]) == []
    with acme_corpus.reader():
        was = Chunk.objects.get(pk=chunks[0].chunk_id).valid_from
        assert len(neighbours([chunks[1]], as_of=was)) == 2
        assert neighbours([chunks[1]], as_of=was - timedelta(days=1)) == []


def test_they_stand_behind_the_ranked_and_overlaps_merge_within_the_budget() -> None:
    ranked = passage(SENTENCES[1], 1, start=1000)
    context = build_context([ranked], budget=1000)
    overlapping = passage(SENTENCES[1][-40:] + SENTENCES[2], 1, start=1000 + len(SENTENCES[1]) - 40)
    twin = replace(ranked, chunk_id=uuid4(), version_id=uuid4())
    wider = beside(context, [twin, overlapping], budget=1000)
    first, second = wider.passages
    assert first == ranked
    assert second.text == SENTENCES[2].strip()
    assert second.span_start >= ranked.span_end
    assert wider.tokens == count_text(wider.text)
    assert wider.text.startswith(context.text)
    assert beside(context, [overlapping], budget=context.tokens + 5).passages == (ranked,)
