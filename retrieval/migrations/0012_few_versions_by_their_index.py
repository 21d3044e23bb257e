"""A search in a few versions enters their index, however small it takes a collection to be. Owners and grants stay."""

from django.db import migrations

from retrieval.statements import statement

NAMES = ("footnote_scanned_vectors", "footnote_scanned_words")
FORWARD = "".join(statement("footnote_scanned.v2.sql", name) for name in NAMES)
BACKWARD = "".join(statement("footnote_scanned.v1.sql", name) for name in NAMES).replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0011_nights_of_recall")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
