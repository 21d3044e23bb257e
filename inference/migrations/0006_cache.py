"""Answers that are kept for the next time, and what each feature may take from them."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgvector.django.halfvec
import tenants.identifiers
from decimal import Decimal
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0005_routes'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='CacheEntry',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('feature', models.CharField(max_length=40)),
                ('context', models.BinaryField(max_length=32)),
                ('asked', models.BinaryField(max_length=32)),
                ('question', models.TextField()),
                ('vector', pgvector.django.halfvec.HalfVectorField(null=True)),
                ('collection_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('value', models.JSONField()),
                ('model', models.CharField(max_length=200)),
                ('prompt_version_id', models.UUIDField(null=True)),
                ('cost_usd', models.DecimalField(decimal_places=8, default=Decimal('0'), max_digits=14)),
                ('hits', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('used_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'feature', '-used_at'], name='cache_entry_used')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'context', 'asked'), name='cache_entry_once')],
            },
        ),
        migrations.CreateModel(
            name='CachePolicy',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('feature', models.CharField(choices=[('chat', 'Chat'), ('api.ask', 'API: ask'), ('api.chat', 'API: OpenAI')], max_length=40)),
                ('exact', models.BooleanField(default=True, verbose_name='same request')),
                ('semantic', models.BooleanField(default=False, help_text='A question in other words gets the answer that was given before, if numbers, names and negations agree.', verbose_name='similar question')),
                ('threshold', models.FloatField(default=0.93, help_text='How similar: the cosine of the two questions, 0.8 to 1.', validators=[django.core.validators.MinValueValidator(0.8), django.core.validators.MaxValueValidator(1.0)])),
                ('seconds', models.PositiveIntegerField(default=86400, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2592000)], verbose_name='kept for (seconds)')),
                ('most', models.PositiveIntegerField(default=2000, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50000)], verbose_name='answers at most')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'cache policy',
                'verbose_name_plural': 'cache policies',
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'feature'), name='cache_policy_once')],
            },
        ),
        SecureTenantTables("CacheEntry", "CachePolicy"),
        migrations.RunSQL(
            "ALTER TABLE inference_cacheentry ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
