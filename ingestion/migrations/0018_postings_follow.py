"""A chunk that goes to another collection loses its slot as well: its window is not searched for that collection."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER lose_slot ON ingestion_lexicalentry;
CREATE TRIGGER lose_slot BEFORE UPDATE OF {columns} ON ingestion_lexicalentry
   FOR EACH ROW WHEN (OLD.slot IS NOT NULL AND ({condition}))
   EXECUTE FUNCTION footnote_lose_slot();
"""
REOPENED = "OLD.valid_to IS NOT NULL AND NEW.valid_to IS NULL"
MOVED = "OLD.collection_id <> NEW.collection_id"
FORWARD = TRIGGER.format(columns="valid_to, collection_id", condition=f"{REOPENED} OR {MOVED}")
BACKWARD = TRIGGER.format(columns="valid_to", condition=REOPENED)


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0017_private_collections")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
