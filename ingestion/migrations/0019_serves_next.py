"""Somebody wants a space to serve; a worker switches once it is complete."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0018_postings_follow'),
    ]

    operations = [
        migrations.AddField(
            model_name='embeddingspace',
            name='serves_next',
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
