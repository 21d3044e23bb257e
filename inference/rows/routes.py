"""Which model answers for a feature, and who instead of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.tables import TenantForeignKey, TenantTable


class Route(TenantTable):
    """Who answers for a feature, and who instead of them."""

    class Strategy(models.TextChoices):
        WEIGHTED = "weighted", _("By weight (A/B, canary)")
        CHEAPEST = "cheapest", _("Cheapest that fits")
        FASTEST = "fastest", _("Fastest now")
        ORDERED = "ordered", _("In order")

    class Tiers(models.TextChoices):
        ANY = "any", _("Any")
        BY_COMPLEXITY = "by_complexity", _("By the complexity of the question")
        SMALL = "small", _("Small")
        STANDARD = "standard", _("Standard")
        LARGE = "large", _("Large")

    feature = models.CharField(max_length=40)
    strategy = models.CharField(max_length=10, choices=Strategy.choices, default=Strategy.ORDERED)
    tiers = models.CharField(_("tier"), max_length=15, choices=Tiers.choices, default=Tiers.ANY)
    complexity = models.JSONField(_("complexity rule"), default=dict, blank=True)
    sticky = models.BooleanField(_("the same candidate for a whole conversation"), default=True)
    hedge_after_ms = models.PositiveIntegerField(_("hedge after (ms)"), null=True, blank=True)
    first_token_s = models.FloatField(_("patience for the first token (s)"), null=True, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "feature"], name="route_feature_once"),
            models.CheckConstraint(
                condition=models.Q(first_token_s__isnull=True) | models.Q(first_token_s__gt=0),
                name="route_patience_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.feature


class Candidate(TenantTable):
    """A model on a route: one that answers, by weight, or a fallback, by position.

    ``model`` is a name as ``ChatRequest.model`` takes it, since the environment's and the built-in models have no row.
    """

    route = TenantForeignKey(Route, on_delete=models.CASCADE, related_name="candidates")
    model = models.CharField(max_length=310)
    weight = models.PositiveIntegerField(default=1)
    is_fallback = models.BooleanField(_("fallback"), default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "route", "model"], name="candidate_model_once"
            )
        ]
        ordering = ("is_fallback", "position", "id")

    def __str__(self) -> str:
        return self.model
