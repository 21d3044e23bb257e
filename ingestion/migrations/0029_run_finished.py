"""The rate of the last minutes is read by when runs ended, and not from all runs that there ever were."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingestion", "0028_statistics_of_vectors")]
    operations = [
        # Dropped first: an interrupted build leaves an invalid index of that name.
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS "run_finished"', migrations.RunSQL.noop),
        AddIndexConcurrently(
            "ingestionrun",
            models.Index(fields=["tenant", "finished_at"], name="run_finished"),
        ),
    ]
