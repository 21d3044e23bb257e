"""Saved searches, audits of recall, and slow queries."""

import django.contrib.postgres.fields
import django.db.models.deletion
import tenants.identifiers
from django.conf import settings
from django.db import migrations, models
from tenants.security import SecureTenantTables

TABLES = "savedsearch recallaudit slowquery".split()
# A tenant that the statistics do not know yet is estimated as any other (ingestion, 0004).
STATISTICS = "".join(f"ALTER TABLE retrieval_{table} ALTER tenant_id SET STATISTICS 0;" for table in TABLES)


class Migration(migrations.Migration):

    dependencies = [
        ('retrieval', '0007_search_function_v12'),
        ('tenants', '0002_access'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecallAudit',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('side', models.CharField(max_length=10)),
                ('queries', models.IntegerField()),
                ('recall', models.FloatField(help_text='Mean share of the exact ten that were found')),
                ('worst', models.FloatField()),
                ('ms', models.FloatField(help_text='Median time of the search, milliseconds')),
                ('exact_ms', models.FloatField()),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='recall_audit_newest')],
            },
        ),
        migrations.CreateModel(
            name='SavedSearch',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('query', models.TextField(blank=True)),
                ('terms', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user', 'name'), name='saved_search_once')],
            },
        ),
        migrations.CreateModel(
            name='SlowQuery',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('query', models.TextField()),
                ('duration_ms', models.FloatField()),
                ('details', models.JSONField(default=dict)),
                ('plan', models.TextField(blank=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'slow queries',
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='slow_query_newest')],
            },
        ),
        SecureTenantTables("SavedSearch", "RecallAudit", "SlowQuery"),
        migrations.RunSQL(STATISTICS, migrations.RunSQL.noop),
    ]
