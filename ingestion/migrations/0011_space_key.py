"""A chunk has one vector in each space: the space joins the key. Locks the table for the catalogue's part alone."""

from django.db import migrations

PARTITIONS = [f"ingestion_embedding_{part:02}" for part in range(16)]


def take_over(partition: str) -> str:
    return (
        f'ALTER TABLE "{partition}" ADD CONSTRAINT "{partition}_pkey"'
        f' PRIMARY KEY USING INDEX "{partition}_space_key"'
    )


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0010_space_key_index")]
    operations = [
        migrations.RunSQL(
            [
                # Waiting for the lock must not queue everybody else behind this migration; run it again then.
                "SET LOCAL lock_timeout = '5s'",
                "ALTER TABLE ingestion_embedding DROP CONSTRAINT ingestion_embedding_pkey",
                *[take_over(partition) for partition in PARTITIONS],
                # Finds the partitions' keys and takes them as its own, so nothing is built here.
                "ALTER TABLE ingestion_embedding ADD CONSTRAINT ingestion_embedding_pkey"
                " PRIMARY KEY (tenant_id, space_id, id)",
            ],
            # Only while there is one space: two vectors of a chunk cannot share the old key.
            [
                "ALTER TABLE ingestion_embedding DROP CONSTRAINT ingestion_embedding_pkey",
                "ALTER TABLE ingestion_embedding ADD CONSTRAINT ingestion_embedding_pkey"
                " PRIMARY KEY (tenant_id, id)",
            ],
        )
    ]
