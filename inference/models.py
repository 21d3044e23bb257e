"""Where models are and what each call cost.

``Provider`` and ``Model`` are a tenant's own configuration; without any, the environment's (or the built-in extractive)
model answers. ``ModelCall`` is the ledger: append-only, one row per call, also for calls that failed.
"""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import User
from tenants.tables import TenantForeignKey, TenantTable

PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 8, "null": True, "blank": True}


class Provider(TenantTable):
    """An OpenAI-compatible endpoint with its key, which is encrypted and never shown again."""

    name = models.CharField(max_length=100)
    base_url = models.URLField(max_length=500)
    encrypted_key = models.BinaryField(default=b"", editable=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="provider_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Model(TenantTable):
    """A model of a provider. Prices are USD per million tokens; empty means: as published."""

    class Tier(models.TextChoices):
        SMALL = "small", _("Small")
        STANDARD = "standard", _("Standard")
        LARGE = "large", _("Large")

    provider = TenantForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=200)
    tier = models.CharField(max_length=10, choices=Tier.choices, default=Tier.STANDARD)
    context_window = models.PositiveIntegerField(default=128_000)
    input_price = models.DecimalField(help_text=_("USD per million input tokens"), **PRICE)
    cached_price = models.DecimalField(help_text=_("USD per million cached input tokens"), **PRICE)
    output_price = models.DecimalField(help_text=_("USD per million output tokens"), **PRICE)
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(_("answers by default"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "provider", "name"], name="model_name_once"),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True),
                name="model_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ModelCall(TenantTable):
    """The ledger: one call to a model. Partitioned by month; the runtime role can only append and read."""

    class Outcome(models.TextChoices):
        OK = "ok", _("OK")
        ERROR = "error", _("Error")
        CANCELLED = "cancelled", _("Stopped")

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

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return f"{self.model} {self.operation}"
