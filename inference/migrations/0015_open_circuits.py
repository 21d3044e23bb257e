"""Models that are left alone for a while, for all processes to see."""

import django.db.models.deletion
import tenants.identifiers
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0014_cached_steps'),
        ('tenants', '0002_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='OpenCircuit',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(max_length=100)),
                ('model', models.CharField(max_length=200)),
                ('endpoint', models.CharField(max_length=32)),
                ('trip', models.UUIDField()),
                ('opened_at', models.DateTimeField()),
                ('open_until', models.DateTimeField()),
                ('open_for', models.FloatField()),
                ('probing_until', models.DateTimeField(null=True)),
                ('error_code', models.CharField(max_length=60)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'provider', 'model', 'endpoint'), name='open_circuit_once')],
            },
        ),
        SecureTenantTables("OpenCircuit"),
        migrations.RunSQL(
            "ALTER TABLE inference_opencircuit ALTER tenant_id SET STATISTICS 0;",
            migrations.RunSQL.noop,
        ),
    ]
