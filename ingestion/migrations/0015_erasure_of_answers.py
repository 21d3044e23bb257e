"""Kept answers to questions that named no collection go with every erasure, too."""

from pathlib import Path

from django.db import migrations

FORWARD = Path(__file__).with_name("erasure_of_answers.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0014_webhooks"), ("inference", "0006_cache")]
    # Backwards the functions stay as they are: they do more than those before them.
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
