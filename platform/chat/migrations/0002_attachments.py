"""Which private collection holds the files attached to a conversation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="conversation",
            name="attachments_id",
            field=models.UUIDField(null=True),
        ),
    ]
