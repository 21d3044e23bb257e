"""Measures of ranking and of yes/no scores: small, pure, as trec_eval and scikit-learn define them.

``ranking`` is a list of ids, best first, without repeats; ``judged`` maps ids to relevance (0: not relevant). Queries
without a relevant document have no value: leave them out, as trec_eval does.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import log2


def ndcg(ranking: Sequence[str], judged: Mapping[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain at ``k`` with linear gain (trec_eval's ``ndcg_cut_k``), 0 to 1."""
    ideal = sorted((gain for gain in judged.values() if gain > 0), reverse=True)
    if not ideal:
        raise ValueError("nDCG needs at least one relevant document.")
    return _discounted([judged.get(found, 0) for found in ranking[:k]]) / _discounted(ideal[:k])


def recall(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """The share of the relevant documents that are among the first ``k``."""
    relevant = {found for found, gain in judged.items() if gain > 0}
    if not relevant:
        raise ValueError("Recall needs at least one relevant document.")
    return len(relevant.intersection(ranking[:k])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], judged: Mapping[str, int]) -> float:
    """One over the rank of the first relevant document; 0 when there is none."""
    ranks = (rank for rank, found in enumerate(ranking, 1) if judged.get(found, 0) > 0)
    return 1 / next(ranks, float("inf"))


def success(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """1.0 when a relevant document is among the first ``k``, else 0.0."""
    return float(any(judged.get(found, 0) > 0 for found in ranking[:k]))


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The chance that a positive scores above a negative, ties counting half. O(n log n)."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if len(scores) != len(labels) or not positives or not negatives:
        raise ValueError("AUROC needs one score per label, and both labels.")
    pairs = sorted(zip(scores, labels, strict=True))
    below = wins = 0.0
    for _, tied in groupby(pairs, key=lambda pair: pair[0]):
        marks = [label for _, label in tied]
        ups = sum(marks)
        wins += ups * (below + (len(marks) - ups) / 2)
        below += len(marks) - ups
    return wins / (positives * negatives)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))
