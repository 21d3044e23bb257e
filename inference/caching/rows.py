"""What is kept, and for which features."""

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from tenants.tables import TenantTable

FEATURES = [
    ("chat", _("Chat")),
    ("api.ask", _("API: ask")),
    ("api.chat", _("API: OpenAI")),
    ("rewrite", _("Follow-ups rewritten")),
    ("judge", _("Support judged")),
]
# Of the calibration in docs/benchmarks.md: from here on no question is taken for its nearest neighbour.
DEFAULT_THRESHOLD = 0.95
DEFAULT_SECONDS = 86_400
DEFAULT_MOST = 2_000


class CachePolicy(TenantTable):
    """What one feature of a tenant may take from the cache; without a row: the same request, for a day."""

    feature = models.CharField(max_length=40, choices=FEATURES)
    exact = models.BooleanField(_("same request"), default=True)
    semantic = models.BooleanField(
        _("similar question"),
        default=False,
        help_text=_(
            "A question in other words gets the answer that was given before, if numbers, names and negations agree."
        ),
    )
    threshold = models.FloatField(
        default=DEFAULT_THRESHOLD,
        validators=[MinValueValidator(0.8), MaxValueValidator(1.0)],
        help_text=_("How similar: the cosine of the two questions, 0.8 to 1."),
    )
    seconds = models.PositiveIntegerField(
        _("kept for (seconds)"),
        default=DEFAULT_SECONDS,
        validators=[MinValueValidator(1), MaxValueValidator(30 * 86_400)],
    )
    most = models.PositiveIntegerField(
        _("answers at most"),
        default=DEFAULT_MOST,
        validators=[MinValueValidator(1), MaxValueValidator(50_000)],
    )

    class Meta(TenantTable.Meta):
        verbose_name = _("cache policy")
        verbose_name_plural = _("cache policies")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "feature"], name="cache_policy_once")
        ]

    def __str__(self) -> str:
        return self.get_feature_display()


class CacheEntry(TenantTable):
    """One whole answer. ``context`` is the digest of everything but the question, ``asked`` of the question.

    ``collection_ids``: those that the question named; empty: any of the tenant's.
    """

    feature = models.CharField(max_length=40)
    context = models.BinaryField(max_length=32)
    asked = models.BinaryField(max_length=32)
    question = models.TextField()
    vector = HalfVectorField(null=True)
    collection_ids = ArrayField(models.UUIDField(), default=list)
    value = models.JSONField()
    model = models.CharField(max_length=200)
    prompt_version_id = models.UUIDField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=Decimal(0))
    hits = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "context", "asked"], name="cache_entry_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "feature", "-used_at"], name="cache_entry_used"),
        ]

    def __str__(self) -> str:
        return self.question[:80]
