"""Columns that the pipeline needs, and the indexes that claiming and counting use."""

from django.db import migrations, models
from django.db.models.functions import Now

FORWARD = """
-- How many batches of a tenant are being worked on: what fair claiming orders by.
CREATE INDEX run_leased ON ingestion_ingestionrun (tenant_id) WHERE lease_until IS NOT NULL;
-- One row per publication until the counts are folded together.
CREATE INDEX term_count_publications ON ingestion_termcount (tenant_id, collection_id) WHERE dimension = 0;
"""
BACKWARD = "DROP INDEX run_leased; DROP INDEX term_count_publications;"


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0002_search_tables")]
    operations = [
        migrations.AddField(
            model_name="collection",
            name="average_length",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="given_title",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="ingestionrun",
            name="light",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="ingestionrun",
            name="not_before",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
