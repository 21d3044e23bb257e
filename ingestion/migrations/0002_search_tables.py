"""Storage of the narrow search tables, and who may read a version.

Vectors and weights stay inline and uncompressed up to 8 kB a row, because a scan that detoasts is several times slower.
A version is readable by whoever may read its document.
"""

from django.db import migrations
from tenants.security import IN_TENANT

PARTITIONS = "SELECT inhrelid::regclass AS part FROM pg_inherits WHERE inhparent = '{}'::regclass"
FORWARD = f"""
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN {PARTITIONS.format("ingestion_embedding")} LOOP
        EXECUTE format('ALTER TABLE %s ALTER vector SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160)', part);
    END LOOP;
    FOR part IN {PARTITIONS.format("ingestion_lexicalentry")} LOOP
        EXECUTE format('ALTER TABLE %s ALTER weights SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160)', part);
    END LOOP;
END $$;
ALTER POLICY tenant_rows ON ingestion_documentversion
    USING ({IN_TENANT} AND EXISTS (
        SELECT FROM ingestion_document d
         WHERE d.tenant_id = ingestion_documentversion.tenant_id AND d.id = ingestion_documentversion.document_id));
CREATE INDEX embedding_scan ON ingestion_embedding (tenant_id, space_id, collection_id) WHERE valid_to IS NULL;
CREATE INDEX lexical_scan ON ingestion_lexicalentry (tenant_id, collection_id) WHERE valid_to IS NULL;
-- A job that claims work looks across tenants, by the operator's role.
CREATE INDEX run_due ON ingestion_ingestionrun (not_before) WHERE state NOT IN ('ready', 'failed');
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
