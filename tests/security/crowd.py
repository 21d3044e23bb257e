"""Many small tenants whose rows all carry their tenant's name, so that a foreign row shows itself."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.utils import timezone
from pgvector import HalfVector, SparseVector

from ingestion.lexical import DIMENSIONS as LEXICAL_DIMENSIONS
from ingestion.lexical import dimension, terms
from ingestion.models import (
    Chunk,
    Collection,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingSpace,
    LexicalEntry,
    Source,
    State,
    StoredFile,
    TermCount,
)
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope

DIMENSIONS = 8
WORDS = ("holiday", "salary", "invoice", "contract", "server", "pension", "travel", "safety")


@dataclass(frozen=True)
class Inhabitant:
    """A tenant with its collection, space, document and chunks."""

    tenant_id: UUID
    collection_id: UUID
    space_id: UUID
    document_id: UUID
    chunk_ids: tuple[UUID, ...]


def settle(tenant: Tenant, *, chunks: int) -> Inhabitant:
    """Fill the tenant with one document of ``chunks`` searchable chunks."""
    with tenant_scope(platform_principal(tenant.pk)):
        collection = Collection.objects.create(slug="all", name=f"All of {tenant.slug}")
        source = Source.objects.create(collection=collection, kind="upload", name="upload")
        document = Document.objects.create(
            collection=collection,
            source=source,
            external_id="one",
            title=tenant.slug,
            state=State.READY,
        )
        file = StoredFile.objects.create(sha256=b"-" * 32, size=1)
        version = DocumentVersion.objects.create(
            document=document, number=1, file=file, filename="one.txt", sha256=b"-" * 32, size=1
        )
        space = EmbeddingSpace.objects.create(model="test", dimensions=DIMENSIONS, state="serving")
        ids = _index(tenant, collection, document, version, space, chunks)
    return Inhabitant(tenant.pk, collection.pk, space.pk, document.pk, tuple(ids))


def _index(
    tenant: Tenant,
    collection: Collection,
    document: Document,
    version: DocumentVersion,
    space: EmbeddingSpace,
    count: int,
) -> list[UUID]:
    now = timezone.now()
    random = np.random.default_rng(tenant.pk.int % 2**32)
    shared = {"tenant_id": tenant.pk, "collection_id": collection.pk, "version_id": version.pk}
    validity = {"valid_from": now, "valid_to": None}
    chunks, vectors, entries = [], [], []
    for ordinal in range(count):
        text = f"{tenant.slug} {WORDS[ordinal % len(WORDS)]} {ordinal}"
        chunk = Chunk(
            **shared,
            **validity,
            document_id=document.pk,
            ordinal=ordinal,
            text=text,
            span_start=0,
            span_end=len(text),
            tokens=4,
            content_hash=hashlib.sha256(text.encode()).digest(),
        )
        vector = random.normal(size=DIMENSIONS)
        weights = {dimension(term) - 1: 1.0 for term in terms(text)}
        chunks.append(chunk)
        vectors.append(
            Embedding(
                **shared,
                **validity,
                id=chunk.id,
                space=space,
                vector=HalfVector(vector / np.linalg.norm(vector)),
            )
        )
        entries.append(
            LexicalEntry(
                **shared,
                **validity,
                id=chunk.id,
                weights=SparseVector(weights, LEXICAL_DIMENSIONS),
                length=3,
                average_length=3,
            )
        )
    Chunk.objects.bulk_create(chunks)
    Embedding.objects.bulk_create(vectors)
    LexicalEntry.objects.bulk_create(entries)
    TermCount.objects.bulk_create(
        TermCount(
            tenant_id=tenant.pk,
            collection=collection,
            dimension=number,
            documents=count if number == 0 else max(1, count // len(WORDS)),
            length=3 * count if number == 0 else 0,
        )
        for number in (0, *(dimension(term) for term in terms(" ".join(WORDS))))
    )
    return [chunk.id for chunk in chunks]
