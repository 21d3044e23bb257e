"""Who may read: copied down to every row that search reads, because policies and search filter by it."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models


def reader_groups_field() -> Any:
    """Ids of the groups that may read; empty: every member of the tenant."""
    return ArrayField(models.UUIDField(), default=list, blank=True)
