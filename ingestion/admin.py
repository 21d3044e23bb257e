"""Where Django looks for admin pages; each is beside what it shows.

Writing goes through ``documents``, ``collections`` and ``sources``; the pages translate.
"""

from uuid import UUID

from inference import names
from ingestion import admin_spaces as admin_spaces  # registers its page
from ingestion.admin_collections import CollectionAdmin
from ingestion.admin_documents import DocumentAdmin
from ingestion.admin_webhooks import RetentionAdmin, WebhookAdmin
from ingestion.models import Collection
from ingestion.syncing.admin import SourceAdmin

__all__ = ["CollectionAdmin", "DocumentAdmin", "RetentionAdmin", "SourceAdmin", "WebhookAdmin"]


def _names_of(ids: list[UUID]) -> dict[str, str]:
    """What the collections that costs are booked on are called."""
    found = Collection.objects.filter(pk__in=ids).values_list("pk", "name")
    return {str(key): name for key, name in found}


names.add("collection", _names_of)
