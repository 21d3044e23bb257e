"""A tenant's prompts. Versions are immutable: the runtime role can only append and read them."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import tenants.identifiers
import tenants.tables
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0003_ledger_columns'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='Prompt',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PromptVersion',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('body', models.TextField()),
                ('variables', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('sha256', models.CharField(max_length=64)),
                ('created_by_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('prompt', tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='inference.prompt')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PromptLabel',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(choices=[('production', 'Production'), ('canary', 'Canary')], max_length=20)),
                ('percent', models.SmallIntegerField(default=100, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('prompt', tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='labels', to='inference.prompt')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('version', tenants.tables.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='labels', to='inference.promptversion')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='prompt_name_once'),
        ),
        migrations.AddConstraint(
            model_name='promptversion',
            constraint=models.UniqueConstraint(fields=('tenant', 'prompt', 'number'), name='prompt_version_number_once'),
        ),
        migrations.AddConstraint(
            model_name='promptlabel',
            constraint=models.UniqueConstraint(fields=('tenant', 'prompt', 'name'), name='prompt_label_once'),
        ),
        migrations.AddConstraint(
            model_name='promptlabel',
            constraint=models.CheckConstraint(condition=models.Q(('percent__range', (0, 100))), name='prompt_label_percent'),
        ),
        SecureTenantTables("Prompt", "PromptVersion", "PromptLabel"),
        migrations.RunSQL(
            "REVOKE UPDATE, DELETE ON inference_promptversion FROM footnote_app;"
            "ALTER TABLE inference_prompt ALTER tenant_id SET STATISTICS 0;"
            "ALTER TABLE inference_promptlabel ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
