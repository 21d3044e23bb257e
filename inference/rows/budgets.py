"""What may be spent, what was, and what calls in progress hold."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from inference.rows.scopes import SUBJECT, Scope
from tenants.tables import TenantForeignKey, TenantTable


class Budget(TenantTable):
    """How much money may be spent, by whom and in which period. Periods begin at midnight UTC."""

    class Period(models.TextChoices):
        DAY = "day", _("Day")
        MONTH = "month", _("Month")
        TOTAL = "total", _("In all")

    class AtLimit(models.TextChoices):
        REFUSE = "refuse", _("Refuse")
        SMALLER = "smaller", _("Use a smaller model")
        EXTRACTIVE = "extractive", _("Quote from the documents")

    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.TENANT)
    subject = models.CharField(**SUBJECT)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTH)
    limit_usd = models.DecimalField(
        _("limit (USD)"),
        max_digits=18,
        decimal_places=8,
        validators=[MinValueValidator(Decimal("0.00000001"))],
    )
    at_limit = models.CharField(
        _("at the limit"), max_length=12, choices=AtLimit.choices, default=AtLimit.REFUSE
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="budget_name_once"),
            models.CheckConstraint(condition=models.Q(limit_usd__gt=0), name="budget_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class BudgetCounter(TenantTable):
    """One budget in one period, for one subject. Written by the functions of ``accounts.sql`` alone.

    ``limit_usd`` is the limit under which money was last reserved: what is spent and reserved never exceeds it.
    """

    budget = TenantForeignKey(Budget, on_delete=models.CASCADE, related_name="counters")
    subject = models.CharField(max_length=200, blank=True)
    period_start = models.DateField()
    limit_usd = models.DecimalField(max_digits=18, decimal_places=8)
    spent_usd = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    reserved_usd = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    warned = models.PositiveSmallIntegerField(default=0)
    # The warning that people have had by mail; behind ``warned`` while one is owed.
    mailed = models.PositiveSmallIntegerField(db_default=0, default=0)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(
                fields=["tenant"],
                condition=models.Q(warned__gt=models.F("mailed")),
                name="budget_counter_unmailed",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "budget", "period_start", "subject"], name="budget_counter_once"
            ),
            models.CheckConstraint(
                condition=models.Q(spent_usd__gte=0, reserved_usd__gte=0),
                name="budget_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(spent_usd__lte=models.F("limit_usd") - models.F("reserved_usd")),
                name="budget_never_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.spent_usd} / {self.limit_usd} USD"


class Reservation(TenantTable):
    """Money and places that a call in progress holds, until its process settles it or its lease runs out."""

    created_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    amount_usd = models.DecimalField(max_digits=18, decimal_places=8)
    counters = ArrayField(models.UUIDField(), default=list)
    slots = ArrayField(models.UUIDField(), default=list)
    operation = models.CharField(max_length=20)
    feature = models.CharField(max_length=40)
    provider = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    user_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)

    class Meta(TenantTable.Meta):
        indexes = [models.Index(fields=["lease_until"], name="reservation_lease")]

    def __str__(self) -> str:
        return f"{self.amount_usd} USD until {self.lease_until}"
