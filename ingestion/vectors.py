"""The embedding model as ingestion sees it: its tokenizer, the tenant's space for its vectors, and vectors of texts.

Vectors travel in pgvector's binary form (``halfvecs``), which is what they are stored from and copied in.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection

from inference import gateway
from inference.embedding.specification import parse as configured
from inference.errors import EmbeddingError, EmbeddingInputError, ProviderError
from ingestion.chunking import ChunkProfile, TokenCounter
from ingestion.errors import PermanentError, RetryableError
from ingestion.halfvecs import packed
from ingestion.models import Collection, EmbeddingSpace
from tenants.identifiers import uuid7
from tenants.scope import Principal, current_tenant_id

# Uses index: chunk_hash. Closed chunks count too: text that comes back is not embedded again.
_KNOWN = """
SELECT DISTINCT ON (c.content_hash) c.content_hash, halfvec_send(e.vector)
  FROM ingestion_chunk c
 CROSS JOIN LATERAL (
       SELECT vector FROM ingestion_embedding
        WHERE tenant_id = %(tenant)s AND space_id = %(space)s AND id = c.id OFFSET 0) e
 WHERE c.tenant_id = %(tenant)s AND c.content_hash = ANY(%(hashes)s)
"""


@lru_cache(maxsize=4)
def counter(specification: str = "") -> TokenCounter:
    """An embedding model's own tokenizer; chunks are measured with the configured one's."""
    return TokenCounter(gateway.embedding_tokenizer(specification))


def profile(collection: Collection) -> ChunkProfile:
    """A collection's chunk sizes, as far as the embedding model can read them whole."""
    split = {"table": collection.split_tables, "code": collection.split_code}
    return ChunkProfile.named(
        collection.chunk_profile,
        max_tokens=gateway.embedding_model().max_tokens,
        tokens=collection.chunk_tokens,
        overlap=collection.chunk_overlap,
        split=frozenset(kind for kind, wanted in split.items() if wanted),
    )


def warm_up() -> None:
    """Load the model if this process has not; a model that cannot be loaded is told of by the first run instead."""
    with suppress(RetryableError):
        model_of("")


def serving_space() -> EmbeddingSpace:
    """The tenant's serving space, made at first use. Raises RetryableError when its model has become another one.

    Retryable, because a change of settings cures it without touching the files.
    """
    space = EmbeddingSpace.objects.filter(state=EmbeddingSpace.SpaceState.SERVING).first()
    if space is None:
        _make_space(model_of(""))
        space = EmbeddingSpace.objects.get(state=EmbeddingSpace.SpaceState.SERVING)
    model = model_of(space.specification)
    if (space.model, space.dimensions) != (model.name, model.dimensions):
        raise RetryableError(
            "embedding_space_mismatch",
            f"The embedding model is {model.name} ({model.dimensions} dimensions), but the vectors of"
            f" this tenant were made by {space.model} ({space.dimensions}).",
            "Set FOOTNOTE_EMBEDDING_MODEL back to the model of the stored vectors, or name that model in"
            " FOOTNOTE_EMBEDDING_MODELS and move the tenant to a new space (bin/manage space).",
        )
    return space


def model_of(specification: str) -> gateway.EmbeddingModel:
    """The model of a specification, loaded. Raises RetryableError."""
    try:
        return gateway.embedding_model(specification)
    except EmbeddingError as error:
        raise RetryableError(
            "embedding_unavailable",
            f"The embedding model could not be loaded: {error}",
            "Check FOOTNOTE_EMBEDDING_MODEL and FOOTNOTE_EMBEDDING_MODELS, then retry.",
        ) from error


def _make_space(model: gateway.EmbeddingModel) -> None:
    # Two workers may come first at once; the constraint lets one of them through.
    EmbeddingSpace.objects.bulk_create(
        [
            EmbeddingSpace(
                tenant_id=current_tenant_id(),
                id=uuid7(),
                specification=str(configured("")),
                model=model.name,
                dimensions=model.dimensions,
                state=EmbeddingSpace.SpaceState.SERVING,
            )
        ],
        ignore_conflicts=True,
    )


def content_hash(text: str) -> bytes:
    """What decides whether a text must be embedded: the text as embedded. Vectors are looked up within one space."""
    return sha256(text.encode()).digest()


def known(hashes: Iterable[bytes], space_id: UUID) -> dict[bytes, bytes]:
    """Vectors that the tenant has already, by content hash, in one query."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "space": space_id,
        "hashes": list(hashes),
    }
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, values)
        return {bytes(found): bytes(vector) for found, vector in cursor.fetchall()}


def embed(texts: Sequence[str], principal: Principal, specification: str) -> list[bytes]:
    """One vector per text, by the model of the specification.

    Raises PermanentError for texts that cannot be embedded, else RetryableError.
    """
    try:
        rows = gateway.embed(
            texts, feature="ingestion", principal=principal, model=specification
        ).vectors
    except EmbeddingInputError as error:
        raise PermanentError(
            "not_embeddable",
            f"Part of the text cannot be embedded: {error}",
            "Choose smaller passages for the collection, or another embedding model, then try again.",
        ) from error
    except (EmbeddingError, ProviderError) as error:
        raise RetryableError(
            "embedding_unavailable",
            f"The text could not be embedded: {error}",
            "Check the embedding model's settings, then retry.",
        ) from error
    return [packed(row) for row in rows]
