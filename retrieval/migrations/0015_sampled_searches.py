"""A sample of what is searched for."""

import django.db.models.deletion
import tenants.identifiers
from django.db import migrations, models
from tenants.security import SecureTenantTables

# As in 0008.
STATISTICS = "ALTER TABLE retrieval_sampledsearch ALTER tenant_id SET STATISTICS 0;"


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0014_search_function_v14"), ("tenants", "0002_access")]
    operations = [
        migrations.CreateModel(
            name="SampledSearch",
            fields=[
                ("id", models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("query", models.TextField()),
                ("tenant", models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "-created_at"], name="sampled_search_newest")],
            },
        ),
        SecureTenantTables("SampledSearch"),
        migrations.RunSQL(STATISTICS, migrations.RunSQL.noop),
    ]
