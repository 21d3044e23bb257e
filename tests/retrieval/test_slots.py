"""Which slots the postings give: those of the highest scores, about as many as were asked for."""

from dataclasses import dataclass

import pytest
from django.db import connection, connections

from ingestion import postings
from ingestion.lexical import dimension
from ingestion.models import TermCount
from tests.retrieval.corpus import Corpus
from tests.retrieval.test_postings import sentences

pytestmark = pytest.mark.usefixtures("database")


@dataclass
class Places:
    """What the function gave, and the score of every slot."""

    slots: set[int]
    complete: bool
    scores: dict[int, float]

    @property
    def least(self) -> float:
        return min(self.scores[slot] for slot in self.slots)

    @property
    def left_out(self) -> float:
        return max(score for slot, score in self.scores.items() if slot not in self.slots)


def places(corpus: Corpus, words: list[str], wanted: int, rest: float = 1.0) -> Places:
    """As the search function's own role; the first word weighs 1, each other ``rest``."""
    weights = {dimension(word): rest if number else 1.0 for number, word in enumerate(words)}
    dimensions = sorted(weights)
    pairs = ",".join(f"{place}:{weights[place]}" for place in dimensions)
    question = f"{{{pairs}}}/1000000000"
    with corpus.scope(), connection.cursor() as cursor:
        chosen = list(TermCount.objects.values_list("collection_id", flat=True).distinct())
        holders = TermCount.objects.filter(dimension__in=dimensions)
        most = sum(holders.values_list("documents", flat=True))
        cursor.execute(
            "SELECT slot, -(weights <#> %s::sparsevec) FROM ingestion_lexicalentry", [question]
        )
        scores = dict(cursor.fetchall())
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET ROLE footnote_search")
        try:
            cursor.execute(
                "SELECT * FROM footnote_slots(%s, %s::uuid[], %s, %s::float8[], %s, %s)",
                [
                    corpus.tenant.pk,
                    chosen,
                    dimensions,
                    [weights[d] for d in dimensions],
                    most,
                    wanted,
                ],
            )
            slots, complete = cursor.fetchone()
        finally:
            cursor.execute("RESET ROLE")
    return Places(set(slots or []), complete, scores)


def merged(corpus: Corpus, texts: list[str]) -> Corpus:
    corpus.add_many(corpus.collection("large"), texts)
    while postings.merge(corpus.tenant.pk):
        pass
    return corpus


def test_they_are_those_of_the_highest_scores_and_half_as_many_more_at_most(acme_corpus):
    merged(acme_corpus, sentences(1200))
    for wanted in (20, 60, 145):
        found = places(acme_corpus, ["w1", "w3", "w7", "w120"], wanted)
        assert wanted <= len(found.slots) <= 1.5 * wanted
        assert found.least > found.left_out
        assert not found.complete


def test_where_scores_tie_all_of_them_come(acme_corpus):
    merged(acme_corpus, ["rotor stator"] * 700 + ["rotor shaft"] * 500)
    found = places(acme_corpus, ["rotor", "stator"], 50)
    assert len(found.slots) == 700
    assert found.least > found.left_out


def test_few_chunks_that_hold_many_of_the_words_are_all_there_is(acme_corpus):
    together = [f"a{number}" for number in range(10)]
    merged(acme_corpus, [" ".join(together)] * 40 + sentences(1200))
    found = places(acme_corpus, together, 145)
    assert found.complete
    assert len(found.slots) == 40


def test_a_word_in_nearly_every_chunk_does_not_bring_them_all(acme_corpus):
    """Its scores lie far below what the question could have; the level comes down to them."""
    common = [f"{text} k1" for text in sentences(1200)]
    merged(acme_corpus, [*common, *["r1 r2 r3"] * 10])
    found = places(acme_corpus, ["k1", "r1", "r2", "r3"], 145, rest=10_000.0)
    assert 145 <= len(found.slots) <= 435
    assert found.least > found.left_out
