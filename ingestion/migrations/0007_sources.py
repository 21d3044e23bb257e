"""Sources that are looked at again and again: their settings, the items that they list, and their runs.

The indexes on sources are built while nobody writes sources: a tenant has a handful.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.identifiers
import tenants.tables
from django.conf import settings
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0006_lifecycle_indexes'),
        ('tenants', '0002_access'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SourceItem',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.TextField()),
                ('key_hash', models.BinaryField(max_length=32)),
                ('marker', models.CharField(blank=True, max_length=300)),
                ('etag', models.CharField(blank=True, max_length=300)),
                ('last_modified', models.CharField(blank=True, max_length=100)),
                ('sha256', models.BinaryField(default=b'', max_length=32)),
                ('memory', models.JSONField(default=dict)),
                ('seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('fetched_at', models.DateTimeField(null=True)),
                ('reason_code', models.CharField(blank=True, max_length=60)),
                ('reason', models.TextField(blank=True)),
                ('remedy', models.TextField(blank=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='SourceRun',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('held', 'Needs your word'), ('failed', 'Failed'), ('stopped', 'Stopped')], default='waiting', max_length=10)),
                ('asked_for', models.BooleanField(default=False)),
                ('may_delete_all', models.BooleanField(default=False)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('lease_token', models.UUIDField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('listed', models.IntegerField(default=0)),
                ('fetched', models.IntegerField(default=0)),
                ('unchanged', models.IntegerField(default=0)),
                ('new', models.IntegerField(default=0)),
                ('changed', models.IntegerField(default=0)),
                ('deleted', models.IntegerField(default=0)),
                ('skipped', models.IntegerField(default=0)),
                ('failed', models.IntegerField(default=0)),
                ('problems', models.JSONField(default=list)),
                ('reason_code', models.CharField(blank=True, max_length=60)),
                ('reason', models.TextField(blank=True)),
                ('remedy', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.RemoveConstraint(
            model_name='source',
            name='source_once',
        ),
        migrations.AddField(
            model_name='source',
            name='config',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='source',
            name='created_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='source',
            name='encrypted_credentials',
            field=models.BinaryField(default=b''),
        ),
        migrations.AddField(
            model_name='source',
            name='every_minutes',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='source',
            name='fresh_minutes',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='source',
            name='held_deletions',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='source',
            name='last_run_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='source',
            name='last_success_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='source',
            name='missing',
            field=models.CharField(choices=[('delete', 'Delete them from search'), ('keep', 'Keep them')], default='delete', max_length=10),
        ),
        migrations.AddField(
            model_name='source',
            name='most_deleted_percent',
            field=models.PositiveSmallIntegerField(default=20),
        ),
        migrations.AddField(
            model_name='source',
            name='next_run_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='source',
            name='reason',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='source',
            name='reason_code',
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name='source',
            name='remedy',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='source',
            name='removed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='source',
            name='kind',
            field=models.CharField(choices=[('upload', 'Upload'), ('shell', 'Command line'), ('api', 'API'), ('url', 'Web pages'), ('sitemap', 'Sitemap'), ('crawl', 'Web site'), ('rss', 'Feed (RSS, Atom)'), ('s3', 'S3 bucket'), ('git', 'Git repository'), ('folder', 'Folder')], max_length=20),
        ),
        migrations.AddIndex(
            model_name='source',
            index=models.Index(condition=models.Q(('next_run_at__isnull', False), ('paused_at', None), ('removed_at', None)), fields=['tenant', 'next_run_at'], name='source_due'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('tenant', 'collection', 'kind', 'name'), name='source_once'),
        ),
        migrations.AddField(
            model_name='sourceitem',
            name='document',
            field=tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='source_items', to='ingestion.document'),
        ),
        migrations.AddField(
            model_name='sourceitem',
            name='source',
            field=tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='ingestion.source'),
        ),
        migrations.AddField(
            model_name='sourceitem',
            name='tenant',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='sourcerun',
            name='source',
            field=tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='ingestion.source'),
        ),
        migrations.AddField(
            model_name='sourcerun',
            name='tenant',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddConstraint(
            model_name='sourceitem',
            constraint=models.UniqueConstraint(fields=('tenant', 'source', 'key_hash'), name='source_item_once'),
        ),
        migrations.AddIndex(
            model_name='sourcerun',
            index=models.Index(fields=['tenant', 'source', '-created_at'], name='source_run_newest'),
        ),
        migrations.AddIndex(
            model_name='sourcerun',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['tenant', 'not_before'], name='source_run_open'),
        ),
        migrations.AddConstraint(
            model_name='sourcerun',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('tenant', 'source'), name='source_run_one_open'),
        ),
        SecureTenantTables("SourceItem", "SourceRun"),
        # As in 0004: a tenant that the statistics do not know is no tenant of one row.
        migrations.RunSQL(
            "ALTER TABLE ingestion_sourceitem ALTER tenant_id SET STATISTICS 0;"
            "ALTER TABLE ingestion_sourcerun ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
