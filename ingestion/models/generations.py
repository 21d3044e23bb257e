"""What tells caches that a collection has changed."""

from django.db import models

from tenants.tables import TenantTable


class CorpusChange(TenantTable):
    """Increments of a collection's generation (``ingestion.generations``), by triggers; null: all collections."""

    collection_id = models.UUIDField(null=True)
    amount = models.BigIntegerField(default=1)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "collection_id"], include=["amount"], name="corpus_change_lookup"
            )
        ]

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.amount}"
