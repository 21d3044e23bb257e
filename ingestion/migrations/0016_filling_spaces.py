"""Spaces that are filled in the background: what is loaded, how far it is, and who is at it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0015_erasure_of_answers'),
    ]

    operations = [
        migrations.AddField(
            model_name='embeddingspace',
            name='completed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='cost_usd',
            field=models.DecimalField(decimal_places=8, default=0, editable=False, max_digits=14),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='cursor',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='filled',
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='lease_token',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='lease_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='paused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='reason',
            field=models.TextField(blank=True, default='', editable=False),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='seconds',
            field=models.FloatField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='shortened',
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='specification',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AddField(
            model_name='embeddingspace',
            name='served_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='embeddingspace',
            index=models.Index(condition=models.Q(('state', 'filling')), fields=['lease_until'], name='space_filling'),
        ),
    ]
