"""Where models are: a tenant's own endpoints and what each of their models can do."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.tables import TenantForeignKey, TenantTable

PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 8, "null": True, "blank": True}


class Provider(TenantTable):
    """An endpoint with its key, which is encrypted and never shown again."""

    class Protocol(models.TextChoices):
        OPENAI = "openai", _("OpenAI-compatible (chat, embeddings)")
        COHERE = "cohere", _("Rerank as Cohere")
        JINA = "jina", _("Rerank as Jina")
        TEI = "tei", _("Rerank as Text Embeddings Inference")

    class LengthParameter(models.TextChoices):
        AUTO = "", _("Find out")
        MAX_TOKENS = "max_tokens", "max_tokens"
        MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"

    name = models.CharField(max_length=100)
    protocol = models.CharField(max_length=10, choices=Protocol.choices, default=Protocol.OPENAI)
    length_parameter = models.CharField(
        _("parameter for the longest answer"),
        max_length=30,
        choices=LengthParameter.choices,
        default=LengthParameter.AUTO,
        blank=True,
    )
    reports_usage = models.BooleanField(
        _("can report tokens while streaming"),
        default=True,
        help_text=_("Off for servers that refuse stream_options; tokens are then counted here."),
    )
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

    class Kind(models.TextChoices):
        CHAT = "chat", _("Chat")
        EMBEDDING = "embedding", _("Embedding")
        RERANK = "rerank", _("Rerank")

    provider = TenantForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CHAT)
    tier = models.CharField(max_length=10, choices=Tier.choices, default=Tier.STANDARD)
    tools = models.BooleanField(_("calls tools"), default=True)
    json_output = models.BooleanField(_("answers in JSON"), default=True)
    vision = models.BooleanField(_("reads images"), default=False)
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
