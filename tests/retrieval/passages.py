"""Passages made by hand."""

from typing import Any
from uuid import UUID, uuid4

from retrieval.passages import Explanation, Passage

DOCUMENT = UUID(int=1)


def passage(text: str, rank: int = 1, *, start: int = 0, **fields: Any) -> Passage:
    """A passage of one document unless told otherwise; its span begins at ``start``."""
    scores = {
        name: fields.pop(name, None)
        for name in ("dense_rank", "dense_score", "lexical_rank", "lexical_score", "lexical_share")
    } | {"page_before": fields.pop("page_before", False)}
    values: dict[str, Any] = {
        "rank": rank,
        "score": 1 / rank,
        "chunk_id": uuid4(),
        "document_id": DOCUMENT,
        "version_id": DOCUMENT,
        "collection_id": DOCUMENT,
        "external_id": "handbook.pdf",
        "title": "Handbook",
        "page": 1,
        "page_end": 1,
        "text": text,
        "heading_path": (),
        "span_start": start,
        "span_end": start + len(text),
        "explain": Explanation(**scores),
    }
    return Passage(**(values | fields))
