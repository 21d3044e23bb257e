"""Deeds on documents in the audit trail, which administrators read: no name of what a member attached is in it."""

from collections.abc import Sequence
from typing import Any

from ingestion.models import Collection, Document
from tenants import audit


def record_all(action: str, rows: Sequence[Document], **details: Any) -> None:
    """One event for a deed on one document or on many; two statements. Raises IndexError when there is none."""
    found = Collection.every.filter(pk__in={row.collection_id for row in rows})
    name = "" if found.exclude(private_to=None).exists() else None
    audit.record_all(action, rows, name=name, **details)
