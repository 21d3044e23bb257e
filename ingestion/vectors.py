"""The embedding model as ingestion sees it: its tokenizer, the tenant's space for its vectors, and vectors of texts.

Vectors travel as Postgres' own text form, which is what they are stored from and copied in.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from django.db import connection

from inference import gateway
from inference.errors import EmbeddingError, EmbeddingInputError, ProviderError
from ingestion.chunking import ChunkProfile, TokenCounter
from ingestion.errors import PermanentError, RetryableError
from ingestion.models import EmbeddingSpace
from tenants.identifiers import uuid7
from tenants.scope import Principal, current_tenant_id

# Uses index: chunk_hash. Closed chunks count too: text that comes back is not embedded again.
_KNOWN = """
SELECT DISTINCT ON (c.content_hash) c.content_hash, e.vector::text
  FROM ingestion_chunk c
  JOIN ingestion_embedding e ON e.tenant_id = c.tenant_id AND e.id = c.id
 WHERE c.tenant_id = %s AND c.content_hash = ANY(%s) AND e.tenant_id = %s AND e.space_id = %s
"""


@lru_cache(maxsize=1)
def counter() -> TokenCounter:
    """The embedding model's own tokenizer, which chunks are measured with."""
    return TokenCounter(gateway.embedding_tokenizer())


@lru_cache(maxsize=1)
def profile() -> ChunkProfile:
    """Chunk sizes that the embedding model can read whole."""
    return ChunkProfile(max_tokens=gateway.embedding_model().max_tokens)


def warm_up() -> None:
    """Load the model if this process has not; a model that cannot be loaded is told of by the first run instead."""
    with suppress(RetryableError):
        _model()


def serving_space() -> EmbeddingSpace:
    """The tenant's serving space, made at first use. Raises RetryableError when it is of another model.

    Retryable, because a change of settings cures it without touching the files.
    """
    model = _model()
    space = EmbeddingSpace.objects.filter(state=EmbeddingSpace.SpaceState.SERVING).first()
    if space is None:
        _make_space(model)
        space = EmbeddingSpace.objects.get(state=EmbeddingSpace.SpaceState.SERVING)
    if (space.model, space.dimensions) != (model.name, model.dimensions):
        raise RetryableError(
            "embedding_space_mismatch",
            f"The embedding model is {model.name} ({model.dimensions} dimensions), but the vectors of"
            f" this tenant were made by {space.model} ({space.dimensions}).",
            "Set FOOTNOTE_EMBEDDING_MODEL back to the model of the stored vectors.",
        )
    return space


def _model() -> gateway.EmbeddingModel:
    try:
        return gateway.embedding_model()
    except EmbeddingError as error:
        raise RetryableError(
            "embedding_unavailable",
            f"The embedding model could not be loaded: {error}",
            "Check FOOTNOTE_EMBEDDING_MODEL, then retry.",
        ) from error


def _make_space(model: gateway.EmbeddingModel) -> None:
    # Two workers may come first at once; the constraint lets one of them through.
    EmbeddingSpace.objects.bulk_create(
        [
            EmbeddingSpace(
                tenant_id=current_tenant_id(),
                id=uuid7(),
                model=model.name,
                dimensions=model.dimensions,
                state=EmbeddingSpace.SpaceState.SERVING,
            )
        ],
        ignore_conflicts=True,
    )


def content_hash(text: str) -> bytes:
    """What decides whether a text must be embedded: the text as embedded, and the model."""
    model = gateway.embedding_model()
    return sha256(f"{model.name}/{model.dimensions}\0{text}".encode()).digest()


def known(hashes: Iterable[bytes], space_id: UUID) -> dict[bytes, str]:
    """Vectors that the tenant has already, by content hash, in one query."""
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [tenant_id, list(hashes), tenant_id, space_id])
        return {bytes(found): vector for found, vector in cursor.fetchall()}


def embed(texts: Sequence[str], principal: Principal) -> list[str]:
    """One vector per text. Raises PermanentError for texts that cannot be embedded, else RetryableError."""
    try:
        rows = gateway.embed(texts, feature="ingestion", principal=principal).vectors
    except EmbeddingInputError as error:
        raise PermanentError(
            "not_embeddable", f"Part of the text cannot be embedded: {error}"
        ) from error
    except (EmbeddingError, ProviderError) as error:
        raise RetryableError(
            "embedding_unavailable",
            f"The text could not be embedded: {error}",
            "Check the embedding model's settings, then retry.",
        ) from error
    return [_as_text(row.tolist()) for row in rows]


def _as_text(values: list[float]) -> str:
    return "[" + ",".join([f"{value:.6g}" for value in values]) + "]"
