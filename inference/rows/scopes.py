"""Whom a budget or a rate limit counts."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """Whom a budget or a limit counts. Except for the tenant: one of them, or each of them for itself."""

    TENANT = "tenant", _("The whole tenant")
    USER = "user", _("User")
    KEY = "key", _("API key")
    FEATURE = "feature", _("Feature")
    MODEL = "model", _("Model")


SUBJECT: dict[str, Any] = {
    "max_length": 200,
    "blank": True,
    "help_text": _(
        "The id of a user or key, or the name of a feature or model; empty: each of them for itself."
    ),
}
