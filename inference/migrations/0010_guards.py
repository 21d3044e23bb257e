"""What each tenant wants of its guards, and what they found."""

import django.db.models.deletion
import tenants.identifiers
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0009_passthrough'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuardFinding',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('guard', models.CharField(max_length=40)),
                ('kind', models.CharField(max_length=40)),
                ('where', models.CharField(max_length=10)),
                ('action', models.CharField(choices=[('off', 'Off'), ('warn', 'Warn'), ('redact', 'Redact'), ('block', 'Block')], max_length=10)),
                ('score', models.FloatField(default=1.0)),
                ('feature', models.CharField(max_length=40)),
                ('trace_id', models.CharField(blank=True, max_length=32)),
                ('excerpt', models.CharField(blank=True, max_length=300)),
                ('verdict', models.CharField(blank=True, choices=[('', 'Not reviewed'), ('right', 'Right'), ('false', 'False alarm')], default='', max_length=10)),
                ('reviewed_by_id', models.UUIDField(null=True)),
                ('reviewed_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='guard_finding_newest'), models.Index(fields=['tenant', 'trace_id'], name='guard_finding_trace')],
            },
        ),
        migrations.CreateModel(
            name='GuardPolicy',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('guard', models.CharField(max_length=40)),
                ('action', models.CharField(choices=[('off', 'Off'), ('warn', 'Warn'), ('redact', 'Redact'), ('block', 'Block')], max_length=10)),
                ('options', models.JSONField(default=dict)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'guard'), name='guard_policy_once')],
            },
        ),
        SecureTenantTables("GuardPolicy", "GuardFinding"),
        migrations.RunSQL(
            "ALTER TABLE inference_guardfinding ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
