"""A tenant's own prompts. A version never changes: the runtime role may neither update nor delete one."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.tables import TenantForeignKey, TenantTable


class Prompt(TenantTable):
    """A prompt of which the tenant has versions of its own; without a row the shipped default answers."""

    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="prompt_name_once")]

    def __str__(self) -> str:
        return self.name


class PromptVersion(TenantTable):
    """One text of a prompt, numbered from 1. Append-only."""

    prompt = TenantForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField()
    body = models.TextField()
    variables = ArrayField(models.CharField(max_length=60), default=list)
    note = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64)
    # No foreign key: an account may be deleted, a version may not be changed.
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "prompt", "number"], name="prompt_version_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prompt.name} {self.number}"


class PromptLabel(TenantTable):
    """Which version answers: ``production``, and ``canary`` for a share of the conversations.

    Without a version a label means the shipped default.
    """

    class Name(models.TextChoices):
        PRODUCTION = "production", _("Production")
        CANARY = "canary", _("Canary")

    prompt = TenantForeignKey(Prompt, on_delete=models.CASCADE, related_name="labels")
    name = models.CharField(max_length=20, choices=Name.choices)
    version = TenantForeignKey(
        PromptVersion, null=True, on_delete=models.PROTECT, related_name="labels"
    )
    percent = models.SmallIntegerField(
        default=100, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "prompt", "name"], name="prompt_label_once"),
            models.CheckConstraint(
                condition=models.Q(percent__range=(0, 100)), name="prompt_label_percent"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return self.name
