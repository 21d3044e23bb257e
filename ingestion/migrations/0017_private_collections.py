"""Collections that hold one member's attachments. The column is NULL in every row that there is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0016_filling_spaces")]
    operations = [
        migrations.AddField(
            model_name="collection",
            name="private_to",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AlterModelOptions(
            name="collection", options={"base_manager_name": "every", "ordering": ["name"]}
        ),
    ]
