"""Documents found inside documents (attachments, members of archives), and the passwords of encrypted files.

A new column that is NULL everywhere costs nothing on a large table; its foreign key is added without looking at the
rows that are there (none has a parent) and its index is built while others write.
"""

import django.db.models.deletion
import tenants.tables
from django.db import migrations, models

KEY = (
    "ALTER TABLE ingestion_document ADD CONSTRAINT ingestion_document_parent_id_fk FOREIGN KEY (tenant_id, parent_id)"
    " REFERENCES ingestion_document (tenant_id, id) DEFERRABLE INITIALLY DEFERRED NOT VALID"
)
DROP_KEY = "ALTER TABLE ingestion_document DROP CONSTRAINT ingestion_document_parent_id_fk"
CHECKED = "ALTER TABLE ingestion_document VALIDATE CONSTRAINT ingestion_document_parent_id_fk"
INDEX = (
    "CREATE INDEX CONCURRENTLY document_parts ON ingestion_document (tenant_id, parent_id)"
    " WHERE parent_id IS NOT NULL"
)
DROP_INDEX = "DROP INDEX CONCURRENTLY document_parts"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingestion", "0007_sources")]
    operations = [
        migrations.AddField(
            model_name="document",
            name="parent",
            field=tenants.tables.TenantForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="parts",
                to="ingestion.document",
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="sealed_password",
            field=models.BinaryField(blank=True, default=b"", db_default=b""),
        ),
        migrations.RunSQL(KEY, DROP_KEY),
        migrations.RunSQL(CHECKED, migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, DROP_INDEX),
    ]
