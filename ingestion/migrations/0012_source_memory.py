"""What a look at a source leaves for the next one; an item outlives its document when that is erased."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("ingestion", "0011_space_key"),
    ]

    operations = [
        migrations.AddField(
            model_name='source',
            name='memory',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.RunSQL(
            "ALTER TABLE ingestion_sourceitem DROP CONSTRAINT ingestion_sourceitem_document_id_fk;"
            "ALTER TABLE ingestion_sourceitem ADD CONSTRAINT ingestion_sourceitem_document_id_fk"
            " FOREIGN KEY (tenant_id, document_id) REFERENCES ingestion_document (tenant_id, id)"
            " ON DELETE SET NULL (document_id) DEFERRABLE INITIALLY DEFERRED;",
            migrations.RunSQL.noop,
        ),
    ]
