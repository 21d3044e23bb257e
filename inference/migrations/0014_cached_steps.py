"""Two more features may have a cache policy of their own. Choices are not in the database: no lock, nothing to undo."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("inference", "0013_budget_mail")]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="cachepolicy",
            name="feature",
            field=models.CharField(
                choices=[
                    ("chat", "Chat"),
                    ("api.ask", "API: ask"),
                    ("api.chat", "API: OpenAI"),
                    ("rewrite", "Follow-ups rewritten"),
                    ("judge", "Support judged"),
                ],
                max_length=40,
            ),
        )
    ]
