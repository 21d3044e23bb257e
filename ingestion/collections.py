"""Commands on collections, and how much of one is searchable. All run in the open tenant scope."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from ingestion.models import TERMINAL, Collection, Document, State
from tenants import audit
from tenants.scope import current_tenant_id


@transaction.atomic
def create(*, slug: str, name: str = "", **fields: Any) -> Collection:
    """A new collection. Raises ValidationError for a bad or a taken slug."""
    row = Collection(tenant_id=current_tenant_id(), slug=slug, name=name or slug, **fields)
    row.clean_fields()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({"slug": f"There is already a collection {slug!r}."}) from error
    audit.record("collection.created", row)
    return row


def ensure(slug: str, *, name: str = "") -> Collection:
    """The collection of this slug, made if need be. Raises ValidationError for a malformed slug."""
    found = Collection.objects.filter(slug=slug).first()
    if found:
        return found
    try:
        return create(slug=slug, name=name or slug.replace("-", " ").capitalize())
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

    def __str__(self) -> str:
        parts = [f"{self.searchable:,} of {self.documents:,} searchable"]
        parts += [f"{self.waiting:,} waiting"] if self.waiting else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        return ", ".join(parts)


def coverage(collection_ids: list[UUID] | None = None) -> dict[UUID, Coverage]:
    """The coverage of each collection, in one query. Uses index: document_newest."""
    rows = Document.objects.filter(deleted_at=None)
    if collection_ids is not None:
        rows = rows.filter(collection_id__in=collection_ids)
    counted = rows.values("collection_id").annotate(
        documents=Count("id"),
        searchable=Count("id", filter=Q(current_version_id__isnull=False)),
        waiting=Count("id", filter=~Q(state__in=TERMINAL)),
        failed=Count("id", filter=Q(state=State.FAILED)),
    )
    return {
        row["collection_id"]: Coverage(
            row["documents"], row["searchable"], row["waiting"], row["failed"]
        )
        for row in counted.order_by()
    }
