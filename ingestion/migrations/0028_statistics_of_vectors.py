"""The tenant says which space: the planner does not count the space as a further condition.

Otherwise it multiplies the shares of the tenant and of its space. Where one large tenant shares its partition with many small
ones that is less than one row, so the key's prefix (tenant, space) looks as narrow as the collection's own index, and a
search of a small collection reads all of the large tenant's vectors. In force from the next ANALYZE; no lock that holds
writers up.
"""

from django.db import migrations

EACH_PARTITION = """
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ingestion_embedding'::regclass LOOP
        EXECUTE format('ALTER TABLE %s ALTER space_id {}', part);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0027_titles_and_headings_weigh")]
    operations = [
        migrations.RunSQL(
            EACH_PARTITION.format("SET (n_distinct = 1)"), EACH_PARTITION.format("RESET (n_distinct)")
        )
    ]
