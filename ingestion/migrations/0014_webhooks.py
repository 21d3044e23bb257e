"""Webhooks with their deliveries, and the chunk profile of a collection."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.identifiers
import tenants.tables
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0013_postings'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.AddField(
            model_name='collection',
            name='chunk_overlap',
            field=models.PositiveIntegerField(blank=True, help_text='Where a paragraph had to be cut inside; at most half of a passage.', null=True, validators=[django.core.validators.MaxValueValidator(1000)], verbose_name='tokens repeated'),
        ),
        migrations.AddField(
            model_name='collection',
            name='chunk_profile',
            field=models.CharField(choices=[('balanced', 'Balanced: about 160 tokens'), ('precise', 'Precise: about 96 tokens, for short facts'), ('broad', 'Broad: about 200 tokens, for long explanations')], db_default='balanced', default='balanced', max_length=20, verbose_name='size of passages'),
        ),
        migrations.AddField(
            model_name='collection',
            name='chunk_tokens',
            field=models.PositiveIntegerField(blank=True, help_text='Instead of the size above; never more than the embedding model can read.', null=True, validators=[django.core.validators.MinValueValidator(32), django.core.validators.MaxValueValidator(2000)], verbose_name='tokens of a passage'),
        ),
        migrations.AddField(
            model_name='collection',
            name='split_code',
            field=models.BooleanField(db_default=False, default=False, help_text='Otherwise code that fits stays whole.', verbose_name='cut code between lines'),
        ),
        migrations.AddField(
            model_name='collection',
            name='split_tables',
            field=models.BooleanField(db_default=False, default=False, help_text='Otherwise a table that fits stays whole. The header is repeated either way.', verbose_name='cut tables between rows'),
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2000, verbose_name='address')),
                ('description', models.CharField(blank=True, max_length=200, verbose_name='description')),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('sealed_secret', models.BinaryField()),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('failures', models.IntegerField(default=0, editable=False)),
                ('disabled_reason', models.TextField(blank=True, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'webhook',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(max_length=40)),
                ('payload', models.JSONField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_until', models.DateTimeField(null=True)),
                ('status', models.IntegerField(null=True)),
                ('error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('sent_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('endpoint', tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='ingestion.webhookendpoint')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'endpoint', '-created_at'], name='delivery_newest'), models.Index(condition=models.Q(('state', 'waiting')), fields=['tenant', 'not_before'], name='delivery_waiting')],
            },
        ),
        SecureTenantTables("WebhookEndpoint", "WebhookDelivery"),
        migrations.RunSQL(
            "ALTER TABLE ingestion_webhookendpoint ALTER tenant_id SET STATISTICS 0;"
            "ALTER TABLE ingestion_webhookdelivery ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
