"""Pausing, titles that people give, what a version was restored from, and how long a tenant keeps what is gone."""

import django.core.validators
import django.db.models.deletion
import tenants.identifiers
from django.conf import settings
from django.db import migrations, models

from tenants.security import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0004_estimates'),
        ('tenants', '0002_access'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Retention',
            fields=[
                ('id', models.UUIDField(default=tenants.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('deleted_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(36500)], verbose_name='deleted documents, days')),
                ('superseded_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(36500)], verbose_name='superseded versions, days')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='collection',
            name='paused_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='fixed_title',
            field=models.CharField(blank=True, db_default='', max_length=500),
        ),
        migrations.AddField(
            model_name='documentversion',
            name='restored_from',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='documentversion',
            name='title',
            field=models.CharField(blank=True, db_default='', max_length=500),
        ),
        migrations.AddField(
            model_name='documentversion',
            name='uploaded_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='source',
            name='paused_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='collection',
            index=models.Index(condition=models.Q(('paused_at__isnull', False)), fields=['tenant'], name='collection_paused'),
        ),
        migrations.AddIndex(
            model_name='source',
            index=models.Index(condition=models.Q(('paused_at__isnull', False)), fields=['tenant'], name='source_paused'),
        ),
        migrations.AddField(
            model_name='retention',
            name='tenant',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddConstraint(
            model_name='retention',
            constraint=models.UniqueConstraint(fields=('tenant',), name='retention_once'),
        ),
        SecureTenantTables('Retention'),
    ]
