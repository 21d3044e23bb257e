"""What search boxes complete, and a trigger that notes which documents its words have yet to follow.

Documents that are there already are noted as well; a task follows them in the background.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import tenants.identifiers
from django.db import migrations, models
from tenants.security import SecureTenantTables

STATISTICS = "".join(
    f"ALTER TABLE ingestion_{table} ALTER tenant_id SET STATISTICS 0;" for table in ("suggestion", "suggestiondue")
)
# Whole statements, as whoever makes the change; writers never wait for each other, as rows are only inserted.
TRIGGER = """
CREATE FUNCTION footnote_note_suggestions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO ingestion_suggestiondue (tenant_id, id, document_id)
        SELECT b.tenant_id, uuidv7(), b.id FROM before b;
    ELSE
        INSERT INTO ingestion_suggestiondue (tenant_id, id, document_id)
        SELECT c.tenant_id, uuidv7(), c.id
          FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id
         WHERE (b.title, b.current_version_id, b.reader_groups, b.collection_id)
               IS DISTINCT FROM (c.title, c.current_version_id, c.reader_groups, c.collection_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER suggestions_follow_updates AFTER UPDATE ON ingestion_document
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_suggestions();
CREATE TRIGGER suggestions_follow_deletes AFTER DELETE ON ingestion_document
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_suggestions();
"""
NO_TRIGGER = """
DROP TRIGGER suggestions_follow_updates ON ingestion_document;
DROP TRIGGER suggestions_follow_deletes ON ingestion_document;
DROP FUNCTION footnote_note_suggestions();
"""
# By the role that sees all tenants' rows; 1 s for some 200,000 documents.
NOTE_ALL = """
GRANT INSERT ON ingestion_suggestiondue TO footnote_search;
SET LOCAL ROLE footnote_search;
INSERT INTO ingestion_suggestiondue (tenant_id, id, document_id)
SELECT tenant_id, uuidv7(), id FROM ingestion_document WHERE current_version_id IS NOT NULL;
RESET ROLE;
REVOKE INSERT ON ingestion_suggestiondue FROM footnote_search;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0023_term_counts_unchecked'),
        ('tenants', '0004_group_managers'),
    ]

    operations = [
        migrations.CreateModel(
            name='SuggestionDue',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('document_id', models.UUIDField()),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Suggestion',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('title', 'Title'), ('word', 'Word')], max_length=5)),
                ('collection_id', models.UUIDField()),
                ('key', models.CharField(db_collation='C', max_length=100)),
                ('shown', models.CharField(max_length=200)),
                ('weight', models.IntegerField()),
                ('witnesses', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('reader_groups', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, size=None)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'kind', 'key'], include=('weight', 'collection_id'), name='suggestion_prefix')],
            },
        ),
        SecureTenantTables("SuggestionDue", "Suggestion"),
        migrations.RunSQL(STATISTICS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGER, NO_TRIGGER),
        migrations.RunSQL(NOTE_ALL, migrations.RunSQL.noop),
    ]
