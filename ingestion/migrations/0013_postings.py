"""Postings: per term and window of chunks the impacts, so that a search adds vectors instead of scanning rows.

``LexicalEntry.slot`` is a chunk's place in them; without one it is still scanned. A chunk that becomes current again
loses its slot: the window may have dropped it. Decision 0016 says how it works.

The new indexes are built without blocking writers, partition by partition.
"""

from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
import pgvector.django
from django.db import migrations, models

import tenants.identifiers
from tenants.security import PartitionTable, SecureTenantTables

PARTS = [f"{part:02}" for part in range(16)]
STORAGE = "".join(
    f"ALTER TABLE ingestion_posting_{part} ALTER impacts SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);"
    for part in PARTS
)
STATISTICS = "".join(
    f"ALTER TABLE ingestion_{table} ALTER tenant_id SET STATISTICS 0;" for table in ("posting", "postingswindow")
)
# Whoever changes chunks need not know of postings: a chunk that becomes current again is scanned until it is merged, as
# its window may have dropped it, and what is erased asks for its window to be written anew.
TRIGGERS = """
CREATE FUNCTION footnote_lose_slot() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.slot := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER lose_slot BEFORE UPDATE OF valid_to ON ingestion_lexicalentry
   FOR EACH ROW WHEN (OLD.valid_to IS NOT NULL AND NEW.valid_to IS NULL AND OLD.slot IS NOT NULL)
   EXECUTE FUNCTION footnote_lose_slot();
CREATE FUNCTION footnote_forget_postings() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE ingestion_postingswindow w SET stale = true
     WHERE NOT w.stale AND EXISTS (
           SELECT FROM gone g
            WHERE g.tenant_id = w.tenant_id AND g.slot >= w.first_slot AND g.slot < w.first_slot + w.slots);
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_postings AFTER DELETE ON ingestion_lexicalentry REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION footnote_forget_postings();
"""
NO_TRIGGERS = """
DROP TRIGGER forget_postings ON ingestion_lexicalentry;
DROP TRIGGER lose_slot ON ingestion_lexicalentry;
DROP FUNCTION footnote_forget_postings();
DROP FUNCTION footnote_lose_slot();
"""


def index(name: str, columns: str, where: str, unique: str = "") -> list[migrations.RunSQL]:
    """An index on every partition, built concurrently, under one on the whole table."""
    table = "ingestion_lexicalentry"
    made = f"CREATE {unique} INDEX {{}} ON {{}} ({columns}) WHERE {where}"
    parts = [
        # Dropped first: an interrupted build leaves an invalid index of that name.
        migrations.RunSQL(
            [
                f"DROP INDEX CONCURRENTLY IF EXISTS {name}_{part}",
                made.format(f"CONCURRENTLY {name}_{part}", f"{table}_{part}"),
            ],
            migrations.RunSQL.noop,
        )
        for part in PARTS
    ]
    attached = "".join(f"ALTER INDEX {name} ATTACH PARTITION {name}_{part};" for part in PARTS)
    whole = migrations.RunSQL(
        f"{made.format(name, f'ONLY {table}')}; {attached}", f"DROP INDEX {name}"
    )
    return [*parts, whole]


def tenant_table(name: str, *fields: tuple[str, Any]) -> migrations.CreateModel:
    key = models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)
    tenant = models.ForeignKey(
        db_index=False,
        editable=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="tenants.tenant",
    )
    return migrations.CreateModel(
        name=name,
        fields=[("id", key), *fields, ("tenant", tenant)],
        options={"abstract": False, "base_manager_name": "objects"},
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingestion", "0012_source_memory")]
    operations = [
        tenant_table("Posting", ("impacts", pgvector.django.SparseVectorField())),
        tenant_table(
            "PostingsWindow",
            ("number", models.IntegerField()),
            ("first_slot", models.IntegerField()),
            ("slots", models.IntegerField()),
            ("entries", models.IntegerField()),
            (
                "collection_ids",
                django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
            ),
            ("stale", models.BooleanField(default=False)),
            ("built_at", models.DateTimeField(auto_now_add=True)),
        ),
        PartitionTable("Posting", hash_parts=16),
        migrations.AddConstraint(
            model_name="postingswindow",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="postings_window_once"),
        ),
        SecureTenantTables("Posting", "PostingsWindow"),
        migrations.RunSQL(STORAGE + STATISTICS, migrations.RunSQL.noop),
        migrations.AddField("lexicalentry", "slot", models.IntegerField(null=True)),
        *index("lexical_slot", "tenant_id, slot", "slot IS NOT NULL", "UNIQUE"),
        *index("lexical_unmerged", "tenant_id, collection_id", "valid_to IS NULL AND slot IS NULL"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
