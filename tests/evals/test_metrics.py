"""The measures, against values worked out by hand or by trec_eval."""

from math import log2

import pytest

from evals.metrics import auroc, ndcg, recall, reciprocal_rank, success

JUDGED = {"a": 2, "b": 1, "c": 0}


def test_ndcg_uses_linear_gain():
    found = (1 / log2(2) + 2 / log2(4)) / (2 / log2(2) + 1 / log2(3))
    assert ndcg(["b", "x", "a"], JUDGED) == pytest.approx(found)


def test_ndcg_is_one_for_the_ideal_order_and_looks_at_no_more_than_k():
    assert ndcg(["a", "b", "c"], JUDGED) == 1
    assert ndcg(["x", "a", "b"], JUDGED, k=1) == 0


def test_the_ideal_is_cut_at_k_as_trec_eval_does():
    assert ndcg(["a"], {"a": 1, "b": 1, "c": 1}, k=1) == 1


def test_recall_counts_relevant_documents_only():
    assert recall(["c", "a"], JUDGED, k=2) == 0.5
    assert recall(["c", "a"], JUDGED, k=1) == 0


def test_reciprocal_rank_is_of_the_first_relevant_document():
    assert reciprocal_rank(["c", "x", "b", "a"], JUDGED) == pytest.approx(1 / 3)
    assert reciprocal_rank(["c"], JUDGED) == 0


def test_success_asks_for_one_relevant_document():
    assert success(["c", "b"], JUDGED, k=2) == 1
    assert success(["c", "b"], JUDGED, k=1) == 0


def test_auroc_counts_ties_as_half():
    assert auroc([0.9, 0.8, 0.1], [True, True, False]) == 1
    assert auroc([0.1, 0.9], [True, False]) == 0
    assert auroc([0.5, 0.5], [True, False]) == 0.5
    assert auroc([3, 2, 2, 1], [True, True, False, False]) == pytest.approx(0.875)


@pytest.mark.parametrize("measure", [ndcg, lambda r, j: recall(r, j, 5)])
def test_queries_without_a_relevant_document_are_refused(measure):
    with pytest.raises(ValueError, match="relevant"):
        measure(["a"], {"a": 0})


def test_auroc_needs_both_labels():
    with pytest.raises(ValueError, match="both labels"):
        auroc([1, 2], [True, True])
