"""Embedding spaces and the narrow table of their vectors."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from ingestion.models.readers import reader_groups_field
from tenants.tables import TenantForeignKey, TenantTable


class EmbeddingSpace(TenantTable):
    """One embedding model's vectors of a tenant. Exactly one space serves searches at a time.

    A space that does not serve is filled, and kept full, by a job (``filling``) that leases it like a run.
    """

    class SpaceState(models.TextChoices):
        FILLING = "filling", _("Filling")
        SERVING = "serving", _("Serving")
        RETIRED = "retired", _("Retired")

    # What the model is loaded by; empty: the configured one.
    specification = models.CharField(max_length=300, blank=True, default="")
    model = models.CharField(max_length=200)
    dimensions = models.IntegerField()
    state = models.CharField(max_length=10, choices=SpaceState.choices)
    paused_at = models.DateTimeField(null=True, blank=True)
    # Somebody wants it to serve once it is complete.
    serves_next = models.BooleanField(default=False, editable=False)
    served_until = models.DateTimeField(null=True, editable=False)
    # Since when nothing was missing; what is published later is looked for from there.
    completed_at = models.DateTimeField(null=True, editable=False)
    cursor = models.UUIDField(null=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    reason = models.TextField(blank=True, default="", editable=False)
    filled = models.BigIntegerField(default=0, editable=False)
    seconds = models.FloatField(default=0, editable=False)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0, editable=False)
    # Passages that the model did not read to their end.
    shortened = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(state="serving"),
                name="space_one_serving",
            )
        ]
        # Across tenants: the job asks for whichever has waited longest.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state="filling"),
                name="space_filling",
            )
        ]

    def __str__(self) -> str:
        return self.model


class Embedding(TenantTable):
    """The narrow dense search table: a chunk's vector in one space. Hash-partitioned; ``id`` is the chunk's.

    The key is (tenant, space, id): while a second space fills, a chunk has a row in each.

    The column has no fixed dimension, because spaces differ; an index casts it.
    """

    space = TenantForeignKey(EmbeddingSpace, on_delete=models.CASCADE, related_name="+")
    collection_id = models.UUIDField()
    version_id = models.UUIDField()
    vector = HalfVectorField()
    reader_groups = reader_groups_field()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "version_id"], name="embedding_version")
        ]

    def __str__(self) -> str:
        return str(self.id)
