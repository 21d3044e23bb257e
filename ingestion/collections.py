"""Commands on collections, and how much of one is searchable. All run in the open tenant scope."""

from dataclasses import dataclass
from math import isfinite
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from ingestion.lexical import LANGUAGES
from ingestion.models import TERMINAL, Collection, Document, Source, State
from tenants import audit
from tenants.scope import current_tenant_id


@transaction.atomic
def create(*, slug: str, name: str = "", **fields: Any) -> Collection:
    """A new collection. Raises ValidationError for a bad or a taken slug."""
    row = Collection(tenant_id=current_tenant_id(), slug=slug, name=name or slug, **fields)
    row.clean_fields()
    _check_language(row.language)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({"slug": f"There is already a collection {slug!r}."}) from error
    audit.record("collection.created", row)
    return row


CHANGEABLE = (
    "name",
    "description",
    "chunk_profile",
    "chunk_tokens",
    "chunk_overlap",
    "split_tables",
    "split_code",
    "bm25_k1",
    "bm25_b",
    "title_weight",
    "heading_weight",
    "language",
)
# Fields after whose change documents can be divided anew.
PROFILE = CHANGEABLE[2:7]


@transaction.atomic
def change(collection: Collection, **fields: Any) -> Collection:
    """Set some of ``CHANGEABLE``. Raises ValidationError by field. Documents keep their passages until divided anew."""
    row = Collection.objects.select_for_update().get(pk=collection.pk)
    before = row.language
    for name, value in fields.items():
        if name not in CHANGEABLE:
            raise ValidationError({name: "This cannot be changed."})
        # NaN is neither too small nor too large, so the limits of the field let it pass.
        if isinstance(value, float) and not isfinite(value):
            raise ValidationError({name: "Expected a number; NaN and infinity are none."})
        setattr(row, name, value)
    row.clean_fields()
    row.clean()
    if "language" in fields:
        _check_language(row.language)
        _check_empty(row, before)
    row.save(update_fields=list(fields))
    audit.record("collection.changed", row, fields=sorted(fields))
    return row


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        problem = f"There is no language {language!r}. Expected one of: {', '.join(LANGUAGES)}."
        raise ValidationError({"language": problem})


def _check_empty(row: Collection, before: str) -> None:
    """What is indexed was stemmed in the collection's language; questions must be stemmed in the same one."""
    if row.language != before and Document.objects.filter(collection_id=row.pk).exists():
        problem = f"Fixed once there are documents: they are indexed as {before!r}."
        raise ValidationError({"language": problem})


def ensure(slug: str, *, name: str = "", **fields: Any) -> Collection:
    """The collection of this slug, made with ``fields`` if need be. Raises ValidationError for what is malformed."""
    found = Collection.objects.filter(slug=slug).first()
    if found:
        return found
    try:
        return create(slug=slug, name=name or slug.replace("-", " ").capitalize(), **fields)
    except ValidationError:
        # Made by somebody else in between, or malformed: then there is none now either.
        found = Collection.objects.filter(slug=slug).first()
        if found is None:
            raise
        return found


@dataclass(frozen=True)
class Coverage:
    """How much of a collection can be found. A document whose new version waits is still searchable."""

    documents: int = 0
    searchable: int = 0
    waiting: int = 0
    failed: int = 0
    paused: bool = False

    def __str__(self) -> str:
        parts = [f"{self.searchable:,} of {self.documents:,} searchable"]
        parts += [f"{self.waiting:,} waiting"] if self.waiting else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        parts += ["paused"] if self.paused else []
        return ", ".join(parts)


def coverage(collection_ids: list[UUID] | None = None) -> dict[UUID, Coverage]:
    """The coverage of each collection with documents, or that is paused; two queries. Uses index: document_newest."""
    return _coverage(Collection, "collection_id", collection_ids)


def coverage_of_sources(source_ids: list[UUID]) -> dict[UUID, Coverage]:
    """The same of each source. Uses index: ingestion_document_source_id_idx."""
    return _coverage(Source, "source_id", source_ids)


def sources_of(collection: Collection) -> list[tuple[Source, Coverage]]:
    """The sources of a collection with their coverage; three queries."""
    rows = list(Source.objects.filter(collection=collection).order_by("kind", "name"))
    found = coverage_of_sources([row.pk for row in rows])
    return [(row, found.get(row.pk, Coverage())) for row in rows]


def _coverage(
    place: type[Collection | Source], column: str, ids: list[UUID] | None
) -> dict[UUID, Coverage]:
    rows = Document.objects.filter(deleted_at=None)
    paused = place._default_manager.filter(paused_at__isnull=False)
    if ids is not None:
        rows, paused = rows.filter(**{f"{column}__in": ids}), paused.filter(pk__in=ids)
    found = dict.fromkeys(paused.values_list("pk", flat=True), Coverage(paused=True))
    counted = rows.values(column).annotate(
        documents=Count("id"),
        searchable=Count("id", filter=Q(current_version_id__isnull=False)),
        waiting=Count("id", filter=~Q(state__in=TERMINAL)),
        failed=Count("id", filter=Q(state=State.FAILED)),
    )
    for row in counted.order_by():
        key = row[column]
        counts = (row["documents"], row["searchable"], row["waiting"], row["failed"])
        found[key] = Coverage(*counts, paused=key in found)
    return found
