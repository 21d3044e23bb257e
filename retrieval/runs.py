"""Whole query sets: read ``.jsonl`` queries, search each, write a TREC run of documents.

A document's rank is that of its best passage. A file that could not become a valid run is refused before anything is
searched. Entry points: ``read_queries``, ``ranked_documents``, ``run_lines``,
``percentile``.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.errors import SearchRefused
from retrieval.passages import MAX_LIMIT, Passage, SearchRequest, SearchResult

Search = Callable[[SearchRequest], SearchResult]


@dataclass(frozen=True)
class Query:
    """One row of a query set."""

    id: str
    text: str


def read_queries(path: Path) -> Iterator[Query]:
    """The queries of a ``.jsonl`` file with ``_id`` and ``text``. Raises ``SearchRefused`` naming the line."""
    lines_of: dict[str, int] = {}
    # What Windows writes begins with a mark of the encoding, which is no part of the text.
    with path.open(encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    query = _query(line, f"{path.name}, line {number}")
                    _must_be_new(query.id, number, lines_of, path.name)
                    yield query
        except UnicodeDecodeError as error:
            raise SearchRefused("queries", f"{path.name} is not a text in UTF-8.") from error


def _query(line: str, place: str) -> Query:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SearchRefused("queries", f"{place}: not JSON ({error.msg}).") from error
    if not isinstance(row, dict) or not {"_id", "text"} <= row.keys():
        raise SearchRefused("queries", f"{place}: expected an object with `_id` and `text`.")
    if not str(row["_id"]) or any(character.isspace() for character in str(row["_id"])):
        raise SearchRefused("queries", f"{place}: `_id` must be a word without blanks.")
    if not isinstance(row["text"], str):
        raise SearchRefused("queries", f"{place}: `text` must be a string.")
    return Query(str(row["_id"]), row["text"])


def _must_be_new(query_id: str, number: int, lines_of: dict[str, int], name: str) -> None:
    """A run with two lists for one query is none that trec_eval reads."""
    first = lines_of.setdefault(query_id, number)
    if first != number:
        raise SearchRefused(
            "queries", f"{name}, line {number}: `_id` {query_id!r} is that of line {first}, too."
        )


def ranked_documents(request: SearchRequest, search: Search) -> tuple[list[Passage], SearchResult]:
    """The best passage of each of the first ``limit`` documents, and the last search that it took.

    Asks for more passages until there are enough documents, or no more passages.
    """
    limit = min(MAX_LIMIT, 2 * request.limit)
    while True:
        result = search(replace(request, limit=limit))
        best = best_per_document(result.passages)
        if len(best) >= request.limit or len(result.passages) < limit or limit == MAX_LIMIT:
            return best[: request.limit], result
        limit = min(MAX_LIMIT, 2 * limit)


def best_per_document(passages: Sequence[Passage]) -> list[Passage]:
    """The first passage of each document, in order."""
    best: dict[object, Passage] = {}
    for passage in passages:
        best.setdefault(passage.document_id, passage)
    return list(best.values())


def run_lines(query_id: str, passages: Sequence[Passage], tag: str) -> Iterator[str]:
    """``qid Q0 external_id rank score tag``; blanks inside a name become ``_``, as the format has no quoting.

    trec_eval orders by score, and ties by name: a millionth of a rank keeps our order. It refuses a name that comes
    twice, so of documents of two collections with one name the better stands.
    """
    named: dict[str, Passage] = {}
    for passage in passages:
        named.setdefault("_".join(passage.external_id.split()), passage)
    for rank, (name, passage) in enumerate(named.items(), start=1):
        yield f"{query_id} Q0 {name} {rank} {passage.score - rank * 1e-9:.10f} {tag}\n"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
