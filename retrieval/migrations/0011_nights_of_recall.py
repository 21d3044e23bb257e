"""The plural of a night of recall, which a list says after its number."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("retrieval", "0010_saved_searches_seen")]

    operations = [
        migrations.AlterModelOptions(
            "recallaudit",
            {
                "base_manager_name": "objects",
                "verbose_name": "night of recall",
                "verbose_name_plural": "nights of recall",
            },
        ),
    ]
