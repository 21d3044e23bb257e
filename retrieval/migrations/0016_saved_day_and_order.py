"""A saved search keeps the day that it asks about, and whether the reranker orders it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("retrieval", "0015_sampled_searches")]

    operations = [
        migrations.AddField("savedsearch", "as_of", models.DateField(blank=True, null=True)),
        migrations.AddField(
            "savedsearch", "rerank", models.BooleanField(db_default=False, default=False)
        ),
    ]
