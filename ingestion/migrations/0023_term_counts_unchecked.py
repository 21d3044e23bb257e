"""Term counts are no longer checked row by row: a publication writes some thirty for each of its chunks.

The chunks' own references to tenant and collection are checked in the same commit. The index on the collection alone is
the beginning of `term_count_lookup`.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
ALTER TABLE ingestion_termcount DROP CONSTRAINT ingestion_termcount_collection_id_fk;
DROP INDEX ingestion_termcount_collection_id_idx;
"""
BACKWARD = """
ALTER TABLE ingestion_termcount ADD CONSTRAINT ingestion_termcount_collection_id_fk
    FOREIGN KEY (tenant_id, collection_id) REFERENCES ingestion_collection (tenant_id, id)
    DEFERRABLE INITIALLY DEFERRED NOT VALID;
CREATE INDEX ingestion_termcount_collection_id_idx ON ingestion_termcount (tenant_id, collection_id);
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0022_weights_of_their_own")]
    operations = [
        migrations.AlterField(
            "termcount",
            "tenant",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenants.tenant",
            ),
        ),
        migrations.AlterField(
            "termcount",
            "collection",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="ingestion.collection",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
