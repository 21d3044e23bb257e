"""Groups of one: what only one member may read. Groups are few, so that nothing waits for long."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_access")]
    operations = [
        migrations.AlterModelOptions(name="group", options={"base_manager_name": "every"}),
        migrations.AddField(
            model_name="group",
            name="personal_to",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.UniqueConstraint(
                condition=models.Q(("personal_to__isnull", False)),
                fields=("tenant", "personal_to"),
                name="group_personal_once",
            ),
        ),
    ]
