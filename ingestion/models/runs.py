"""Work on documents, and how long what is over is kept."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ingestion.models.documents import Document, DocumentVersion
from ingestion.models.states import State
from tenants.tables import TenantForeignKey, TenantTable


class IngestionRun(TenantTable):
    """One attempt-bearing journey of a version through the pipeline: lease, attempts, stages, reason."""

    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="runs")
    version = TenantForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    attempts = models.SmallIntegerField(default=0)
    # A small text: claimed in batches, so that many are embedded together.
    light = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # By the database's clock, like everything about a lease.
    not_before = models.DateTimeField(db_default=Now())
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    stages = models.JSONField(default=dict)
    pages = models.IntegerField(null=True)
    chunks = models.IntegerField(default=0)
    chunks_done = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(fields=["tenant", "document", "-created_at"], name="run_of_document"),
            models.Index(
                fields=["tenant", "not_before"],
                condition=~models.Q(state__in=["ready", "failed"]),
                name="run_open",
            ),
            models.Index(fields=["tenant", "finished_at"], name="run_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} run of {self.document_id}"


class Retention(TenantTable):
    """How long a tenant keeps what nobody sees any more, in days; null: as the operator says. One row each."""

    deleted_days = models.PositiveIntegerField(
        _("deleted documents, days"), null=True, blank=True, validators=[MaxValueValidator(36_500)]
    )
    superseded_days = models.PositiveIntegerField(
        _("superseded versions, days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(36_500)],
    )

    class Meta(TenantTable.Meta):
        verbose_name_plural = _("retention")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="retention_once")]

    def __str__(self) -> str:
        return str(_("Retention"))
