"""A corpus written row by row, so that a test says exactly what may be found and by whom.

Vectors are unit vectors on chosen axes, texts are indexed as ingestion does it. Everything is committed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone
from pgvector import HalfVector, SparseVector

from ingestion import lexical
from ingestion.models import (
    Chunk,
    Collection,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingSpace,
    LexicalEntry,
    Source,
    StoredFile,
    TermCount,
)
from tenants.models import Tenant
from tenants.scope import Principal, platform_principal, tenant_scope

AXES = 8


def axis(number: int) -> list[float]:
    """The unit vector along one axis."""
    return [float(place == number) for place in range(AXES)]


def between(first: int, second: int, share: float) -> list[float]:
    """A unit vector whose cosine with axis ``first`` is ``share``."""
    vector = [0.0] * AXES
    vector[first], vector[second] = share, (1 - share**2) ** 0.5
    return vector


def sparse(weights: dict[int, float]) -> SparseVector:
    """Dimensions count from one in Postgres and from nought in its Python client."""
    return SparseVector(
        {place - 1: weight for place, weight in weights.items()}, lexical.DIMENSIONS
    )


@dataclass
class Corpus:
    """What one tenant has. Make collections first, then ``add`` chunks; all in the platform's own scope."""

    tenant: Tenant
    space: EmbeddingSpace = field(init=False)

    def __post_init__(self) -> None:
        with self.scope():
            self.space = EmbeddingSpace.objects.create(
                model="axes", dimensions=AXES, state="serving"
            )

    def scope(self) -> Any:
        """The platform's scope in this tenant, reading everything."""
        return tenant_scope(platform_principal(self.tenant.pk))

    def reader(self, *groups: UUID) -> Any:
        """The scope of a member with these groups."""
        return tenant_scope(Principal(self.tenant.pk, group_ids=frozenset(groups)))

    def collection(self, slug: str, **fields: Any) -> Collection:
        """A new collection with its source."""
        with self.scope():
            made = Collection.objects.create(slug=slug, name=slug, **fields)
            Source.objects.create(collection=made, kind="shell", name="test")
        return made

    def add(
        self,
        collection: Collection,
        text: str,
        vector: Sequence[float] | None = None,
        *,
        name: str = "",
        groups: Sequence[UUID] = (),
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        page: int | None = None,
        **document: Any,
    ) -> Chunk:
        """A document of one chunk, with more fields of its own; without a vector it is in the lexical index alone."""
        since = valid_from or timezone.now()
        shared = {"reader_groups": list(groups), "valid_from": since, "valid_to": valid_to}
        with self.scope():
            name = name or f"doc-{uuid4().hex[:8]}"
            chunk = self._chunk(collection, text, name, page, shared, document)
            self._make_searchable(collection, chunk, vector, shared)
        return chunk

    def follow(
        self,
        before: Chunk,
        text: str,
        vector: Sequence[float],
        *,
        page: int | None = None,
        groups: Sequence[UUID] = (),
    ) -> Chunk:
        """The next chunk of the same version."""
        shared = {
            "reader_groups": list(groups),
            "valid_from": before.valid_from,
            "valid_to": before.valid_to,
        }
        with self.scope():
            chunk = Chunk.objects.create(
                collection_id=before.collection_id,
                document_id=before.document_id,
                version_id=before.version_id,
                ordinal=before.ordinal + 1,
                text=text,
                page=page,
                page_end=page,
                span_start=before.span_end,
                span_end=before.span_end + len(text),
                tokens=len(text.split()),
                content_hash=b"x",
                **shared,
            )
            collection = Collection.objects.get(pk=chunk.collection_id)
            self._make_searchable(collection, chunk, vector, shared)
        return chunk

    def add_many(self, collection: Collection, texts: Sequence[str]) -> None:
        """A document of many chunks, in the lexical index alone."""
        first = self.add(collection, texts[0])
        shared = {"collection_id": collection.pk, "version_id": first.version_id}
        since, counts, length = first.valid_from, Counter[int](), 0
        chunks, entries = [], []
        for ordinal, text in enumerate(texts[1:], start=1):
            words = Counter(lexical.terms(text, collection.language))
            weights = lexical.bm25_weights(words, words.total(), average_length=10)
            counts.update(weights.keys())
            length += words.total()
            key = uuid4()
            chunks.append(
                Chunk(
                    id=key, tenant_id=self.tenant.pk, document_id=first.document_id, ordinal=ordinal, text=text,
                    span_start=0, span_end=len(text), tokens=1, content_hash=b"x", valid_from=since, **shared,
                )
            )  # fmt: skip
            entries.append(
                LexicalEntry(
                    id=key, tenant_id=self.tenant.pk, weights=sparse(weights), length=words.total(), average_length=10,
                    valid_from=since, **shared,
                )
            )  # fmt: skip
        counts[0] = len(entries)
        with self.scope():
            Chunk.objects.bulk_create(chunks)
            LexicalEntry.objects.bulk_create(entries)
            TermCount.objects.bulk_create(
                TermCount(
                    tenant_id=self.tenant.pk, collection_id=collection.pk, dimension=place, documents=count,
                    length=0 if place else length,
                )
                for place, count in counts.items()
            )  # fmt: skip

    def _chunk(
        self,
        collection: Collection,
        text: str,
        name: str,
        page: int | None,
        shared: dict[str, Any],
        more: dict[str, Any],
    ) -> Chunk:
        groups = shared["reader_groups"]
        source = Source.objects.get(collection=collection)
        stored = StoredFile.objects.create(sha256=uuid4().bytes, size=len(text))
        document = Document.objects.create(
            collection=collection,
            source=source,
            **{"external_id": name, "title": name, "state": "ready", "reader_groups": groups}
            | more,
        )
        version = DocumentVersion.objects.create(
            document=document,
            number=1,
            file=stored,
            filename=name,
            sha256=b"x",
            size=len(text),
            text=text,
            valid_from=shared["valid_from"],
            valid_to=shared["valid_to"],
        )
        if shared["valid_to"] is None:
            Document.objects.filter(pk=document.pk).update(current_version_id=version.pk)
        return Chunk.objects.create(
            collection=collection,
            document=document,
            version=version,
            ordinal=0,
            text=text,
            page=page,
            page_end=page,
            span_start=0,
            span_end=len(text),
            tokens=len(text.split()),
            content_hash=b"x",
            **shared,
        )

    def _make_searchable(
        self,
        collection: Collection,
        chunk: Chunk,
        vector: Sequence[float] | None,
        shared: dict[str, Any],
    ) -> None:
        keys = {
            "id": chunk.id,
            "collection_id": collection.id,
            "version_id": chunk.version_id,
        } | shared
        if vector is not None:
            Embedding.objects.create(space=self.space, vector=HalfVector(list(vector)), **keys)
        self._index(collection, chunk.text, keys, counted=shared["valid_to"] is None)

    def _index(
        self, collection: Collection, text: str, keys: dict[str, Any], *, counted: bool
    ) -> None:
        words = Counter(lexical.terms(text, collection.language))
        length = words.total()
        weights = lexical.bm25_weights(words, length, average_length=10)
        LexicalEntry.objects.create(
            weights=sparse(weights), length=length, average_length=10, **keys
        )
        if counted:
            rows = [
                TermCount(
                    tenant_id=self.tenant.pk,
                    collection_id=collection.pk,
                    dimension=place,
                    documents=1,
                )
                for place in weights
            ]
            rows.append(
                TermCount(
                    tenant_id=self.tenant.pk,
                    collection_id=collection.pk,
                    dimension=0,
                    documents=1,
                    length=length,
                )
            )
            TermCount.objects.bulk_create(rows)
