"""Routes with their candidates; what a model can do and how its provider is spoken to.

The new columns have constant defaults, so no table is rewritten.
"""

import django.db.models.deletion
import tenants.identifiers
import tenants.tables
from django.db import migrations, models
from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0004_prompts'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.AddField(
            model_name='model',
            name='json_output',
            field=models.BooleanField(default=True, verbose_name='answers in JSON'),
        ),
        migrations.AddField(
            model_name='model',
            name='kind',
            field=models.CharField(choices=[('chat', 'Chat'), ('embedding', 'Embedding'), ('rerank', 'Rerank')], default='chat', max_length=10),
        ),
        migrations.AddField(
            model_name='model',
            name='tools',
            field=models.BooleanField(default=True, verbose_name='calls tools'),
        ),
        migrations.AddField(
            model_name='model',
            name='vision',
            field=models.BooleanField(default=False, verbose_name='reads images'),
        ),
        migrations.AddField(
            model_name='provider',
            name='length_parameter',
            field=models.CharField(blank=True, choices=[('', 'Find out'), ('max_tokens', 'max_tokens'), ('max_completion_tokens', 'max_completion_tokens')], default='', max_length=30, verbose_name='parameter for the longest answer'),
        ),
        migrations.AddField(
            model_name='provider',
            name='protocol',
            field=models.CharField(choices=[('openai', 'OpenAI-compatible (chat, embeddings)'), ('cohere', 'Rerank as Cohere'), ('jina', 'Rerank as Jina'), ('tei', 'Rerank as Text Embeddings Inference')], default='openai', max_length=10),
        ),
        migrations.AddField(
            model_name='provider',
            name='reports_usage',
            field=models.BooleanField(default=True, help_text='Off for servers that refuse stream_options; tokens are then counted here.', verbose_name='can report tokens while streaming'),
        ),
        migrations.CreateModel(
            name='Route',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('feature', models.CharField(max_length=40)),
                ('strategy', models.CharField(choices=[('weighted', 'By weight (A/B, canary)'), ('cheapest', 'Cheapest that fits'), ('fastest', 'Fastest now'), ('ordered', 'In order')], default='ordered', max_length=10)),
                ('tiers', models.CharField(choices=[('any', 'Any'), ('by_complexity', 'By the complexity of the question'), ('small', 'Small'), ('standard', 'Standard'), ('large', 'Large')], default='any', max_length=15, verbose_name='tier')),
                ('complexity', models.JSONField(blank=True, default=dict, verbose_name='complexity rule')),
                ('sticky', models.BooleanField(default=True, verbose_name='the same candidate for a whole conversation')),
                ('hedge_after_ms', models.PositiveIntegerField(blank=True, null=True, verbose_name='hedge after (ms)')),
                ('first_token_s', models.FloatField(blank=True, null=True, verbose_name='patience for the first token (s)')),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Candidate',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('model', models.CharField(max_length=310)),
                ('weight', models.PositiveIntegerField(default=1)),
                ('is_fallback', models.BooleanField(default=False, verbose_name='fallback')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('route', tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='candidates', to='inference.route')),
            ],
            options={
                'ordering': ('is_fallback', 'position', 'id'),
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddConstraint(
            model_name='route',
            constraint=models.UniqueConstraint(fields=('tenant', 'feature'), name='route_feature_once'),
        ),
        migrations.AddConstraint(
            model_name='route',
            constraint=models.CheckConstraint(condition=models.Q(('first_token_s__isnull', True), ('first_token_s__gt', 0), _connector='OR'), name='route_patience_positive'),
        ),
        migrations.AddConstraint(
            model_name='candidate',
            constraint=models.UniqueConstraint(fields=('tenant', 'route', 'model'), name='candidate_model_once'),
        ),
        SecureTenantTables("Route", "Candidate"),
    ]
