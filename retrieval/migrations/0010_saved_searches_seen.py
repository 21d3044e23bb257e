"""When a saved search was last looked at, and one that was deleted a moment ago; names as the sidebar has them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("retrieval", "0009_suggest")]

    operations = [
        migrations.AddField("savedsearch", "seen_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "savedsearch",
            "seen_state",
            models.CharField(db_default="", default="", editable=False, max_length=32),
        ),
        migrations.AddField("savedsearch", "deleted_at", models.DateTimeField(editable=False, null=True)),
        migrations.AlterModelOptions(
            "recallaudit",
            {
                "base_manager_name": "objects",
                "verbose_name": "night of recall",
                "verbose_name_plural": "recall of search",
            },
        ),
        migrations.AlterModelOptions(
            "slowquery",
            {
                "base_manager_name": "objects",
                "verbose_name": "slow search",
                "verbose_name_plural": "slow searches",
            },
        ),
    ]
