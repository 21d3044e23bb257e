"""Plain scans are entered by their own index. Owner and grants stay."""

from django.db import migrations

from retrieval.statements import statement

LOADED = "SELECT '[1]'::halfvec;"  # as in 0007
FORWARD = LOADED + statement("footnote_search.v13.sql", "footnote_search")
BACKWARD = LOADED + statement("footnote_search.v12.sql", "footnote_search").replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0012_few_versions_by_their_index")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
