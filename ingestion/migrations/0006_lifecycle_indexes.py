"""What the retention job looks for; made without holding up writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingestion", "0005_lifecycle")]
    operations = [
        AddIndexConcurrently(
            model_name="document",
            index=models.Index(
                fields=["tenant", "deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="document_deleted",
            ),
        ),
        AddIndexConcurrently(
            model_name="documentversion",
            index=models.Index(
                fields=["tenant", "valid_to"],
                condition=models.Q(valid_to__isnull=False),
                name="version_superseded",
            ),
        ),
    ]
