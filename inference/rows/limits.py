"""How much may be asked in a time, and where each limit stands."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from inference.rows.scopes import SUBJECT, Scope
from tenants.tables import TenantTable


class RateLimit(TenantTable):
    """How much may be asked in a time: requests and tokens per ``seconds``, or calls at once.

    A bucket that holds ``amount`` and refills evenly in ``seconds``.
    """

    class Measure(models.TextChoices):
        REQUESTS = "requests", _("Requests")
        TOKENS = "tokens", _("Tokens")
        CONCURRENT = "concurrent", _("Calls at once")

    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.TENANT)
    subject = models.CharField(**SUBJECT)
    measure = models.CharField(max_length=10, choices=Measure.choices, default=Measure.REQUESTS)
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="rate_limit_name_once"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, seconds__gt=0), name="rate_limit_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RateMeter(TenantTable):
    """Where a limit stands for one subject: ``tat`` is when its bucket is full again. Not logged: a crash resets it."""

    limit_id = models.UUIDField()
    subject = models.CharField(max_length=200, blank=True)
    tat = models.DateTimeField()
    in_flight = models.PositiveIntegerField(default=0)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "limit_id", "subject"], name="rate_meter_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.limit_id} {self.subject}"
