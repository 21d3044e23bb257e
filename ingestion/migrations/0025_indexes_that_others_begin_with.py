"""Indexes of foreign keys that are a prefix of another index go: they served nothing that the other does not, and cost each
write. That of the vectors' space did harm as well: it looked cheaper than the key, so that a search that looked up a hundred
vectors read all of the tenant's."""

from django.db import migrations

# Index -> what it was, and which one has the same columns in front.
PREFIXES = {
    "ingestion_embedding_space_id_idx": "ingestion_embedding (tenant_id, space_id)",  # the key
    "ingestion_chunk_version_id_idx": "ingestion_chunk (tenant_id, version_id)",  # chunk_order
}


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0024_suggestions")]
    operations = [
        # Waiting for a lock must not queue everybody else behind this migration; run it again then.
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        *[
            migrations.RunSQL(f"DROP INDEX IF EXISTS {name}", f"CREATE INDEX {name} ON {what}")
            for name, what in PREFIXES.items()
        ],
    ]
