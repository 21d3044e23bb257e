"""The ledger's rows."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import User
from tenants.tables import TenantTable


class ModelCall(TenantTable):
    """The ledger: one call to a model. Partitioned by month; the runtime role can only append and read."""

    class Outcome(models.TextChoices):
        OK = "ok", _("OK")
        ERROR = "error", _("Error")
        CANCELLED = "cancelled", _("Stopped")

    class Cache(models.TextChoices):
        NONE = "", _("Not cached")
        EXACT = "exact", _("Same request")
        SEMANTIC = "semantic", _("Similar request")

    created_at = models.DateTimeField()
    operation = models.CharField(max_length=20)
    feature = models.CharField(max_length=40)
    provider = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    user = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_index=False, related_name="+"
    )
    api_key_id = models.UUIDField(null=True)
    trace_id = models.CharField(max_length=32, blank=True)
    span_id = models.CharField(max_length=16, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    error_code = models.CharField(max_length=60, blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    input_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    latency_ms = models.FloatField(default=0)
    first_token_ms = models.FloatField(null=True)
    degraded = models.CharField(max_length=200, blank=True)
    conversation_id = models.UUIDField(null=True)
    collections = ArrayField(models.UUIDField(), default=list)
    prompt_version_id = models.UUIDField(null=True)
    route = models.CharField(max_length=100, blank=True)
    candidate_reason = models.CharField(max_length=200, blank=True)
    cache = models.CharField(max_length=10, choices=Cache.choices, blank=True)
    saved_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    guards = models.JSONField(default=dict)
    reservation_id = models.UUIDField(null=True)
    # The counters of budgets that this row's cost was added to: what the reconciliation sums over.
    charged = ArrayField(models.UUIDField(), default=list)
    # What a provider billed beyond its own limits, after the budget was used up; not part of cost_usd.
    excess_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return f"{self.model} {self.operation}"
