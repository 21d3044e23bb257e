"""What a tenant wants of its guards, and what they found."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.tables import TenantTable


class GuardPolicy(TenantTable):
    """What one guard does; without a row: what ``registry`` says."""

    class Action(models.TextChoices):
        OFF = "off", _("Off")
        WARN = "warn", _("Warn")
        REDACT = "redact", _("Redact")
        BLOCK = "block", _("Block")

    guard = models.CharField(max_length=40)
    action = models.CharField(max_length=10, choices=Action.choices)
    options = models.JSONField(default=dict)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta(TenantTable.Meta):
        verbose_name_plural = _("guard policies")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "guard"], name="guard_policy_once")
        ]

    def __str__(self) -> str:
        return f"{self.guard}: {self.action}"


class GuardFinding(TenantTable):
    """One finding, to be reviewed. ``excerpt`` is masked where the text itself is what must not be seen."""

    class Verdict(models.TextChoices):
        OPEN = "", _("Not reviewed")
        RIGHT = "right", _("Right")
        FALSE = "false", _("False alarm")

    created_at = models.DateTimeField(auto_now_add=True)
    guard = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    where = models.CharField(max_length=10)
    action = models.CharField(max_length=10, choices=GuardPolicy.Action.choices)
    score = models.FloatField(default=1.0)
    feature = models.CharField(max_length=40)
    trace_id = models.CharField(max_length=32, blank=True)
    excerpt = models.CharField(max_length=300, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True, default="")
    reviewed_by_id = models.UUIDField(null=True)
    reviewed_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "-created_at"], name="guard_finding_newest"),
            models.Index(fields=["tenant", "trace_id"], name="guard_finding_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.guard}: {self.kind}"
