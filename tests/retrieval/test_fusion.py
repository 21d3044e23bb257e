"""Fusion follows the side that knows something of the question."""

import random

import pytest

from inference import gateway
from retrieval.trust import lexical_trust, share_known_to
from tests.retrieval.corpus import axis, between
from tests.retrieval.pinned import call, texts

QUESTION = "turbine blades"


@pytest.fixture(scope="module")
def tokenizer():
    return gateway.embedding_tokenizer()


@pytest.mark.parametrize(
    ("query", "least", "most"),
    [
        ("How many vacation days does an employee have?", 0.95, 1),
        ("is it a b?", 0.99, 1),
        ("BC1 RNA is processed by Dicer", 0.7, 1),
        ("Πόσους πόντους παρέδωσε η άμυνα των Πάνθερς;", 0, 0.1),
        ("Сколько очков пропустила защита Пантерс?", 0, 0.1),
        ("黑豹队的防守丢了多少分？", 0, 0.1),
        ("กองหลังของแพนเทอร์เสียกี่แต้ม", 0, 0.1),
        ("Đội thủ của Panthers đã thua bao nhiêu điểm?", 0.3, 0.8),
        ("2026-11-20 ???", 1, 1),
    ],
)
def test_the_tokenizer_tells_how_much_of_a_question_the_model_knows(tokenizer, query, least, most):
    assert least <= share_known_to(tokenizer, query) <= most


def test_trust_in_words_grows_as_the_model_knows_less():
    assert lexical_trust(1) == 1
    assert lexical_trust(0) > 20 * lexical_trust(0.9) > 20


@pytest.mark.usefixtures("database")
class TestOrder:
    """Two passages: one near in meaning and without the words, one with the words and far in meaning."""

    @pytest.fixture
    def ranked(self, acme_corpus):
        def rank(trust: float, question: str = QUESTION) -> list[str]:
            with acme_corpus.reader():
                return texts(call(question, axis(0), space=acme_corpus.space.id, trust=trust))

        manual = acme_corpus.collection("manual")
        acme_corpus.add(manual, "Rotor wings.", between(0, 1, 0.9))
        acme_corpus.add(manual, "Turbine blades.", between(0, 1, 0.2))
        for number in range(20):
            acme_corpus.add(
                manual, f"Nothing of it, number {number}.", between(0, 2, 0.01 * number)
            )
        return rank

    def test_a_model_that_knows_nothing_does_not_drag_the_words_down(self, ranked):
        assert ranked(trust=lexical_trust(0))[0] == "Turbine blades."

    def test_without_trust_in_words_meaning_decides(self, ranked):
        assert ranked(trust=0)[0] == "Rotor wings."

    def test_one_word_of_three_says_less_than_a_whole_question(self, ranked):
        assert ranked(1, "turbine")[0] == "Turbine blades."
        assert ranked(1, "turbine sorted ascending")[0] == "Rotor wings."

    def test_one_word_of_three_still_counts_where_the_model_knows_none(self, ranked):
        foreign = "turbine sorted ascending"
        assert ranked(lexical_trust(0), foreign)[0] == "Turbine blades."

    def test_a_passage_that_one_side_did_not_rank_still_has_its_score(self, acme_corpus, ranked):
        with acme_corpus.reader():
            rows = call(QUESTION, axis(0), space=acme_corpus.space.id, depth=1)
        (words,) = [row for row in rows if row["text"] == "Turbine blades."]
        assert (words["dense_rank"], words["lexical_rank"]) == (None, 1)
        assert words["dense_score"] == pytest.approx(0.2, abs=0.01)


@pytest.mark.usefixtures("database")
def test_repeated_words_of_a_question_count_again(acme_corpus):
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "Rotor here.")
    acme_corpus.add(manual, "Stator here.")
    with acme_corpus.reader():
        assert texts(call("rotor stator stator"))[0] == "Stator here."
        assert texts(call("rotor rotor stator"))[0] == "Rotor here."


@pytest.mark.usefixtures("database")
def test_lexical_scores_are_those_of_bm25(acme_corpus):
    """Against the formula: idf of Lucene, k1 1.2, b 0.75, the average length that the corpus was weighted with."""
    from math import log

    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "rotor rotor stator")
    acme_corpus.add(manual, "stator")
    with acme_corpus.reader():
        scores = {row["text"]: row["lexical_score"] for row in call("rotor stator")}
    idf_rotor, idf_stator = log(1 + 1.5 / 1.5), log(1 + 0.5 / 2.5)
    norm = 1.2 * (0.25 + 0.75 * 3 / 10)
    expected = idf_rotor * 2 / (2 + norm) + idf_stator * 1 / (1 + norm)
    assert scores["rotor rotor stator"] == pytest.approx(expected, rel=1e-5)


WORDS = ("turbine", "blade", "rotor", "wing", "seal", "pump", "valve", "gasket")


@pytest.mark.usefixtures("database")
def test_scores_that_are_not_looked_up_change_nothing(acme_corpus):
    """The first few are those of the whole list, whichever side has found them, with the same scores on both."""
    manual = acme_corpus.collection("manual")
    chance = random.Random(7)
    for number in range(160):
        text = " ".join(chance.choices(WORDS, k=chance.randint(1, 9)))
        vector = between(0, chance.randint(1, 3), chance.random())
        acme_corpus.add(manual, f"{text}.", vector, name=f"doc-{number:03}")
    for question in ("turbine blades", "pump valve seal rotor", "gasket"):
        with acme_corpus.reader():
            asked = {"space": acme_corpus.space.id, "depth": 30}
            whole = call(question, axis(0), cut=60, **asked)
            assert any(row["dense_rank"] is None for row in whole)
            assert any(row["lexical_rank"] is None for row in whole)
            for cut in (1, 3, 10, 30):
                found = call(question, axis(0), cut=cut, **asked)
                assert [shown(row) for row in found] == [shown(row) for row in whole[:cut]]


def shown(row) -> tuple:
    """All that explains a passage's place."""
    sides = ("dense_rank", "dense_score", "lexical_rank", "lexical_score", "lexical_share")
    return row["external_id"], pytest.approx(row["score"]), *(row[name] for name in sides)
