"""What a row of the ledger names besides its money: prompt, route, cache, guards, collections, budgets.

Columns with constant defaults are added without rewriting the table, whatever its size.
"""

import django.contrib.postgres.fields
from django.db import migrations, models


def _money() -> models.DecimalField:
    return models.DecimalField(decimal_places=8, default=0, max_digits=14)


def _ids() -> django.contrib.postgres.fields.ArrayField:
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.UUIDField(), default=list, size=None
    )


COLUMNS = {
    "conversation_id": models.UUIDField(null=True),
    "collections": _ids(),
    "prompt_version_id": models.UUIDField(null=True),
    "route": models.CharField(blank=True, max_length=100),
    "candidate_reason": models.CharField(blank=True, max_length=200),
    "cache": models.CharField(
        blank=True,
        choices=[("", "Not cached"), ("exact", "Same request"), ("semantic", "Similar request")],
        max_length=10,
    ),
    "saved_usd": _money(),
    "guards": models.JSONField(default=dict),
    "reservation_id": models.UUIDField(null=True),
    "charged": _ids(),
    "excess_usd": _money(),
}


class Migration(migrations.Migration):
    dependencies = [("inference", "0002_ledger")]
    operations = [
        migrations.AddField(model_name="modelcall", name=name, field=column)
        for name, column in COLUMNS.items()
    ]
