"""The index under the new key of the vectors, built on each partition without blocking its writers."""

from django.db import migrations

PARTITIONS = [f"ingestion_embedding_{part:02}" for part in range(16)]


def build(partition: str) -> migrations.RunSQL:
    # Dropped first: an interrupted build leaves an invalid index of that name.
    return migrations.RunSQL(
        [
            f'DROP INDEX CONCURRENTLY IF EXISTS "{partition}_space_key"',
            f'CREATE UNIQUE INDEX CONCURRENTLY "{partition}_space_key"'
            f' ON "{partition}" (tenant_id, space_id, id)',
        ],
        f'DROP INDEX CONCURRENTLY IF EXISTS "{partition}_space_key"',
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingestion", "0009_generations")]
    operations = [build(partition) for partition in PARTITIONS]
