"""Triggers that note every change to what can be read (``ingestion.generations``).

They look at whole statements, and take no lock that a reader or another writer waits for.
"""

from pathlib import Path

import django.db.models.deletion
import tenants.identifiers
from django.db import migrations, models

from tenants.security import SecureTenantTables

FORWARD = Path(__file__).with_name("generations.sql").read_text()
BACKWARD = """
DROP FUNCTION footnote_note_chunks() CASCADE;
DROP FUNCTION footnote_note_chunk_updates() CASCADE;
DROP FUNCTION footnote_note_documents() CASCADE;
DROP FUNCTION footnote_note_collections() CASCADE;
DROP FUNCTION footnote_note_spaces() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', "0008_parts"),
        ('tenants', '0002_access'),
        ('inference', '0006_cache'),
    ]

    operations = [
        migrations.CreateModel(
            name='CorpusChange',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('collection_id', models.UUIDField(null=True)),
                ('amount', models.BigIntegerField(default=1)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'collection_id'], include=('amount',), name='corpus_change_lookup')],
            },
        ),
        SecureTenantTables("CorpusChange"),
        migrations.RunSQL("ALTER TABLE ingestion_corpuschange ALTER tenant_id SET STATISTICS 0;", migrations.RunSQL.noop),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
